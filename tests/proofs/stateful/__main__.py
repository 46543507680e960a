"""Run random courses of the state machine: `python -m tests.proofs.stateful`.

The exit code is 1 if a promise is broken; the shortest course that breaks it is printed.
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

from tests.lab.planted import plant
from tests.lab.planted.in_life import BUGS
from tests.proofs.stateful.machine import Service

_BUGS = {bug.name: bug for bug in BUGS}
# The seed of the random courses. Without one, they would change with each edit of the machine,
# because Hypothesis derives the seed from the source text.
SEED = 3


def settings(examples: int, steps: int, *, shrink: bool = True) -> hypothesis.settings:
    """Return settings that store nothing on disk and give the same courses on every machine."""
    phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)
    return hypothesis.settings(
        max_examples=examples,
        stateful_step_count=steps,
        database=None,
        deadline=None,
        print_blob=True,
        phases=phases,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen courses and print the result."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.stateful", description=__doc__)
    add = parser.add_argument
    add("--examples", type=int, default=1000, help="number of courses (default: 1000)")
    add("--steps", type=int, default=50, help="maximum of steps in a course (default: 50)")
    add("--seed", type=int, default=SEED, help=f"the seed of the courses (default: {SEED})")
    add("--no-shrink", action="store_true", help="do not search a shorter course")
    add(
        "--bug",
        choices=_BUGS,
        metavar="NAME",
        help="plant this bug first (in_life.py)",
    )
    options = parser.parse_args(arguments)
    if options.bug:
        plant(_BUGS[options.bug])
    chosen = settings(options.examples, options.steps, shrink=not options.no_shrink)
    return _run(hypothesis.seed(options.seed)(Service), chosen)


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
