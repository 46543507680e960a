"""What pip installs from this repository."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile

import pytest

import devops_cli
from tests.lab.templates import ROOT

_ASKED = re.compile(r"Requires-Dist: (\S+)==(\S+)")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def pinned(file: str) -> dict[str, str]:
    lines = (ROOT / file).read_text().splitlines()
    pins = [re.match(r"([A-Za-z0-9-]+)==([^\s;]+)", line) for line in lines]
    return {pin[1]: pin[2] for pin in pins if pin}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)  # noqa: S603 - its own tool
    [file] = folder.glob("*.whl")
    return zipfile.ZipFile(file)


def test_the_wheel_holds_the_command_line_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    ours = {str(path.relative_to(ROOT)) for path in (ROOT / "devops_cli").rglob("*.py")}
    ours |= {"devops_cli/rules.json", "devops_cli/service.json"}
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == ours


def test_the_wheel_asks_for_what_is_pinned(wheel: zipfile.ZipFile) -> None:
    [metadata] = [name for name in wheel.namelist() if name.endswith("/METADATA")]
    asked = re.findall(
        r"^Requires-Dist: (\S+)==(\S+)$", wheel.read(metadata).decode(), re.MULTILINE
    )
    ours = {
        name.lower(): version for name, version in pinned("devops_cli/requirements.txt").items()
    }
    assert dict(asked) == ours


def test_every_pin_has_its_reason() -> None:
    for block in (ROOT / "devops_cli" / "requirements.txt").read_text().split("\n\n")[1:]:
        for before, line in zip(block.splitlines(), block.splitlines()[1:], strict=False):
            assert "==" not in line or before.startswith("#")


def test_both_packages_have_the_same_sdk() -> None:
    ours, theirs = pinned("devops_cli/requirements.txt"), pinned("requirements.txt")
    assert ours["botocore"] == ours["boto3"] == theirs["botocore"]


def test_nothing_of_the_command_line_is_in_the_lambda_package() -> None:
    assert not {"typer", "rich", "httpx", "boto3", "PyYAML"} & set(pinned("requirements.txt"))


def test_the_build_is_that_of_the_tests() -> None:
    for each in PROJECT["build-system"]["requires"]:
        assert each in (ROOT / "requirements-dev.txt").read_text()


def test_the_version_is_the_project_s() -> None:
    assert devops_cli.__version__ == PROJECT["project"]["version"]
