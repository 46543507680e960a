"""The bounded form of the state machine: the same courses every time."""

from __future__ import annotations

from pathlib import Path

import hypothesis
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.stateful import run_state_machine_as_test

from tests.proofs.stateful.__main__ import SEED, settings
from tests.proofs.stateful.machine import Service

# About 25 s on one core.
EXAMPLES, STEPS = 300, 40


def test_no_course_breaks_a_promise(tmp_path: Path) -> None:
    # Hypothesis stores its knowledge of the source there; it stores no examples.
    set_hypothesis_home_dir(tmp_path)
    machine = hypothesis.seed(SEED)(Service)
    run_state_machine_as_test(machine, settings=settings(EXAMPLES, STEPS))
