"""Vulnerable packages fail; a service without a response is not a service without advisories."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tools.bench.serving import serving
from tools.security.advisories import accepted_advisories, npm_audit, pip_audit
from tools.security.outcome import Outcome, Status
from tools.security.templates import ROOT

Advisories = Mapping[str, Any]


class Service(ThreadingHTTPServer):
    """OSV and the registry of npm in one; both have the advisories by the name of the package.

    With another `status` than 200 the responses have no advisory. `asked` has the requested
    packages with their versions.
    """

    def __init__(self, advisories: Advisories, status: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.advisories, self.status = advisories, status
        self.asked: dict[str, Any] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def service(advisories: Advisories | None = None, status: int = 200) -> Iterator[Service]:
    with serving(Service(advisories or {}, status)) as running:
        yield running


class _Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        question = json.loads(body)
        if "package" in question:
            name = question["package"]["name"]
            self.server.asked[name] = question["version"]
            known = self.server.advisories.get(name)
            self.answer({"vulns": [known]} if known else {})
        else:
            self.server.asked |= question
            self.answer({n: [a] for n, a in self.server.advisories.items() if n in question})

    def do_GET(self) -> None:
        """Return the versions of a vulnerable package; npm names the sound ones."""
        name = self.path.strip("/")
        self.answer(
            {"name": name, "versions": {v: {"version": v} for v in self.server.asked[name]}}
        )

    def answer(self, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is given
        """Write no log."""


SOUND = Outcome(Status.PASSED)
OSV: dict[str, Any] = {
    "voluptuous": {
        "id": "PYSEC-2026-1",
        "aliases": ["GHSA-aaaa-bbbb-cccc"],
        "summary": "It validates too much",
        "affected": [
            {
                "package": {"name": "voluptuous", "ecosystem": "PyPI"},
                "ranges": [
                    {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9.0"}]}
                ],
            }
        ],
    }
}
NPM: dict[str, Any] = {
    "js-yaml": {
        "id": 1, "title": "It reads too much", "severity": "high", "vulnerable_versions": "<99",
        "url": "https://github.com/advisories/GHSA-dddd-eeee-ffff",
    }
}  # fmt: skip
NOWHERE = (
    "http://127.0.0.1:9"  # the port of a service that throws away what it gets, if there is one
)


@pytest.fixture
def requirements(tmp_path: Path) -> list[Path]:
    (tmp_path / "one.txt").write_text("voluptuous==0.16.0 # with a reason\n")
    (tmp_path / "two.txt").write_text("-r one.txt\nmoto[s3,ecr]==5.2.5\n")
    return [tmp_path / "one.txt", tmp_path / "two.txt"]


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A virtual environment with a package, and with the packages of Python itself."""
    for name in ("voluptuous", "pip", "setuptools"):
        installed = tmp_path / f"venv/lib/python3.11/site-packages/{name}-0.15.0.dist-info"
        installed.mkdir(parents=True)
        (installed / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.15.0\n"
        )
    return tmp_path / "venv"


@pytest.fixture
def npm(tmp_path: Path) -> Path:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def test_each_pinned_package_is_checked(requirements: list[Path]) -> None:
    with service() as osv:
        assert pip_audit(requirements, [], url=osv.url) == SOUND
    assert osv.asked == {"pip": "1.0", "voluptuous": "0.16.0", "moto": "5.2.5"}


def test_lists_with_and_without_hashes_are_checked(
    requirements: list[Path], tmp_path: Path
) -> None:
    locked = tmp_path / "three.txt"
    locked.write_text(f"six==1.17.0 \\\n    --hash=sha256:{64 * '0'}\n")
    with service() as osv:
        assert pip_audit([locked, *requirements], [], url=osv.url) == SOUND
    assert osv.asked.keys() == {"pip", "voluptuous", "moto", "six"}


def test_a_vulnerable_pinned_package_fails(requirements: list[Path]) -> None:
    with service(OSV) as osv:
        outcome = pip_audit(requirements, [], url=osv.url)
    found = "voluptuous 0.16.0: PYSEC-2026-1, GHSA-aaaa-bbbb-cccc; fixed in 9.0"
    assert outcome == Outcome(Status.FAILED, (found,))


