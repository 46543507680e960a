"""The bounded form of the state machine finds each bug that is planted."""

from __future__ import annotations

import pytest

from tests.lab.planted import Bug, run_proof
from tests.lab.planted.in_life import BUGS
from tests.proofs.stateful.test_machine import EXAMPLES, STEPS

_BOUNDED = ["--examples", str(EXAMPLES), "--steps", str(STEPS), "--no-shrink"]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_the_machine_finds(bug: Bug) -> None:
    found = run_proof("tests.proofs.stateful", [*_BOUNDED, "--bug", bug.name])
    assert (found.returncode, "Failing test case" in found.stderr) == (1, True), found.stderr
