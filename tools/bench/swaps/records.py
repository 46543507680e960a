"""What is written down of requests and swaps, and what follows from it; pure.

All moments are seconds of the machine's one monotonic clock, which processes share.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

LIVE, IDLE = 80, 8080  # the ports of the production and the test listener


class Request(NamedTuple):
    """One request of a customer. `version` is "" without an answer; `quick` pages take no time."""

    port: int
    begun: float
    ended: float
    status: int
    version: str
    quick: bool


@dataclass(frozen=True)
class Swap:
    """One swap from outside: when it was called and answered, and what it reports of itself (s)."""

    version: str
    before: str
    begun: float
    ended: float
    until_switched: float
    until_ended: float


def failed(requests: Iterable[Request]) -> list[Request]:
    """Return the requests without an answer of status 200."""
    return [each for each in requests if each.status != 200]


def stale(requests: Sequence[Request], swaps: Sequence[Swap]) -> list[Request]:
    """Return answers from the wrong version to requests that began after a swap was answered.

    The production listener must show the new version from then on, the test listener the one
    before; until the next swap is called, because from then on either is right.
    """
    found = []
    ends = [after.begun for _, after in pairwise(swaps)] + [float("inf")]
    for swap, end in zip(swaps, ends, strict=True):
        right = {LIVE: swap.version, IDLE: swap.before}
        found += [
            each
            for each in requests
            if swap.ended <= each.begun and each.ended <= end
            if each.status == 200 and each.version != right[each.port]
        ]
    return found


def first_answers(requests: Sequence[Request], swaps: Sequence[Swap]) -> list[float | None]:
    """Return, per swap, seconds from the call to the first answer of the new version on port 80.

    Only pages that take no time count: with others it would be how long a page takes.
    """
    live = [each for each in requests if each.port == LIVE and each.quick and each.status == 200]
    begins = [float("-inf"), *(swap.ended for swap in swaps)]
    found: list[float | None] = []
    for swap, since in zip(swaps, begins, strict=False):
        ends = [e.ended for e in live if e.begun >= since and e.version == swap.version]
        found.append(min(ends) - swap.begun if ends else None)
    return found


def latencies(requests: Iterable[Request]) -> dict[str, float]:
    """Return median and 99th percentile of pages that take no time to make, in ms."""
    took = [1000 * (each.ended - each.begun) for each in requests if each.quick]
    if not took:
        return {"median": 0.0, "p99": 0.0}
    return {"median": statistics.median(took), "p99": percentile(took, 99)}


def percentile(values: Iterable[float], per_cent: int) -> float:
    """Return the smallest value that so many per cent of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * per_cent // 100) - 1)]


def rates(requests: Sequence[Request]) -> dict[str, float]:
    """Return requests per second, and how many were in flight on average."""
    seconds = max(e.ended for e in requests) - min(e.begun for e in requests)
    waiting = sum(each.ended - each.begun for each in requests)
    return {"perSecond": len(requests) / seconds, "inFlight": waiting / seconds}
