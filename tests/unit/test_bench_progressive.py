"""The figures of a progressive swap, and the expectations that they must meet."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tools.bench.swaps.courses import Case, Course, figures
from tools.bench.swaps.progressive_tables import render, violations
from tools.bench.swaps.records import IDLE, LIVE, Request, unanswered
from tools.bench.swaps.shares import Poll

POLICY = {"strategy": {"type": "canary", "percent": 10, "stepMinutes": 6}}
BAD = Case("fails 5 %", POLICY, (0, 10, 0), "BAD", errors=5)
START = 6000.0  # the start of a minute of the laptop cloud
SPEED = 20  # seconds of the laptop cloud in a second of the machine; a minute lasts 3 seconds


def at(moment: float) -> float:
    return START + SPEED * moment


def text(moment: float) -> str:
    return datetime.fromtimestamp(at(moment), UTC).isoformat()


def request(
    begun: float, version: str = "1.0", port: int = LIVE, status: int = 200, seconds: float = 0.1
) -> Request:
    return Request(port, begun, begun + seconds, status, version, True)


def polls(*weights: tuple[float, int]) -> list[Poll]:
    """Return polls of half a second, with the weights of production from these times."""
    times = [number / 2 for number in range(60)]
    present = [max(each for each in weights if each[0] <= time)[1] for time in times]
    return [
        Poll(time, time + 0.4, {LIVE: weight, IDLE: 100})
        for time, weight in zip(times, present, strict=True)
    ]


# Shifted in the minute from 3 to 6 and returned at 18, with one request each half second.
REQUESTS = [
    *(request(time / 2) for time in range(60)),
    request(4.5, "2.0", seconds=0.2),
    request(7, "2.0", status=500),
    request(8.95, "2.0"),  # ends in the minute after the reported ones
    request(10, "2.0", status=500),
    request(5, "2.0", IDLE),
    request(3.5, "2.0", IDLE, 500),
    request(12, "2.0", IDLE, 500),
]
OPERATION = {
    "status": "FAILED",
    "reasons": ["too many errors"],
    "shiftedAt": text(4.1),
    "returnedAt": text(18),
    "verdicts": [{"verdict": "TOO_FEW_REQUESTS"}, {"verdict": "BAD"}],
    "affected": {"requests": 4, "errors": 2, "minutes": 2},
}
COURSE = Course(BAD, "2.0", REQUESTS, polls((0, 0), (4, 10), (18, 0)), OPERATION, 4.0, None, at)


def test_only_responses_of_a_release_are_answers() -> None:
    lost = [request(1, "", status=0), request(1, "", status=502), request(1, "", status=500)]
    odd = request(1, "1.0", status=503)
    assert unanswered([request(1), request(1, status=500), *lost, odd]) == [*lost, odd]


def test_figures_are_those_of_the_customers() -> None:
    found = figures(COURSE)
    assert found["requests"] == 64
    assert found["testRequests"] == 3
    assert (found["failed"], found["testFailed"]) == (0, 0)
    assert (found["errors"], found["exposed"], found["otherErrors"]) == (2, 4, 0)
    assert found["verdicts"] == {"TOO_FEW_REQUESTS": 1, "BAD": 1}
    assert found["milliseconds"] == {"firstPage": 700}
    assert found["weights"] == [[0, 10, 0], [100]]
    weights = [(each["port"], each["weight"], each["new"]) for each in found["shares"]]
    assert weights == [(LIVE, 0, 0), (LIVE, 10, 4), (LIVE, 0, 0), (IDLE, 100, 3)]


def test_minutes_are_those_of_the_laptop_cloud() -> None:
    # The first error ended at 7.1, and the first poll without customers at 18.4.
    assert figures(COURSE)["minutes"] == {"returned": 3.77, "shifted": 4.63}
    full = replace(COURSE, polls=polls((0, 0), (4, 10), (22, 100)), operation={"status": ""})
    assert figures(full)["minutes"] == {"full": 6.13}


def test_few_requests_do_not_show_the_time_of_the_shift() -> None:
    assert figures(replace(COURSE, case=replace(BAD, ports=())))["milliseconds"] == {}


def test_the_last_request_counts_from_the_rollback() -> None:
    assert figures(replace(COURSE, rolled_back=9.5))["milliseconds"]["lastPage"] == 500
    assert figures(replace(COURSE, rolled_back=10.5))["milliseconds"]["lastPage"] == 0


def test_the_reported_requests_are_those_of_whole_minutes_on_both_ports() -> None:
    assert figures(COURSE)["counted"] == {"requests": [4, 5], "errors": [2, 2]}


@pytest.mark.parametrize(
    "course",
    [
        replace(COURSE, operation={"status": "FAILED"}),
        replace(COURSE, case=replace(BAD, ports=())),
    ],
    ids=["no-report", "few-requests"],
)
def test_without_consecutive_minutes_nothing_is_compared(course: Course) -> None:
    assert figures(course)["counted"] is None


def good(**changes: Any) -> dict[str, Any]:
    """Return the figures of a completed canary."""
    share = {"port": LIVE, "weight": 10, "requests": 1000, "new": 99, "least": 65, "most": 139}
    return {
        "name": "canary",
        "expected": Case("canary", POLICY, (0, 10, 100), "GOOD").expected,
        "weights": [[0, 10, 100], [100, 0]],
        "call": "",
        "status": "SUCCEEDED",
        "reasons": [],
        "verdicts": {"GOOD": 6, "TOO_FEW_REQUESTS": 2},
        "lastVerdict": "GOOD",
        "requests": 2345,
        "testRequests": 2340,
        "failed": 0,
        "testFailed": 0,
        "errors": 0,
        "otherErrors": 0,
        "exposed": 1200,
        "shares": [share | {"weight": 0, "new": 0, "least": 0, "most": 0}, share],
        "minutes": {"full": 6.08},
        "milliseconds": {"firstPage": 202.8},
        "affected": None,
        "counted": None,
    } | changes


def bad(**changes: Any) -> dict[str, Any]:
    return figures(COURSE) | changes


def results(*swaps: dict[str, Any]) -> dict[str, Any]:
    machine = {"cores": 2, "python": "3.11.7", "date": "2026-11-30"}
    return {"machine": machine, "minute": 3.0, "swaps": list(swaps)}


CALLED = good(
    name="100 percent",
    call="swap back",
    status="FAILED",
    expected=Case("100 percent", {}, (0, 100, 0)).expected,
    weights=[[0, 100, 0], [100]],
    milliseconds={"lastPage": 18.2},
)


def test_the_least_time_until_100_percent_is_that_of_all_steps() -> None:
    policy = {"strategy": {"type": "linear", "percent": 25, "stepMinutes": 6}}
    assert Case("linear", policy, (0, 25, 50, 75, 100)).expected["full"] == 18


def test_swaps_that_end_as_expected_are_not_violations() -> None:
    assert violations(results(good(), bad(), CALLED)) == []


FEW = Case("few", POLICY, (0, 10, 100), "TOO_FEW_REQUESTS").expected
SHARE = {"port": LIVE, "weight": 10, "requests": 1000, "new": 140, "least": 65, "most": 139}


@pytest.mark.parametrize(
    ("swap", "problem"),
    [
        (good(status="FAILED", reasons=["late"]), "canary: FAILED, not SUCCEEDED: late"),
        (good(failed=1), "canary: 1 failed, 0 on the test listener"),
        (good(testFailed=2), "canary: 0 failed, 2 on the test listener"),
        (good(errors=1), "canary: 1 responses with status 500"),
        (good(otherErrors=1), "canary: 1 responses with status 500"),
        (good(exposed=0), "canary: the new release received no request of a customer"),
        (
            good(shares=[SHARE]),
            "canary: port 80: 140/1,000 (65-139) requests at 10 percent",
        ),
        (
            good(shares=[SHARE | {"new": 64}]),
            "canary: port 80: 64/1,000 (65-139) requests at 10 percent",
        ),
        (
            good(lastVerdict="TOO_FEW_REQUESTS"),
            "canary: the last verdict is TOO_FEW_REQUESTS, not GOOD",
        ),
        (good(lastVerdict=""), "canary: the last verdict is missing, not GOOD"),
        (good(verdicts={"GOOD": 1, "UNREADABLE": 1}), "canary: unexpected verdicts: UNREADABLE"),
        (
            good(
                expected=FEW,
                lastVerdict="TOO_FEW_REQUESTS",
                verdicts={"GOOD": 1, "TOO_FEW_REQUESTS": 9},
            ),
            "canary: unexpected verdicts: GOOD",
        ),
        (
            bad(weights=[[0, 10, 100, 0], [100]]),
            "fails 5 %: the weights were [[0, 10, 100, 0], [100]], not [[0, 10, 0], [100]]",
        ),
        (
            good(weights=[[0, 10, 100], [100]]),
            "canary: the weights were [[0, 10, 100], [100]], not [[0, 10, 100], [100, 0]]",
        ),
        (good(minutes={"full": 5.9}), "canary: 100 percent after 5.9 of 6 minutes"),
        (
            bad(affected=None, counted=None),
            "fails 5 %: the operation does not report the affected requests",
        ),
        (
            bad(affected={"requests": 6, "errors": 2}),
            "fails 5 %: the operation reports 6 requests, the customers 4 to 5",
        ),
        (
            bad(affected={"requests": 4, "errors": 1}),
            "fails 5 %: the operation reports 1 errors, the customers 2 to 2",
        ),
    ],
)
def test_a_broken_expectation_is_a_violation(swap: dict[str, Any], problem: str) -> None:
    assert violations(results(swap)) == [problem]


def test_results_are_three_tables() -> None:
    lines = render(results(good(), bad(), CALLED))
    text = [re.sub(" *[|] *", "|", line).strip("|") for line in lines]
    assert text[0] == (
        "Measured: laptop cloud, 2 cores, Python 3.11.7, 2026-11-30; a minute lasts 3 seconds."
    )
    assert "canary|4,685|0|203|6.1|10 %: 99/1,000 (65-139)|GOOD" in text
    assert "fails 5 %|67|0|4|2|3.8|4.6|4, 2" in text


def test_a_rollback_has_a_row_for_each_state_and_a_column_for_each_call() -> None:
    aborted = CALLED | {"call": "abort", "milliseconds": {"lastPage": 25.0}, "failed": 1}
    other = aborted | {"name": "10 percent"}
    *_, head, _, full, shifted = render(results(good(), bad(), CALLED, aborted, other))
    assert [re.sub(" *[|] *", "|", each).strip("|") for each in (head, full, shifted)] == [
        "rollback at|requests|failed|swap back, ms|abort, ms",
        "100 percent|9,370|1|18|25",
        "10 percent|4,685|1||25",
    ]
