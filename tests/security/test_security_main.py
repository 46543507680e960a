"""The result of all tools, and the exit code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools.security.__main__ import run_all
from tools.security.compiled import PackageError
from tools.security.outcome import Outcome, Status
from tools.security.templates import ROOT


def fails() -> Outcome:
    raise PackageError("parameters.yml cannot be deployed:\n  - vpc: is missing")


def is_not_there() -> Outcome:
    raise FileNotFoundError("no checkov")


def test_each_outcome_has_its_findings() -> None:
    told = dict(
        run_all(
            {
                "sound": lambda: Outcome(Status.PASSED),
                "silent": lambda: Outcome(Status.UNAVAILABLE, ("no response",)),
                "broken": fails,
                "missing": is_not_there,
            }
        )
    )
    lines = {re.sub(r" after \d+ s$", "", line): outcome.lines for line, outcome in told.items()}
    assert lines == {
        "✓ sound: passed": (),
        "? silent: unavailable": ("no response",),
        "✗ broken: failed": ("parameters.yml cannot be deployed:", "  - vpc: is missing"),
        "✗ missing: failed": ("no checkov",),
    }


def run_checks(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "tools.security", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def elsewhere(tmp_path: Path) -> dict[str, str]:
    """An environment in which npm has a registry that does not respond."""
    (tmp_path / ".npmrc").write_text("registry=http://127.0.0.1:9\n")
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}


def test_an_unavailable_service_fails_only_with_online(elsewhere: dict[str, str]) -> None:
    done = run_checks("npm-audit", environment=elsewhere)
    assert done.returncode == 0, done.stderr
    assert "? npm-audit: unavailable" in done.stdout
    assert "the registry is unavailable" in done.stdout
    assert run_checks("--online", "npm-audit", environment=elsewhere).returncode == 1
