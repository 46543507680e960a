"""The races find bugs: each one that is planted, and none where there is none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash.seeded import ROOT, plant
from tests.races.bugs import BUGS, Bug


def _races(product: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run races in the directory of a planted product, which comes first on the path."""
    command = [sys.executable, "-m", "tests.races", *arguments]
    path = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(  # noqa: S603 - our own module
        command, cwd=product, env=path, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_the_races_find(bug: Bug, tmp_path: Path) -> None:
    plant(bug, tmp_path)
    found = _races(tmp_path, *bug.arguments)
    assert (found.returncode, found.stderr.count("Traceback")) == (1, 0), found.stderr
    assert f"python -m tests.races --race {bug.stories[0]} --schedule" in found.stdout


def test_what_was_found_is_found_again_by_its_schedule(tmp_path: Path) -> None:
    plant(BUGS[0], tmp_path)
    found = _races(tmp_path, *BUGS[0].arguments).stdout.splitlines()
    violation, command = found[-2:]
    again = _races(tmp_path, *command.split()[3:]).stdout.splitlines()
    assert again[-2:] == [violation, command]
    assert "A containers.register" in again


def test_the_races_find_nothing_where_nothing_was_planted(tmp_path: Path) -> None:
    plant(None, tmp_path)
    found = _races(tmp_path, "--race", "promote-swap", "--preemptions", "1")
    assert found.returncode == 0, found.stdout
