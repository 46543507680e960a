"""Records of requests and swaps, and figures computed from them; pure.

All times are seconds of the monotonic clock, which all processes of the machine share.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

LIVE, IDLE = PORTS = 80, 8080  # the ports of the production and the test listener


class Request(NamedTuple):
    """One request of a customer.

    `version` is the version in the response, "" without a response. `quick` is whether the page was
    requested without a delay. `setting` is the value of the variable that the clients request.
    """

    port: int
    begun: float
    ended: float
    status: int
    version: str
    quick: bool
    setting: str | None = None


@dataclass(frozen=True)
class Swap:
    """One swap: the times of its request and response, and its durations in the operation (s)."""

    version: str
    before: str
    begun: float
    ended: float
    until_switched: float
    until_ended: float


def failed(requests: Iterable[Request]) -> list[Request]:
    """Return the requests without a response of status 200."""
    return [each for each in requests if each.status != 200]


def unanswered(requests: Iterable[Request]) -> list[Request]:
    """Return the requests without a response of a release.

    A response of a release has a version, also with status 500.
    """
    return [each for each in requests if each.status not in (200, 500) or not each.version]


def stale(requests: Sequence[Request], swaps: Sequence[Swap]) -> list[Request]:
    """Return the requests after the response of a swap that got the wrong version.

    From the response of a swap to the request of the next one, the production listener must return
    the new version and the test listener the previous one. During a swap both versions are correct.
    """
    found = []
    ends = [after.begun for _, after in pairwise(swaps)] + [float("inf")]
    for swap, end in zip(swaps, ends, strict=True):
        expected = {LIVE: swap.version, IDLE: swap.before}
        found += [
            each
            for each in requests
            if swap.ended <= each.begun and each.ended <= end
            if each.status == 200 and each.version != expected[each.port]
        ]
    return found


def first_responses(requests: Sequence[Request], swaps: Sequence[Swap]) -> list[float | None]:
    """Return, for each swap, the seconds from its request to the first response of the new version.

    Only pages of port 80 without a delay count; None without such a response.
    """
    live = [each for each in requests if each.port == LIVE and each.quick and each.status == 200]
    begins = [float("-inf"), *(swap.ended for swap in swaps)]
    found: list[float | None] = []
    for swap, since in zip(swaps, begins, strict=False):
        ends = [e.ended for e in live if e.begun >= since and e.version == swap.version]
        found.append(min(ends) - swap.begun if ends else None)
    return found


def latencies(requests: Iterable[Request]) -> dict[str, float]:
    """Return median and 99th percentile of the latency of pages without a delay, in ms."""
    took = [1000 * (each.ended - each.begun) for each in requests if each.quick]
    if not took:
        return {"median": 0.0, "p99": 0.0}
    return {"median": statistics.median(took), "p99": percentile(took, 99)}


def percentile(values: Iterable[float], per_cent: int) -> float:
    """Return the smallest value that `per_cent` per cent of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * per_cent // 100) - 1)]


def rates(requests: Sequence[Request]) -> dict[str, float]:
    """Return requests per second, and the average number of requests in flight."""
    seconds = max(e.ended for e in requests) - min(e.begun for e in requests)
    waiting = sum(each.ended - each.begun for each in requests)
    return {"perSecond": len(requests) / seconds, "inFlight": waiting / seconds}
