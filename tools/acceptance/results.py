"""The results of an acceptance test."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Outcome(StrEnum):
    """The outcome of a check."""

    PASSED = "passed"
    FAILED = "failed"
    UNCHECKED = "unchecked"


@dataclass(frozen=True)
class Check:
    """One check of a step; `reason` explains every outcome except PASSED."""

    step: str
    text: str
    outcome: Outcome
    reason: str = ""


@dataclass(frozen=True)
class Measure:
    """The durations of a step in seconds since its request; None if they do not exist.

    `response` is the time until the response, `switched` until the production listener changed,
    `first_page` until the first page of the new version, `ended` until the end of the operation.
    `switched` and `ended` are measured by the service, the others by the caller. `requests` is the
    number of requests of the page during the step, `failed` the number of those that failed.
    """

    step: str
    response: float | None = None
    switched: float | None = None
    first_page: float | None = None
    ended: float | None = None
    requests: int = 0
    failed: int = 0


@dataclass(frozen=True)
class LoggedCall:
    """Calls of AWS that the service logged as throttled or refused.

    `message` is the message of the log line, `function` the Lambda function, `count` the number of
    equal lines.
    """

    function: str
    message: str
    error: str
    count: int


@dataclass
class Results:
    """All results.

    `service` is the version of the service, `version_unread` the reason why it is not known.
    `logs_unread` is the reason why the logs were not read, `remaining` the reason why the removal
    is incomplete; both are empty otherwise.
    """

    application: str
    region: str
    tool: str
    started: datetime
    images: tuple[str, ...] = ()
    service: str = ""
    version_unread: str = ""
    seconds: float = 0.0
    checks: list[Check] = field(default_factory=list)
    measures: list[Measure] = field(default_factory=list)
    logged: list[LoggedCall] = field(default_factory=list)
    logs_unread: str = ""
    interrupted: bool = False
    remaining: str = ""

    def of(self, outcome: Outcome) -> list[Check]:
        """Return the checks with an outcome."""
        return [each for each in self.checks if each.outcome is outcome]

    @property
    def passed(self) -> bool:
        """Whether all steps ran, no check failed, and the removal is complete."""
        return not (self.of(Outcome.FAILED) or self.interrupted or self.remaining)

    @property
    def verdict(self) -> str:
        """`passed`, `failed` or `interrupted`."""
        if self.interrupted:
            return "interrupted"
        return "passed" if self.passed else "failed"