def test_a_vulnerable_installed_package_fails(
    requirements: list[Path], environment: Path, tmp_path: Path
) -> None:
    with service(OSV | {"pip": OSV["voluptuous"]}) as osv:
        outcome = pip_audit(requirements[:1], [environment, tmp_path / "none"], url=osv.url)
    assert [line.split(":")[0] for line in outcome.lines] == [
        "voluptuous 0.16.0",
        "voluptuous 0.15.0",
    ]


@pytest.mark.parametrize("known", ["PYSEC-2026-1", "GHSA-aaaa-bbbb-cccc"])
def test_an_advisory_that_was_accepted_does_not_fail(requirements: list[Path], known: str) -> None:
    with service(OSV) as osv:
        assert pip_audit(requirements, [], frozenset({known}), osv.url) == SOUND


@pytest.mark.parametrize("status", [404, 500])
def test_an_error_of_the_service_is_unavailable(requirements: list[Path], status: int) -> None:
    with service(OSV, status) as osv:
        outcome = pip_audit(requirements, [], url=osv.url)
    assert outcome.status is Status.UNAVAILABLE
    assert f"is unavailable: HTTP Error {status}" in outcome.lines[0]


def test_a_missing_service_is_unavailable(requirements: list[Path]) -> None:
    outcome = pip_audit(requirements, [], url=NOWHERE)
    assert outcome.status is Status.UNAVAILABLE
    assert "is unavailable" in outcome.lines[0]


def test_an_unpinned_requirement_fails(tmp_path: Path) -> None:
    (tmp_path / "loose.txt").write_text("voluptuous>=0.16\n")
    with service() as osv:
        outcome = pip_audit([tmp_path / "loose.txt"], [], url=osv.url)
    assert outcome.status is Status.FAILED
    assert "voluptuous" in outcome.lines[0]


def test_each_package_of_the_lock_file_is_checked(npm: Path) -> None:
    with service() as registry:
        assert npm_audit(npm, registry=registry.url) == SOUND
    packages = json.loads((npm / "package-lock.json").read_text())["packages"]
    assert registry.asked.keys() >= {name.rpartition("node_modules/")[2] for name in packages} - {
        ""
    }


def test_a_vulnerable_package_of_the_lock_file_fails(npm: Path) -> None:
    with service(NPM) as registry:
        outcome = npm_audit(npm, registry=registry.url)
        known = frozenset({"GHSA-dddd-eeee-ffff"})
        assert npm_audit(npm, known, registry.url) == SOUND
    assert outcome.status is Status.FAILED
    assert outcome.lines == (
        f"js-yaml <99: It reads too much (high) {NPM['js-yaml']['url']}",
    )  # fmt: skip


@pytest.mark.parametrize("status", [403, 404, 405])
def test_a_registry_without_advisories_is_unavailable(npm: Path, status: int) -> None:
    with service(NPM, status) as registry:
        outcome = npm_audit(npm, registry=registry.url)
    assert outcome.status is Status.UNAVAILABLE
    assert f"is unavailable: {status}" in outcome.lines[0]


def test_a_missing_registry_is_unavailable(npm: Path) -> None:
    assert npm_audit(npm, registry=NOWHERE).status is Status.UNAVAILABLE


def test_a_registry_that_refuses_the_question_fails(npm: Path) -> None:
    with service(NPM, 400) as registry:
        assert npm_audit(npm, registry=registry.url).status is Status.FAILED


def test_a_missing_lock_file_fails(npm: Path) -> None:
    (npm / "package-lock.json").unlink()
    with service() as registry:
        outcome = npm_audit(npm, registry=registry.url)
    assert outcome.status is Status.FAILED
    assert "ENOLOCK" in outcome.lines[0]


def test_an_accepted_advisory_needs_a_reason(tmp_path: Path) -> None:
    lines = '[tool.security.accepted]\nGHSA-1 = "never called"\nPYSEC-2 = "only on Windows"\n'
    (tmp_path / "pyproject.toml").write_text(lines)
    assert accepted_advisories(tmp_path) == {"GHSA-1", "PYSEC-2"}
    (tmp_path / "pyproject.toml").write_text('[tool.security.accepted]\nGHSA-1 = ""\n')
    with pytest.raises(ValueError, match="GHSA-1"):
        accepted_advisories(tmp_path)
