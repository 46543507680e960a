"""The two halves of the matrix, run on all cores."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby

from tests.lab.processes import processes
from tests.lab.report import Case, Half, Outcome
from tests.proofs.crash import adapters, memory

HALVES: Mapping[str, Half] = {"memory": memory, "adapters": adapters}
# Cases that a process takes at once: enough to make the transfer cheap, few enough to keep all
# processes busy until the end.
_CHUNK = 20


def run(half: str, cases: Sequence[Case], *, stop: bool = False) -> Iterator[Outcome]:
    """Run cases of a half and return their outcomes in the same order; print the progress.

    `stop` ends the run at the first violation.
    """
    started = time.monotonic()
    with processes() as pool:
        outcomes = pool.map(partial(_run, half), cases, chunksize=_CHUNK)
        for story, group in groupby(outcomes, key=lambda outcome: outcome.case.story):
            count = 0
            for outcome in group:
                count += 1
                yield outcome
                if stop and outcome.violations:
                    pool.shutdown(cancel_futures=True)
                    return
            seconds = time.monotonic() - started
            print(f"{half} {story}: {count} cases, {seconds:.0f} s", file=sys.stderr)


def _run(half: str, case: Case) -> Outcome:
    return HALVES[half].run(case)
