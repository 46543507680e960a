"""The state machine in CI size finds each planted bug."""

from __future__ import annotations

import pytest

from tests.lab.planted import Bug, run_proof
from tests.lab.planted.in_life import BUGS
from tests.proofs.stateful.__main__ import CI_EXAMPLES, CI_STEPS

_CI_SIZE = ["--examples", str(CI_EXAMPLES), "--steps", str(CI_STEPS), "--no-shrink"]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_the_machine_finds_a_planted_bug(bug: Bug) -> None:
    found = run_proof("tests.proofs.stateful", [*_CI_SIZE, *bug.arguments, "--bug", bug.name])
    assert (found.returncode, "Failing test case" in found.stderr) == (1, True), found.stderr
