"""`make bench`: count and time the AWS calls of each operation, compared with other tools.

It prints tables and fails if a limit is exceeded. With --write it stores the results in
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
from tools.bench.calls.contenders import TOOLS
from tools.bench.calls.measurement import measure
from tools.bench.limits import violations

_SECTIONS = ("calls", "cold")
COLD_STARTS = 3  # cold starts per round: they are short, and their results are close to the limits


def main() -> int:
    """Measure, print and optionally store the results; return 1 if a limit is exceeded."""
    options = _parser().parse_args()
    results = (page.load(page.RESULTS) if options.only else None) or {}
    results |= _measure(options.only or _SECTIONS, options.rounds)
    swaps = page.load(page.SWAPS)
    for lines in page.sections(results, swaps).values():
        print("\n".join(["", *lines]))
    if options.write:
        page.save(page.RESULTS, results)
        _draw(page.RESULTS, page.PLOT)
    problems = violations(results, swaps)
    print("\n" + "\n".join([*(f"✗ {each}" for each in problems)] or ["✓ all limits are met"]))
    return 1 if problems else 0


def _measure(sections: Sequence[str], rounds: int) -> dict[str, Any]:
    results: dict[str, Any] = {"machine": machine.describe()}
    if "calls" in sections:
        results |= measure(rounds, lambda text: print(text, flush=True))
    if "cold" in sections:
        print("cold starts ...", flush=True)
        results["cold"] = cold.measure(COLD_STARTS * rounds)
    return results


def _draw(results: Path, plot: Path) -> None:
    program = Path(__file__).with_name("plot.py")
    command = [str(TOOLS / "python"), str(program), str(results), str(plot)]
    subprocess.run(command, check=True)  # noqa: S603 - our own program, no shell


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="number of timed rounds")
    parser.add_argument(
        "--only", nargs="+", choices=_SECTIONS, help="measure only these; keep stored results"
    )
    parser.add_argument("--write", action="store_true", help="store the results in docs/")
    return parser


if __name__ == "__main__":
    sys.exit(main())
