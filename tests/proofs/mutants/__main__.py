"""Run the mutation tests: `python -m tests.proofs.mutants`, all or the rest of the last run.

The exit code is 1 when too many mutants survive, or one that is not accepted.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence

from tests.proofs.mutants import ROOT
from tests.proofs.mutants.accepted import accepted
from tests.proofs.mutants.mutant import mutants
from tests.proofs.mutants.score import problems, table


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments say and print what came of it."""
    options = _parser().parse_args(arguments)
    os.chdir(ROOT)
    if not options.report:
        _run(survivors=options.survivors, processes=options.processes)
    checked = list(mutants())
    reasons = accepted()
    print(f"\n{table(checked, reasons.keys(), markdown=options.markdown)}\n")
    found = list(problems(checked, reasons.keys()))
    print("\n".join(found))
    for change in reasons.keys() - {mutant.change for mutant in checked}:
        print(f"no longer survives: {change.module}.{change.function}, {change.now!r}")
    return 1 if found else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.mutants", description=__doc__)
    add = parser.add_argument
    add("--survivors", action="store_true", help="keep the last run but for what has survived it")
    add("--report", action="store_true", help="run nothing, print what the last run has found")
    add("--processes", type=int, default=os.cpu_count(), help="how many mutants at once")
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
    """Check mutants that were not checked, or those that are named."""
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(processes), *names]
    subprocess.run(command, check=True)  # noqa: S603 - our own arguments


if __name__ == "__main__":
    sys.exit(main())
