"""Run the crash matrix: `python -m tests.proofs.crash`, or a part of it.

It uses all cores. The exit code is 1 if a promise is broken.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence

from tests.lab.faults import CRASHES, Kind
from tests.lab.planted import in_adapters, in_engine, in_scaling, in_swaps, plant
from tests.lab.report import Case, Outcome, coverage, markdown, table
from tests.proofs.crash.halves import HALVES
from tests.proofs.crash.matrix import cases, run_all

_BUGS = {
    bug.name: bug for bug in (*in_engine.BUGS, *in_adapters.BUGS, *in_scaling.BUGS, *in_swaps.BUGS)
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen cases and print their results."""
    options = _parser().parse_args(arguments)
    if options.bug:
        plant(_BUGS[options.bug])
    broken = 0
    for name in options.half or HALVES:
        chosen = list(_chosen(name, options))
        if not chosen:
            sys.exit(f"no such case in {name}")
        outcomes = list(run_all(name, chosen, stop=options.stop))
        summary = markdown(outcomes) if options.markdown else table(outcomes)
        print(f"\n{name}: {coverage(chosen)}\n\n{summary}\n")
        for outcome in outcomes:
            broken += bool(outcome.violations)
            _print_violations(name, outcome, options.bug)
    return 1 if broken else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.crash", description=__doc__)
    add = parser.add_argument
    add("half", nargs="*", choices=[*HALVES, []], help="the part to run (default: both)")
    add("--story", action="append", help="only this story (can be repeated)")
    add("--kind", type=Kind, choices=list(Kind), help="only this fault")
    add("--call", type=int, help="only at this outgoing call, counted from 0")
    add("--then", type=Kind, choices=CRASHES, help="the second crash of a pair")
    add("--again", type=int, help="the call of the recovery that the second crash is at")
    add("--single", action="store_true", help="without the pairs of crashes")
    add("--stop", action="store_true", help="stop at the first violation")
    add("--markdown", action="store_true", help="print the tables as Markdown")
    add("--bug", choices=_BUGS, metavar="NAME", help="plant this bug of tests/lab/planted first")
    return parser


def _chosen(half: str, options: argparse.Namespace) -> Iterator[Case]:
    pairs = not options.single and options.kind in (None, *CRASHES)
    for case in cases(half, options.story or (), pairs=pairs):
        wanted = (
            options.kind in (None, case.kind),
            options.call in (None, case.call),
            options.then in (None, case.then),
            options.again in (None, case.again),
        )
        if all(wanted):
            yield case


def _print_violations(half: str, outcome: Outcome, bug: str | None) -> None:
    planted = f"--bug {bug} " if bug else ""
    for violation in outcome.violations:
        print(f"{outcome.case.story}, {outcome.case.column} {outcome.at}: {violation}")
        print(f"  python -m tests.proofs.crash {planted}{half} {outcome.case.arguments()}")


if __name__ == "__main__":
    sys.exit(main())
