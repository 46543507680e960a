"""bandit and detect-secrets find planted faults."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tools.security.outcome import BIN, Outcome, Status
from tools.security.sources import BASELINE, bandit, secrets
from tools.security.templates import ROOT

# In parts: in one piece it would be found here.
KEY = "AKIA" + "IOSFODNN7" + "ZQBDXWT"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the settings of this one, and nothing to find."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "sound.py").write_text("print('hello')\n")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)  # noqa: S603, S607 - a new folder
    (tmp_path / BASELINE).parent.mkdir(parents=True)
    baseline(tmp_path, {})
    return tmp_path


def baseline(project: Path, results: dict[str, Any]) -> None:
    settings = json.loads((ROOT / BASELINE).read_text())
    (project / BASELINE).write_text(json.dumps(settings | {"results": results}))


def scanned(project: Path) -> dict[str, Any]:
    """Return the findings for the baseline, without the confirmation of a person."""
    command = [str(BIN / "detect-secrets"), "scan", "--no-verify", "--all-files"]
    done = subprocess.run(  # noqa: S603 - a tool of ours
        [*command, "code"], cwd=project, capture_output=True, text=True, check=True
    )
    results: dict[str, Any] = json.loads(done.stdout)["results"]
    return results


def test_bandit_finds_what_is_dangerous(project: Path) -> None:
    assert bandit(project, ["code"]) == Outcome(Status.PASSED)
    (project / "code" / "planted.py").write_text("def f(text):\n    return eval(text)\n")
    outcome = bandit(project, ["code"])
    assert outcome.status is Status.FAILED
    assert "code/planted.py:2: B307" in "\n".join(outcome.lines)


def test_a_new_secret_fails(project: Path) -> None:
    assert secrets(project) == Outcome(Status.PASSED)
    (project / "code" / "settings.py").write_text(f"\nkey = '{KEY}'\n")
    outcome = secrets(project)
    assert outcome.status is Status.FAILED
    assert [line.split(". ")[0] for line in outcome.lines] == ["code/settings.py:2: AWS Access Key"]
    assert not [line for line in outcome.lines if KEY in line]


def test_a_false_finding_needs_the_confirmation_of_a_person(project: Path) -> None:
    (project / "code" / "settings.py").write_text(f"key = '{KEY}'\n")
    results = scanned(project)
    baseline(project, results)
    (line,) = secrets(project).lines
    assert "AWS Access Key in code/settings.py is not marked as a false finding" in line
    results["code/settings.py"][0]["is_secret"] = True
    baseline(project, results)
    assert secrets(project).status is Status.FAILED
    results["code/settings.py"][0]["is_secret"] = False
    baseline(project, results)
    assert secrets(project) == Outcome(Status.PASSED)


def test_an_entry_for_nothing_fails(project: Path) -> None:
    (project / "code" / "settings.py").write_text(f"key = '{KEY}'\n")
    results = scanned(project)
    results["code/settings.py"][0]["is_secret"] = False
    baseline(project, results)
    (project / "code" / "settings.py").write_text("key = None\n")
    (line,) = secrets(project).lines
    assert "AWS Access Key in code/settings.py does not exist any more" in line


def test_no_scan_is_no_success(project: Path) -> None:
    shutil.rmtree(project / ".git")
    outcome = secrets(project)
    assert outcome.status is Status.FAILED
    assert "not a git repository" in "".join(outcome.lines)
