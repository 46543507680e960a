"""Run the races in full size, or a selection of them: `python -m tests.proofs.races`.

It uses all cores. The exit code is 1 if a race violates a promise.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from functools import partial

from tests.lab.planted import plant
from tests.lab.planted.in_races import BUGS
from tests.lab.processes import processes
from tests.lab.report import as_columns, as_markdown
from tests.lab.sizes import Sizes
from tests.proofs.races.race import Outcome, run
from tests.proofs.races.races import RACES
from tests.proofs.races.scheduler import Schedule, interleavings

# Full size: all interleavings of all races.
PREEMPTIONS = 2
# CI size: all interleavings with one preemption, and some with two, of all races of callers and of
# some races of each pair of workers.
CI_WORKER_RACES = 5
CI_TWO_PREEMPTIONS = 8
SIZES = Sizes(
    f"all races of callers; {CI_WORKER_RACES} races of each pair of workers; for each race all "
    f"orders with at most one preemption, and {CI_TWO_PREEMPTIONS} orders with two",
    f"all races; for each race all orders with at most {PREEMPTIONS} preemptions",
)
_BUGS = {bug.name: bug for bug in BUGS}
_ALL, _VIOLATIONS = "all", "violations"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen races and print their results."""
    options = _parser().parse_args(arguments)
    if options.bug:
        plant(_BUGS[options.bug])
    names = [name for name in RACES if _is_selected(name, options)]
    if not names:
        sys.exit("no race has this name and this pair")
    if options.schedule:
        outcomes = [run(RACES[name], options.schedule) for name in names]
        print("\n".join(call for outcome in outcomes for call in outcome.calls))
    else:
        outcomes = list(_run_all(names, options.preemptions, stop=options.stop))
    print(f"\nraces: pair x preemptions\n\n{_table(outcomes, markdown=options.markdown)}\n")
    failed = [outcome for outcome in outcomes if outcome.violations]
    planted = f"--bug {options.bug} " if options.bug else ""
    for outcome in failed:
        print(f"{outcome.race}, {outcome.schedule}: {'; '.join(outcome.violations)}")
        print(f"  python -m tests.proofs.races {planted}{outcome.arguments}")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.proofs.races", description=__doc__, epilog=str(SIZES)
    )
    add = parser.add_argument
    add("--race", action="append", choices=[*RACES], metavar="NAME", help="only this race")
    add("--pair", action="append", metavar="A-B", help="only races of this pair (swap-delete)")
    add("--schedule", type=Schedule.parse, help="only this interleaving (A3B1), with its calls")
    add("--preemptions", type=int, default=PREEMPTIONS, help=f"maximum (default: {PREEMPTIONS})")
    add("--stop", action="store_true", help="stop a race at its first violation")
    add("--markdown", action="store_true", help="print the table as Markdown")
    add(
        "--bug",
        choices=_BUGS,
        metavar="NAME",
        help="plant this bug first (in_races.py)",
    )
    return parser


def _is_selected(name: str, options: argparse.Namespace) -> bool:
    races, pairs = options.race or (), [pair.replace("-", " + ") for pair in options.pair or ()]
    return not (races or pairs) or name in races or RACES[name].pair in pairs


def _run_all(names: Sequence[str], preemptions: int, *, stop: bool) -> Iterator[Outcome]:
    started = time.monotonic()
    run_race = partial(_run_race, preemptions=preemptions, stop=stop)
    # The start of a process takes longer than one race.
    with processes() if len(names) > 1 else nullcontext() as pool:
        results = pool.map(run_race, names) if pool else map(run_race, names)
        for name, outcomes in zip(names, results, strict=True):
            seconds = time.monotonic() - started
            print(f"{name}: {len(outcomes)} interleavings, {seconds:.0f} s", file=sys.stderr)
            yield from outcomes


def _run_race(name: str, preemptions: int, *, stop: bool) -> list[Outcome]:
    outcomes = []
    for _, outcome in interleavings(partial(run, RACES[name]), preemptions):
        outcomes.append(outcome)
        if stop and outcome.violations:
            break
    return outcomes


def _table(outcomes: Iterable[Outcome], *, markdown: bool = False) -> str:
    """Return the table pair x preemptions with the numbers of interleavings and violations."""
    counts: Counter[tuple[str, str]] = Counter()
    for outcome in outcomes:
        for pair in (RACES[outcome.race].pair, _ALL):
            counts[pair, _ALL] += 1
            counts[pair, str(outcome.schedule.preemptions)] += 1
            counts[pair, _VIOLATIONS] += bool(outcome.violations)
    columns = {_ALL: "interleavings"}
    numbers = sorted({column for _, column in counts} - {_ALL, _VIOLATIONS})
    columns |= {number: f"{number}_preemptions" for number in numbers} | {_VIOLATIONS: _VIOLATIONS}
    pairs = [*dict.fromkeys(pair for pair, _ in counts if pair != _ALL), _ALL]
    head = ["", *columns.values()]
    rows = [[pair, *(str(counts[pair, column]) for column in columns)] for pair in pairs]
    if markdown:
        return as_markdown([[cell.replace("_", " ") for cell in head], *rows])
    return as_columns([head, *rows])


if __name__ == "__main__":
    sys.exit(main())
