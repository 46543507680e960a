"""The races find bugs: each one that is planted, and none where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.seeded import plant, ran
from tests.races.bugs import BUGS, Bug

_MODULE = "tests.races"


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_the_races_find(bug: Bug, tmp_path: Path) -> None:
    plant(bug, tmp_path)
    found = ran(_MODULE, tmp_path, bug.arguments)
    assert (found.returncode, found.stderr.count("Traceback")) == (1, 0), found.stderr
    assert f"python -m tests.races --race {bug.stories[0]} --schedule" in found.stdout


def test_what_was_found_is_found_again_by_its_schedule(tmp_path: Path) -> None:
    plant(BUGS[0], tmp_path)
    found = ran(_MODULE, tmp_path, BUGS[0].arguments).stdout.splitlines()
    violation, command = found[-2:]
    again = ran(_MODULE, tmp_path, command.split()[3:]).stdout.splitlines()
    assert again[-2:] == [violation, command]
    assert "A containers.register" in again


def test_the_races_find_nothing_where_nothing_was_planted(tmp_path: Path) -> None:
    plant(None, tmp_path)
    found = ran(_MODULE, tmp_path, ["--race", "promote-swap", "--preemptions", "1"])
    assert found.returncode == 0, found.stdout
