"""The races find each planted bug, and no violation without a bug."""

from __future__ import annotations

import pytest

from tests.lab.planted import Bug, run_proof, run_with_bug
from tests.lab.planted.in_races import BUGS

_MODULE = "tests.proofs.races"


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_the_races_find_a_planted_bug(bug: Bug) -> None:
    found = run_with_bug(_MODULE, bug)
    assert (found.returncode, found.stderr.count("Traceback")) == (1, 0), found.stderr
    race = bug.arguments[-1]
    assert f"python -m tests.proofs.races --bug {bug.name} --race {race} --schedule" in found.stdout


def test_a_schedule_reproduces_its_violation() -> None:
    found = run_with_bug(_MODULE, BUGS[0]).stdout.splitlines()
    violation, command = found[-2:]
    again = run_proof(_MODULE, command.split()[3:]).stdout.splitlines()
    assert again[-2:] == [violation, command]
    assert "A containers.register" in again


def test_the_races_find_no_violation_without_a_bug() -> None:
    found = run_proof(_MODULE, ["--race", "promote-swap", "--preemptions", "1"])
    assert found.returncode == 0, found.stdout
