"""The matrix finds bugs: each one that is planted, and none where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.seeded import Bug, bugs, bugs_in_adapters, plant, ran

_BUGS = (*bugs.BUGS, *bugs_in_adapters.BUGS)


def _named(bug: Bug) -> str:
    return bug.name


@pytest.mark.parametrize("bug", _BUGS, ids=_named)
def test_the_matrix_finds(bug: Bug, tmp_path: Path) -> None:
    plant(bug, tmp_path)
    found = ran("tests.crash", tmp_path, bug.arguments)
    assert (found.returncode, found.stderr.count("Traceback")) == (1, 0), found.stderr
    assert f"python -m tests.crash {bug.half} --story" in found.stdout


def test_the_matrix_finds_nothing_where_nothing_was_planted(tmp_path: Path) -> None:
    plant(None, tmp_path)
    found = ran("tests.crash", tmp_path, ["memory", "--single", "--story", "swap"])
    assert found.returncode == 0, found.stdout
