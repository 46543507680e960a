"""Run the crash matrix: `python -m tests.crash`, or a part of it.

Everything runs on all cores. The exit code is 1 when a promise was broken.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence

from tests.crash.halves import HALVES, run
from tests.crash.kinds import CRASHES, Kind
from tests.crash.report import Case, Outcome, coverage, markdown, table


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments say and print what came of it."""
    options = _parser().parse_args(arguments)
    broken = 0
    for name in options.half or HALVES:
        cases = list(_chosen(name, options))
        if not cases:
            sys.exit(f"there is no such case in {name}")
        outcomes = list(run(name, cases, stop=options.stop))
        tell = markdown if options.markdown else table
        print(f"\n{name}: {coverage(cases)}\n\n{tell(outcomes)}\n")
        for outcome in outcomes:
            broken += bool(outcome.violations)
            _tell(name, outcome)
    return 1 if broken else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    add = parser.add_argument
    add("half", nargs="*", choices=[*HALVES, []], help="what to run (default: everything)")
    add("--story", action="append", help="only this story (may be given several times)")
    add("--kind", type=Kind, choices=list(Kind), help="only this fault")
    add("--call", type=int, help="only at this outgoing call, counted from 0")
    add("--then", type=Kind, choices=CRASHES, help="the second crash of a pair")
    add("--again", type=int, help="the call of the recovery that the second crash is at")
    add("--single", action="store_true", help="leave out the pairs of crashes")
    add("--stop", action="store_true", help="stop at the first violation")
    add("--markdown", action="store_true", help="print the tables for docs/reliability.md")
    return parser


def _chosen(half: str, options: argparse.Namespace) -> Iterator[Case]:
    pairs = not options.single and options.kind in (None, *CRASHES)
    for case in HALVES[half].cases(options.story or (), pairs=pairs):
        wanted = (
            options.kind in (None, case.kind),
            options.call in (None, case.call),
            options.then in (None, case.then),
            options.again in (None, case.again),
        )
        if all(wanted):
            yield case


def _tell(half: str, outcome: Outcome) -> None:
    for violation in outcome.violations:
        print(f"{outcome.case.story}, {outcome.case.column} {outcome.at}: {violation}")
        print(f"  python -m tests.crash {half} {outcome.case.arguments()}")


if __name__ == "__main__":
    sys.exit(main())
