"""Go through many courses of the state machine: `python -m tests.stateful`.

The exit code is 1 when a promise was broken; the shortest course that breaks it is printed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.stateful import run_state_machine_as_test

from tests.stateful.machine import Service


def settings(examples: int, steps: int, *, shrink: bool = True) -> hypothesis.settings:
    """Return settings under which nothing is kept on disk and nothing depends on the machine."""
    phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)
    return hypothesis.settings(
        max_examples=examples,
        stateful_step_count=steps,
        derandomize=True,
        database=None,
        deadline=None,
        print_blob=True,
        phases=phases,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments say and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.stateful", description=__doc__)
    add = parser.add_argument
    add("--examples", type=int, default=1000, help="how many courses (default: 1000)")
    add("--steps", type=int, default=50, help="how many steps each has at most (default: 50)")
    add("--seed", type=int, help="go through others than always")
    add("--no-shrink", action="store_true", help="do not look for a shorter course")
    options = parser.parse_args(arguments)
    chosen = settings(options.examples, options.steps, shrink=not options.no_shrink)
    machine = Service
    if options.seed is not None:
        chosen = hypothesis.settings(chosen, derandomize=False)
        machine = hypothesis.seed(options.seed)(Service)
    return _run(machine, chosen)


def _run(machine: type[Service], chosen: hypothesis.settings) -> int:
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        set_hypothesis_home_dir(Path(directory))
        try:
            run_state_machine_as_test(machine, settings=chosen)
        except AssertionError:
            traceback.print_exc()
            return 1
    print(f"{chosen.max_examples} courses, {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
