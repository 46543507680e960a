"""What the benchmark of swaps makes of requests: it must count each that a customer would."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tools.bench.swaps.levels import line, row
from tools.bench.swaps.records import (
    IDLE,
    LIVE,
    Request,
    Swap,
    failed,
    first_responses,
    latencies,
    percentile,
    rates,
    stale,
)
from tools.bench.swaps.tables import render, violations

THERE = Swap("2.0", "1.0", begun=10.0, ended=11.0, until_switched=0.5, until_ended=0.9)
BACK = Swap("1.0", "2.0", begun=20.0, ended=21.0, until_switched=0.5, until_ended=0.9)


def request(
    begun: float, ended: float, version: str, port: int = LIVE, *, quick: bool = True
) -> Request:
    return Request(port, begun, ended, 200, version, quick)


@pytest.mark.parametrize("status", [0, 404, 502, 503])
def test_everything_but_200_has_failed(status: int) -> None:
    bad = Request(LIVE, 1.0, 2.0, status, "", True)
    assert failed([request(1.0, 2.0, "1.0"), bad]) == [bad]


@pytest.mark.parametrize(
    "wrong",
    [
        request(11.0, 11.1, "1.0"),
        request(15.0, 15.1, "1.0"),
        request(15.0, 15.1, "3.0"),
        request(15.0, 15.1, "2.0", IDLE),
        request(25.0, 25.1, "2.0"),
    ],
    ids=["at-once", "later", "another", "test-listener", "after-the-last"],
)
def test_the_wrong_version_after_the_answer_is_stale(wrong: Request) -> None:
    assert stale([wrong], [THERE, BACK]) == [wrong]


@pytest.mark.parametrize(
    "right",
    [
        request(9.0, 9.1, "1.0"),
        request(10.5, 11.5, "1.0"),
        request(10.5, 10.6, "2.0"),
        request(15.0, 15.1, "2.0"),
        request(15.0, 15.1, "1.0", IDLE),
        request(19.9, 20.1, "1.0"),
        request(25.0, 25.1, "1.0"),
    ],
    ids=["before", "in-flight", "switched", "after", "test-listener", "into-next", "back"],
)
def test_the_right_version_or_one_that_began_earlier_is_not_stale(right: Request) -> None:
    assert stale([right], [THERE, BACK]) == []


def test_the_first_answer_is_counted_from_the_call() -> None:
    seen = [
        request(9.9, 10.2, "1.0"),
        request(10.3, 10.4, "2.0", IDLE),
        request(10.3, 10.5, "2.0", quick=False),
        request(10.5, 10.7, "2.0"),
        request(10.6, 10.8, "2.0"),
        request(10.6, 21.5, "1.0"),  # began before the swap there was answered
        request(21.0, 21.6, "1.0"),
    ]
    assert first_responses(seen, [THERE, BACK]) == pytest.approx([0.7, 1.6])
    assert first_responses([], [THERE]) == [None]


def test_latency_is_that_of_pages_that_take_no_time_to_make() -> None:
    seen = [request(0, 0.002, ""), request(0, 0.004, ""), request(0, 1, "", quick=False)]
    assert latencies(seen) == pytest.approx({"median": 3.0, "p99": 4.0})


def test_percentile_is_a_value_that_was_measured() -> None:
    assert percentile(range(1, 101), 99) == 99
    assert percentile([7.0], 99) == 7.0


def test_rates_are_those_of_the_whole_time() -> None:
    seen = [request(0, 1, ""), request(0, 1, ""), request(1, 4, "")]
    assert rates(seen) == {"perSecond": 0.75, "inFlight": 1.25}


def results(**changes: Any) -> dict[str, Any]:
    level = {
        "concurrency": 20,
        "requests": 12345,
        "failed": 0,
        "stale": 0,
        "rates": {"perSecond": 301.4, "inFlight": 40.6},
        "latency": {"without": {"median": 2.9, "p99": 9.4}, "with": {"median": 3.8, "p99": 33.2}},
        "swaps": [row(THERE, 0.7), row(BACK, 0.8), row(THERE, 0.9), row(BACK, None)],
    }
    scenario = {
        "name": "the idle slot is still starting",
        "result": "409 NOT_READY",
        "requests": 1234,
        "failed": 0,
        "passed": True,
    }
    return {
        "machine": {"cores": 2, "python": "3.11.7", "date": "2026-11-26"},
        "levels": [level | changes],
        "scenarios": [scenario],
    }


def test_results_are_three_tables() -> None:
    text = [re.sub(" *[|] *", "|", line).strip("|") for line in render(results())]
    assert "Measured: laptop cloud, 2 cores, Python 3.11.7, 2026-11-26." in text
    assert "20|4|12,345|301|41|0|0|2.9, 9|3.8, 33" in text
    assert "20|forth|500 (at most 500)|800 (at most 900)|1000 (at most 1000)" in text
    assert "20|back|500 (at most 500)|800 (at most 800)|1000 (at most 1000)" in text
    assert "the idle slot is still starting|409 NOT_READY|1,234|0" in text


def test_one_swap_has_no_way_back() -> None:
    assert "| back" not in "".join(render(results(swaps=[row(THERE, 0.7)])))


def test_each_swap_is_a_line() -> None:
    assert line(3, row(THERE, 0.7)) == (
        "swap   3 to 2.0: switched 500 ms after the request, first response from it 700 ms,"
        " swap completed 1000 ms"
    )
    assert "first response from it none" in line(3, row(THERE, None))


@pytest.mark.parametrize("limit", ["failed", "stale"])
def test_one_customer_who_notices_is_too_many(limit: str) -> None:
    assert violations(results()) == []
    assert len(violations(results(**{limit: 1}))) == 1


def test_a_scenario_that_goes_wrong_is_named() -> None:
    bad = results()
    bad["scenarios"][0]["passed"] = False
    assert violations(bad) == ["the idle slot is still starting: 0 failed, 409 NOT_READY"]
