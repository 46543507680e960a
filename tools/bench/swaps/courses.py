"""The course of one progressive swap, and its figures; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tools.bench.swaps.records import IDLE, LIVE, PORTS, Request, unanswered
from tools.bench.swaps.shares import ALL, Poll, shares, weights

MINUTE = 60.0  # seconds of a clock


@dataclass(frozen=True)
class Case:
    """A swap and its expected end.

    `policy` has members of the request. `weights` are those of the new release at the production
    listener, from the request to the end: 100 if the swap succeeds, else 0. `verdict` is the
    expected one of the last check, "" without a judge. `errors` is the percentage of the requests
    that the new release fails. `phase` is that in which a `call` rolls back, "" for none. `ports`
    are those with many customers.
    """

    name: str
    policy: Mapping[str, Any]
    weights: tuple[int, ...]
    verdict: str = ""
    errors: int = 0
    phase: str = ""
    call: str = ""
    ports: tuple[int, ...] = PORTS

    @property
    def succeeds(self) -> bool:
        """Whether all customers have the new release at the end."""
        return self.weights[-1] == ALL

    @property
    def expected(self) -> dict[str, Any]:
        """The expected figures; `full` is the least number of minutes until 100 percent."""
        shares = [each for each in self.weights if 0 < each < ALL]
        step = self.policy.get("strategy", {}).get("stepMinutes", 0)
        return {
            "status": "SUCCEEDED" if self.succeeds else "FAILED",
            "verdict": self.verdict,
            "errors": self.errors,
            "weights": [list(self.weights), [ALL, 0] if self.succeeds else [ALL]],
            "full": len(shares) * step,
        }


@dataclass(frozen=True)
class Course:
    """The course of a swap to `version`.

    `called` and `rolled_back` are the times of the calls, in seconds of the monotonic clock, like
    those of requests and polls. `at` converts such a time to that of the laptop cloud, in seconds.
    """

    case: Case
    version: str
    requests: Sequence[Request]
    polls: Sequence[Poll]
    operation: Mapping[str, Any]
    called: float
    rolled_back: float | None
    at: Callable[[float], float]

    @property
    def exposed(self) -> list[Request]:
        """The customers' requests that the new release answered since the call."""
        return [
            each
            for each in self.requests
            if each.port == LIVE and each.version == self.version and each.begun >= self.called
        ]

    def first_poll(self, weight: int, since: float) -> float | None:
        """Return the end of the first poll since a time that found a weight on production."""
        ends = (e.ended for e in self.polls if e.begun >= since and e.weights[LIVE] == weight)
        return next(ends, None)


def figures(course: Course) -> dict[str, Any]:
    """Return the figures of a course.

    `requests`, `failed` and `errors` belong to the customers of the production listener: without a
    response of a release, and with status 500 from the new one. `minutes` are those of the laptop
    cloud, `milliseconds` those of the machine.
    """
    case, operation = course.case, course.operation
    live = [each for each in course.requests if each.port == LIVE]
    test = [each for each in course.requests if each.port == IDLE]
    errors = [each for each in course.exposed if each.status == 500]
    verdicts = [each["verdict"] for each in operation.get("verdicts", ())]
    return {
        "name": case.name,
        "expected": case.expected,
        "call": case.call,
        "status": operation["status"],
        "reasons": operation.get("reasons", []),
        "verdicts": Counter(verdicts),
        "lastVerdict": verdicts[-1] if verdicts else "",
        "requests": len(live),
        "testRequests": len(test),
        "failed": len(unanswered(live)),
        "testFailed": len(unanswered(test)),
        "errors": len(errors),
        "otherErrors": sum(e.status == 500 for e in course.requests if e.version != course.version),
        "exposed": len(course.exposed),
        "weights": [weights(course.polls, port) for port in PORTS],
        "shares": [each._asdict() for each in shares(live + test, course.polls, course.version)],
        "minutes": _minutes(course, errors),
        "milliseconds": _milliseconds(course),
        "affected": operation.get("affected"),
        "counted": _counted(course),
    }


def _minutes(course: Course, errors: Sequence[Request]) -> dict[str, float]:
    """Return durations in minutes of the laptop cloud, without those that do not apply.

    `full` is that from the call to 100 percent, `returned` that from the first error of a customer
    to the return of all customers, `shifted` that from the first shift to the return.
    """
    found = {"full": _between(course, course.called, course.first_poll(ALL, course.called))}
    if errors:
        first = min(each.ended for each in errors)
        found["returned"] = _between(course, first, course.first_poll(0, first))
    if course.operation.get("returnedAt"):
        shifted, returned = (_time(course.operation[name]) for name in ("shiftedAt", "returnedAt"))
        found["shifted"] = (returned - shifted) / MINUTE
    return {name: round(value, 2) for name, value in found.items() if value is not None}


def _between(course: Course, since: float, until: float | None) -> float | None:
    return None if until is None else (course.at(until) - course.at(since)) / MINUTE


def _milliseconds(course: Course) -> dict[str, float]:
    """Return durations in ms of the machine: the first and the last response of the new release.

    `firstPage` is the time from the call to the first response, `lastPage` that from the call that
    rolls back to the start of the last request with such a response, 0 if all began before. With
    few requests the first one does not show the time of the shift.
    """
    found = {}
    if course.exposed and course.case.ports:
        found["firstPage"] = min(each.ended for each in course.exposed) - course.called
    if course.exposed and course.rolled_back is not None:
        last = max(each.begun for each in course.exposed)
        found["lastPage"] = max(0.0, last - course.rolled_back)
    return {name: round(1000 * seconds, 1) for name, seconds in found.items()}


def _counted(course: Course) -> dict[str, list[int]] | None:
    """Return the least and the greatest number of requests and errors in the reported minutes.

    The report of the operation begins with the minute of the shift, and includes the requests of
    the test listener. A request that began before a minute and ended in it can belong to both.
    None for few requests: then the reported minutes are not consecutive.
    """
    affected = course.operation.get("affected")
    if not affected or not course.case.ports:
        return None
    start = _time(course.operation["shiftedAt"]) // MINUTE * MINUTE
    end = start + MINUTE * affected["minutes"]
    new = [each for each in course.requests if each.version == course.version]
    within = [e for e in new if start <= course.at(e.begun) and course.at(e.ended) < end]
    around = [e for e in new if start <= course.at(e.ended) and course.at(e.begun) < end]
    return {
        "requests": [len(within), len(around)],
        "errors": [sum(each.status == 500 for each in group) for group in (within, around)],
    }


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
