"""The CI size of the state machine: the same sequences in each run."""

from __future__ import annotations

from pathlib import Path

import hypothesis
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.stateful import run_state_machine_as_test

from tests.proofs.stateful.__main__ import CI_EXAMPLES, CI_STEPS, SEED, SIZES, settings
from tests.proofs.stateful.machine import Environments, Service

# The number of sequences in which environments change; the others are those of the CI size.
_EXAMPLES = 100


def test_no_sequence_violates_a_promise(tmp_path: Path) -> None:
    # The directory for the caches of Hypothesis; the settings store no examples.
    set_hypothesis_home_dir(tmp_path)
    machine = hypothesis.seed(SEED)(Service)
    run_state_machine_as_test(machine, settings=settings(CI_EXAMPLES, CI_STEPS))


def test_no_sequence_with_other_environments_violates_a_promise(tmp_path: Path) -> None:
    set_hypothesis_home_dir(tmp_path)
    machine = hypothesis.seed(SEED)(Environments)
    run_state_machine_as_test(machine, settings=settings(_EXAMPLES, CI_STEPS))


def test_the_sizes_are_documented() -> None:
    assert SIZES.is_documented("stateful")
