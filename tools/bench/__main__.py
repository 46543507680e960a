"""`make bench`: count and time what callers wait for, side by side with what one would do by hand.

It prints tables and fails when a bar is broken. With --write it keeps the figures in
docs/performance.json, in the tables of docs/performance.md and in docs/performance.svg.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tools.bench import cold, machine, page
from tools.bench.bars import broken
from tools.bench.calls.contenders import TOOLS
from tools.bench.calls.measurement import measure

_SECTIONS = ("calls", "cold")
COLD_TURNS = 3  # cold starts of a round: they are quick, and their figures near their bars


def main() -> int:
    """Measure, tell, keep; return 1 if a bar is broken."""
    options = _parser().parse_args()
    results = (page.load(page.RESULTS) if options.only else None) or {}
    results |= _measured(options.only or _SECTIONS, options.rounds)
    swaps = page.load(page.SWAPS)
    for lines in page.sections(results, swaps).values():
        print("\n".join(["", *lines]))
    if options.write:
        page.save(page.RESULTS, results)
        _draw(page.RESULTS, page.PLOT)
    problems = broken(results, swaps)
    print("\n" + "\n".join([*(f"✗ {each}" for each in problems)] or ["✓ all bars are met"]))
    return 1 if problems else 0


def _measured(sections: Sequence[str], rounds: int) -> dict[str, Any]:
    results: dict[str, Any] = {"machine": machine.described()}
    if "calls" in sections:
        results |= measure(rounds, lambda text: print(text, flush=True))
    if "cold" in sections:
        print("cold starts ...", flush=True)
        results["cold"] = cold.measure(COLD_TURNS * rounds)
    return results


def _draw(results: Path, plot: Path) -> None:
    program = Path(__file__).with_name("plot.py")
    command = [str(TOOLS / "python"), str(program), str(results), str(plot)]
    subprocess.run(command, check=True)  # noqa: S603 - our own program, no shell


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each is timed")
    parser.add_argument("--only", nargs="+", choices=_SECTIONS, help="leave the rest as it is kept")
    parser.add_argument("--write", action="store_true", help="keep the figures in docs/")
    return parser


if __name__ == "__main__":
    sys.exit(main())
