"""The races find each bug that is planted, and nothing without a bug."""

from __future__ import annotations

import pytest

from tests.lab.planted import Bug, run_proof, run_with_bug
from tests.lab.planted.in_races import BUGS

_MODULE = "tests.proofs.races"


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_the_races_find(bug: Bug) -> None:
    found = run_with_bug(_MODULE, bug)
    assert (found.returncode, found.stderr.count("Traceback")) == (1, 0), found.stderr
    race = bug.arguments[-1]
    assert f"python -m tests.proofs.races --bug {bug.name} --race {race} --schedule" in found.stdout


def test_a_violation_is_found_again_by_its_schedule() -> None:
    found = run_with_bug(_MODULE, BUGS[0]).stdout.splitlines()
    violation, command = found[-2:]
    again = run_proof(_MODULE, command.split()[3:]).stdout.splitlines()
    assert again[-2:] == [violation, command]
    assert "A containers.register" in again


def test_the_races_find_nothing_without_a_bug() -> None:
    found = run_proof(_MODULE, ["--race", "promote-swap", "--preemptions", "1"])
    assert found.returncode == 0, found.stdout
