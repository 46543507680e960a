"""The shares of a release: the weight of each request, and the bounds of a correct share."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest

from tools.bench.swaps.records import IDLE, LIVE, Request
from tools.bench.swaps.shares import OUTSIDE, Poll, Share, Step, bounds, shares, steps, weights


def poll(time: float, live: int, idle: int = 100) -> Poll:
    return Poll(time, time + 0.5, {LIVE: live, IDLE: idle})


def request(begun: float, version: str, port: int = LIVE, seconds: float = 0.1) -> Request:
    return Request(port, begun, begun + seconds, 200 if version else 0, version, True)


POLLS = [poll(0, 0), poll(1, 0), poll(2, 10), poll(3, 10), poll(4, 10), poll(5, 100), poll(6, 0)]


def test_a_step_excludes_the_time_in_which_the_weight_changes() -> None:
    assert steps(POLLS) == [
        Step(LIVE, 0, 0.5, 1),
        Step(LIVE, 10, 2.5, 4),
        Step(IDLE, 100, 0.5, 6),
    ]


def test_a_weight_that_returns_is_another_step() -> None:
    polls = [poll(time, weight) for time, weight in enumerate((10, 10, 0, 0, 10, 10))]
    assert [each.weight for each in steps(polls, [LIVE])] == [10, 0, 10]


def test_weights_include_one_that_only_one_poll_found() -> None:
    assert weights(POLLS, LIVE) == [0, 10, 100, 0]
    assert weights(POLLS, IDLE) == [100]


def test_requests_count_in_the_step_that_contains_them() -> None:
    requests = [
        request(0.6, "1.0"),
        request(0.95, "2.0"),  # ends after the step
        request(2.4, "2.0"),  # begins before the step
        request(2.5, "2.0"),
        request(3.0, "1.0"),
        request(3.2, ""),  # no response
        request(3.0, "2.0", IDLE),
    ]
    assert shares(requests, POLLS, "2.0") == [
        Share(LIVE, 0, 1, 0, 0, 0),
        Share(LIVE, 10, 2, 1, *bounds(2, 10)),
        # The weight of the test listener did not change, so the steps of the other do not matter.
        Share(IDLE, 100, 1, 1, 1, 1),
    ]


@pytest.mark.parametrize("requests", [1, 7, 100, 1000])
@pytest.mark.parametrize("percent", [1, 10, 25, 50, 75, 99])
def test_bounds_are_those_of_exact_fractions(requests: int, percent: int) -> None:
    least, most = bounds(requests, percent)
    share, half = Fraction(percent, 100), Fraction(OUTSIDE) / 2
    exactly = [
        comb(requests, number) * share**number * (1 - share) ** (requests - number)
        for number in range(requests + 1)
    ]
    assert sum(exactly[:least]) <= half < sum(exactly[: least + 1])
    assert sum(exactly[most + 1 :]) <= half < sum(exactly[most:])


@pytest.mark.parametrize(("percent", "number"), [(0, 0), (100, 50)])
def test_all_or_none_of_the_requests_leave_no_choice(percent: int, number: int) -> None:
    assert bounds(50, percent) == (number, number)


def test_bounds_of_many_requests_are_close_to_the_share() -> None:
    least, most = bounds(100_000, 10)
    assert 9_500 < least < 10_000 < most < 10_500
