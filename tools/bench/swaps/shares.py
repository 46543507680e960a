"""The weights of the listeners during a swap, and the requests that each release received; pure.

All times are seconds of the monotonic clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from math import exp, lgamma, log
from operator import itemgetter
from typing import NamedTuple

from tools.bench.swaps.records import PORTS, Request

# Probability that a correct share lies outside of its bounds, on both sides together.
OUTSIDE = 1e-4
ALL = 100


class Poll(NamedTuple):
    """The weights of the new release in percent, by port of the listener, as a poll found them."""

    begun: float
    ended: float
    weights: Mapping[int, int]


class Step(NamedTuple):
    """A time in which a listener had one weight: from the end of a poll to the start of another."""

    port: int
    weight: int
    since: float
    until: float


class Share(NamedTuple):
    """The requests to a listener during one step, and those that the new release answered.

    `least` and `most` are the bounds of a binomial distribution: a correct share lies within them,
    except with a probability of `OUTSIDE`.
    """

    port: int
    weight: int
    requests: int
    new: int
    least: int
    most: int


def weights(polls: Sequence[Poll], port: int) -> list[int]:
    """Return the weights of the new release at a listener, one after the other."""
    return [weight for weight, _ in groupby(poll.weights[port] for poll in polls)]


def steps(polls: Sequence[Poll], ports: Iterable[int] = PORTS) -> list[Step]:
    """Return the steps of each listener; a weight that only one poll found has no duration."""
    found = []
    for port in ports:
        timed = ((poll.weights[port], poll) for poll in polls)
        for weight, group in groupby(timed, itemgetter(0)):
            same = [poll for _, poll in group]
            found.append(Step(port, weight, same[0].ended, same[-1].begun))
    return [each for each in found if each.since < each.until]


def shares(requests: Sequence[Request], polls: Sequence[Poll], version: str) -> list[Share]:
    """Return the share of the release `version` in each step with requests.

    Only requests that began and ended within a step count, so that the weight is known.
    """
    found = []
    for port, weight, since, until in steps(polls):
        seen = [
            each
            for each in requests
            if each.port == port and each.version and since <= each.begun and each.ended <= until
        ]
        if seen:
            new = sum(each.version == version for each in seen)
            found.append(Share(port, weight, len(seen), new, *bounds(len(seen), weight)))
    return found


def bounds(requests: int, percent: int) -> tuple[int, int]:
    """Return the smallest and the largest number of requests of a share of `percent`.

    The exact binomial distribution has at most half of `OUTSIDE` below and above them.
    """
    if percent in (0, ALL):
        return (requests * percent // ALL,) * 2
    probability = percent / ALL
    return _quantile(requests, probability), requests - _quantile(requests, 1 - probability)


def _quantile(requests: int, probability: float) -> int:
    """Return the smallest number whose cumulative probability exceeds half of `OUTSIDE`."""
    below, number = 0.0, -1
    while below <= OUTSIDE / 2:
        number += 1
        ways = lgamma(requests + 1) - lgamma(number + 1) - lgamma(requests - number + 1)
        below += exp(ways + number * log(probability) + (requests - number) * log(1 - probability))
    return number
