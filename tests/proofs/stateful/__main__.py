"""Run random sequences of the state machine in full size: `python -m tests.proofs.stateful`.

The exit code is 1 if a sequence violates a promise; the shortest such sequence is printed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.lab.planted import plant
from tests.lab.planted.in_life import BUGS
from tests.lab.sizes import Sizes
from tests.proofs.stateful.independent import BACKEND
from tests.proofs.stateful.machine import Service, Stacks
from tests.proofs.stateful.swap_machine import Swaps

_BUGS = {bug.name: bug for bug in BUGS}
_MACHINES: Mapping[str, type[RuleBasedStateMachine]] = {
    "service": Service, "stacks": Stacks, "swaps": Swaps,
}  # fmt: skip
# The numbers of sequences (examples) and of steps in a sequence.
CI_EXAMPLES, CI_STEPS = 300, 40
EXAMPLES, STEPS = 1000, 50
SIZES = Sizes(
    f"{CI_EXAMPLES} sequences of at most {CI_STEPS} steps",
    f"{EXAMPLES:,} sequences of at most {STEPS} steps",
)
# The seed of the random sequences. Without it, they would change with each edit of the machine,
# because Hypothesis derives the seed from the source text.
SEED = 4


def settings(examples: int, steps: int, *, shrink: bool = True) -> hypothesis.settings:
    """Return settings that write no files and give the same sequences on every machine."""
    phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)
    return hypothesis.settings(
        max_examples=examples,
        stateful_step_count=steps,
        database=None,
        deadline=None,
        print_blob=True,
        phases=phases,
        backend=BACKEND,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sequences and print the result."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.proofs.stateful", description=__doc__, epilog=str(SIZES)
    )
    add = parser.add_argument
    add("--examples", type=int, default=EXAMPLES, help=f"sequences (default: {EXAMPLES})")
    add("--steps", type=int, default=STEPS, help=f"maximum of steps (default: {STEPS})")
    add("--seed", type=int, default=SEED, help=f"the seed (default: {SEED})")
    add("--machine", choices=_MACHINES, default="service", help="its steps (default: service)")
    add("--no-shrink", action="store_true", help="do not search for a shorter sequence")
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
    return _run(hypothesis.seed(options.seed)(_MACHINES[options.machine]), chosen)


def _run(machine: type[RuleBasedStateMachine], chosen: hypothesis.settings) -> int:
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        set_hypothesis_home_dir(Path(directory))
        try:
            run_state_machine_as_test(machine, settings=chosen)
        except AssertionError:
            traceback.print_exc()
            return 1
    print(f"{chosen.max_examples} sequences, {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
