"""Run the mutation tests: `python -m tests.proofs.mutants`.

The exit code is 1 if too many mutants survive, or if a survivor is not accepted.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence

from tests.lab.sizes import Sizes
from tests.proofs.mutants import ROOT
from tests.proofs.mutants.mutant import accepted_survivors, mutants
from tests.proofs.mutants.score import problems, table

SIZES = Sizes("the list of accepted survivors and the report, without mutants", "all mutants")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the mutation tests and print the score and the problems."""
    options = _parser().parse_args(arguments)
    os.chdir(ROOT)
    if not options.report:
        _run(survivors=options.survivors, processes=options.processes)
    checked = list(mutants())
    reasons = accepted_survivors()
    print(f"\n{table(checked, reasons.keys(), markdown=options.markdown)}\n")
    found = list(problems(checked, reasons.keys()))
    print("\n".join(found))
    for change in reasons.keys() - {mutant.change for mutant in checked}:
        print(f"no longer survives: {change.module}.{change.function}, {change.now!r}")
    return 1 if found else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.proofs.mutants", description=__doc__, epilog=str(SIZES)
    )
    add = parser.add_argument
    add("--survivors", action="store_true", help="repeat only the survivors of the last run")
    add("--report", action="store_true", help="print the results of the last run")
    add("--processes", type=int, default=os.cpu_count(), help="number of simultaneous mutants")
    add("--markdown", action="store_true", help="print the table as Markdown")
    return parser


def _run(*, survivors: bool, processes: int) -> None:
    started = time.monotonic()
    if not survivors:
        shutil.rmtree(ROOT / "mutants", ignore_errors=True)
    _mutmut(processes)
    if survivors:
        _mutmut(processes, *(mutant.name for mutant in mutants() if not mutant.killed))
    print(f"\n{time.monotonic() - started:.0f} s")


def _mutmut(processes: int, *names: str) -> None:
    """Run the mutants without a result, or the named ones."""
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(processes), *names]
    subprocess.run(command, check=True)  # noqa: S603 - our own arguments


if __name__ == "__main__":
    sys.exit(main())
