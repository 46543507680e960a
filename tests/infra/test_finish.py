"""The files that the build adds to the package: service models and bytecode."""

from __future__ import annotations

import hashlib
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from serverless import finish, models
from serverless.bytecode import cache_tag, compile_sources
from tests.infra.conftest import run_node

MODEL: dict[str, Any] = {
    "metadata": {"endpointPrefix": "shop"},
    "operations": {
        "Buy": {"input": {"shape": "Order"}, "documentation": "Buys."},
        "Sell": {"input": {"shape": "Offer"}},
    },
    "shapes": {
        "Order": {
            "type": "structure",
            # Members with the names of omitted and of followed members.
            "members": {
                "documentation": {"shape": "Text", "documentation": "What for."},
                "shape": {"shape": "Text"},
            },
        },
        "Offer": {"type": "structure", "members": {}},
        "Text": {"type": "string"},
        "Refused": {"type": "structure", "members": {"why": {"shape": "Why"}}, "exception": True},
        "Why": {"type": "string"},
    },
}
FILES = {
    "shop/2020-01-01/service-2.json": json.dumps(MODEL).encode(),
    "shop/2019-01-01/service-2.json": b"an older one",
    "endpoints.json": json.dumps(
        {"partitions": [{"partition": "aws", "services": {"shop": {}, "zoo": {}}}], "version": 3}
    ).encode(),
}


def test_a_model_keeps_what_an_operation_reaches_and_every_error() -> None:
    trimmed = models.trim_model(MODEL, ["Buy"])
    assert set(trimmed["operations"]) == {"Buy"}
    assert set(trimmed["shapes"]) == {"Order", "Text", "Refused", "Why"}


def test_documentation_is_emptied_but_not_a_member_of_that_name() -> None:
    trimmed = models.trim_model(MODEL, ["Buy"])
    assert trimmed["operations"]["Buy"]["documentation"] == ""
    members = trimmed["shapes"]["Order"]["members"]
    assert members["documentation"] == {"shape": "Text", "documentation": ""}


def test_the_newest_models_and_their_endpoints_are_taken() -> None:
    files = models.trim_models(list(FILES), FILES.get, {"shop": ["Buy"]})
    assert set(files) == {"shop/2020-01-01/service-2.json", "endpoints.json"}
    (partition,) = json.loads(files["endpoints.json"])["partitions"]
    assert partition["services"] == {"shop": {}}


@pytest.mark.parametrize(
    ("operations", "words"),
    [({"shop": ["Steal"]}, "no shop operation Steal"), ({"zoo": ["Feed"]}, "no service zoo")],
)
def test_what_botocore_does_not_know_is_named(operations: Any, words: str) -> None:
    with pytest.raises(models.ModelError, match=words):
        models.trim_models(list(FILES), FILES.get, operations)


def test_bytecode_is_of_the_kind_that_a_zip_archive_does_not_make_stale(tmp_path: Path) -> None:
    tag = cache_tag(sys.executable)
    (content,) = compile_sources(
        sys.executable, {"shop/till.py": b"OPEN = True\n"}, tmp_path
    ).values()
    assert (tmp_path / f"shop/__pycache__/till.{tag}.pyc").exists()
    # Flags of a .pyc: 0b11 is by hash, and checked (PEP 552).
    assert content[4] == 0b11


@pytest.mark.parametrize("program", ["no-such-interpreter", "false"])
def test_an_interpreter_that_does_not_run_has_no_bytecode(program: str) -> None:
    assert cache_tag(program) is None


def archive(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as package:
        for name, content in files.items():
            package.writestr(name, content)
    return path


def test_a_wheel_gives_what_the_installed_botocore_gives(tmp_path: Path) -> None:
    files = {f"botocore/data/{name}": content.decode() for name, content in FILES.items()}
    with zipfile.ZipFile(archive(tmp_path / "botocore.whl", files)) as wheel:
        found = models.trim_models(*models.read_wheel(wheel), {"shop": ["Buy"]})
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert found == models.trim_models(*models.read_folder(tmp_path), {"shop": ["Buy"]})


def test_a_package_that_is_finished_twice_is_the_same(tmp_path: Path) -> None:
    package = archive(tmp_path / "package.zip", {"till.py": "OPEN = True\n"})
    finish.finish(package, sys.executable, {"endpoints.json": b"{}"})
    first = package.read_bytes()
    finish.finish(package, sys.executable, {"endpoints.json": b"{}"})
    assert package.read_bytes() == first
    names = zipfile.ZipFile(package).namelist()
    assert f"__pycache__/till.{cache_tag(sys.executable)}.pyc" in names
    assert "service_models/endpoints.json" in names


def test_a_runtime_that_is_not_there_is_warned_of(tmp_path: Path) -> None:
    package = archive(tmp_path / "package.zip", {"till.py": "OPEN = True\n"})
    warning = finish.finish(package, "python3.99", {})
    assert warning
    assert warning.startswith("python3.99 is not on this machine")


@pytest.mark.parametrize("line", ["botocore\n", "botocore==1.0\n"])
def test_requirements_without_a_pin_cannot_be_used(tmp_path: Path, line: str) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(line)
    with pytest.raises(finish.PackageError, match="does not pin botocore"):
        finish.fetch_botocore(requirements, tmp_path)


def pinned(folder: Path, wheel: bytes) -> Path:
    requirements = folder / "requirements.txt"
    digest = hashlib.sha256(wheel).hexdigest()
    requirements.write_text(f"botocore==0.0 --hash=sha256:{digest}\n")
    return requirements


def test_the_wheel_is_fetched_once(tmp_path: Path) -> None:
    cached = archive(tmp_path / "botocore-0.0-py3-none-any.whl", {})
    requirements = pinned(tmp_path, cached.read_bytes())
    assert finish.fetch_botocore(requirements, tmp_path) == cached


def test_a_wheel_with_another_hash_is_refused(tmp_path: Path) -> None:
    archive(tmp_path / "botocore-0.0-py3-none-any.whl", {"botocore/__init__.py": ""})
    with pytest.raises(finish.PackageError, match="does not have the hash in"):
        finish.fetch_botocore(pinned(tmp_path, b"the released wheel"), tmp_path)


def test_pip_refuses_a_download_with_another_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive(tmp_path / "botocore-0.0-py3-none-any.whl", {"botocore/__init__.py": ""})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(finish.PackageError, match="DO NOT MATCH THE HASHES"):
        finish.fetch_botocore(pinned(tmp_path, b"the released wheel"), tmp_path / "cache")


def test_a_fetch_that_fails_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    requirements = pinned(tmp_path, b"an unavailable wheel")
    with pytest.raises(finish.PackageError, match=r"pip cannot download botocore 0\.0") as failed:
        finish.fetch_botocore(requirements, tmp_path / "cache")
    assert "put botocore-0.0-py3-none-any.whl into" in str(failed.value)


PLUGIN = """
const FinishPackage = require("./serverless/finish-package.js");
const serverless = {
  classes: { Error },
  serviceDir: process.cwd(),
  service: {
    custom: { python: "no-such-interpreter" },
    provider: { runtime: "python3.13" },
    package: { artifact: "absent.zip" },
  },
};
new FinishPackage(serverless, {}, { log: console }).finish().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
"""


def test_a_deploy_stops_when_its_package_cannot_be_finished() -> None:
    done = run_node("-e", PLUGIN)
    assert done.returncode == 1
    assert done.stderr.startswith("The package cannot be finished: ")
