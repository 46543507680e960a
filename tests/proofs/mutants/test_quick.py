"""Sessions of pytest in one process, as mutmut starts them for all tests and then for a mutant."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.proofs.mutants import ROOT

TESTS = r"""
import os
import pytest

@pytest.fixture
def changed():
    return os.environ.get("CHANGED")

@pytest.mark.parametrize("value", ["\t", " "], ids=repr)
def test_values(changed, value):
    assert changed != "values" or value == "\t"

@pytest.mark.parametrize("value", ["unchanged", "other"])
def test_output(request, tmp_path, capsys, value):
    print(request.getfixturevalue("changed"), value)
    assert capsys.readouterr().out != "output other\n"
"""
SESSIONS = """
import os, sys
import pytest

class Names:
    def pytest_collection_finish(self, session):
        self.found = [item.nodeid for item in session.items]

names, (module, changed, part, *options) = Names(), sys.argv[1:]
assert pytest.main(["-q", "-x", *options, module], plugins=[names]) == 0
assert len(names.found) == 4
os.environ["CHANGED"] = changed
named = [name for name in names.found if part in name]
sys.exit(100 + pytest.main(["-q", "-x", *options, *named]))
"""


@pytest.mark.parametrize(
    ("changed", "named", "code"),
    [
        ("", "", pytest.ExitCode.OK),
        ("values", "", pytest.ExitCode.TESTS_FAILED),
        ("output", "", pytest.ExitCode.TESTS_FAILED),
        ("output", "values", pytest.ExitCode.OK),
        ("output", "unchanged", pytest.ExitCode.OK),
    ],
)
def test_a_mutant_fails_exactly_with_one_of_its_tests(
    tmp_path: Path, changed: str, named: str, code: pytest.ExitCode
) -> None:
    module = tmp_path / "test_changes.py"
    module.write_text(TESTS)
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mutmut"]
    options = settings["pytest_add_cli_args"]
    command = [sys.executable, "-c", SESSIONS, str(module), changed, named, *options]
    ended = subprocess.run(  # noqa: S603 - our own arguments
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    assert ended.returncode == 100 + code, ended.stdout + ended.stderr
