"""Run the races: `python -m tests.proofs.races`, or a part of them.

It uses all cores. The exit code is 1 if a promise is broken.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import partial

from tests.lab.planted import plant
from tests.lab.planted.in_races import BUGS
from tests.lab.processes import processes
from tests.proofs.races.race import Outcome, run
from tests.proofs.races.races import RACES
from tests.proofs.races.schedule import Schedule, interleavings
from tests.proofs.races.table import table

_BUGS = {bug.name: bug for bug in BUGS}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen races and print their results."""
    options = _parser().parse_args(arguments)
    if options.bug:
        plant(_BUGS[options.bug])
    names = [name for name in RACES if _chosen(name, options)]
    if not names:
        sys.exit("no such race")
    if options.schedule:
        outcomes = [run(RACES[name], options.schedule) for name in names]
        print("\n".join(call for outcome in outcomes for call in outcome.calls))
    else:
        outcomes = list(_outcomes(names, options.preemptions, stop=options.stop))
    print(f"\nraces: pair x preemptions\n\n{table(outcomes, markdown=options.markdown)}\n")
    broken = [outcome for outcome in outcomes if outcome.violations]
    planted = f"--bug {options.bug} " if options.bug else ""
    for outcome in broken:
        print(f"{outcome.race}, {outcome.schedule}: {'; '.join(outcome.violations)}")
        print(f"  python -m tests.proofs.races {planted}{outcome.arguments}")
    return 1 if broken else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.races", description=__doc__)
    add = parser.add_argument
    add("--race", action="append", choices=[*RACES], metavar="NAME", help="only this race")
    add("--pair", action="append", metavar="A-B", help="only races of this pair (swap-delete)")
    add("--schedule", type=Schedule.parse, help="only this interleaving; shows its calls (A3B1)")
    add("--preemptions", type=int, default=2, help="maximum (default: 2)")
    add("--stop", action="store_true", help="stop a race at its first violation")
    add("--markdown", action="store_true", help="print the table as Markdown")
    add(
        "--bug",
        choices=_BUGS,
        metavar="NAME",
        help="plant this bug first (in_races.py)",
    )
    return parser


def _chosen(name: str, options: argparse.Namespace) -> bool:
    pairs = [pair.replace("-", " + ") for pair in options.pair or ()]
    everything = not options.race and not pairs
    return everything or name in (options.race or ()) or RACES[name].pair in pairs


def _outcomes(names: Sequence[str], preemptions: int, *, stop: bool) -> Iterator[Outcome]:
    started = time.monotonic()
    each = partial(_run, preemptions=preemptions, stop=stop)
    # Starting a process takes longer than one race.
    with processes() if len(names) > 1 else nullcontext() as pool:
        results = pool.map(each, names) if pool else map(each, names)
        for name, outcomes in zip(names, results, strict=True):
            seconds = time.monotonic() - started
            print(f"{name}: {len(outcomes)} interleavings, {seconds:.0f} s", file=sys.stderr)
            yield from outcomes


def _run(name: str, preemptions: int, *, stop: bool) -> list[Outcome]:
    outcomes = []
    for _, outcome in interleavings(partial(run, RACES[name]), preemptions):
        outcomes.append(outcome)
        if stop and outcome.violations:
            break
    return outcomes


if __name__ == "__main__":
    sys.exit(main())
