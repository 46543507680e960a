"""The requests of a target group, minute by minute."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

MINUTE = timedelta(minutes=1)
GOOD, BAD, TOO_FEW_REQUESTS, UNREADABLE = "GOOD", "BAD", "TOO_FEW_REQUESTS", "UNREADABLE"


class Minute(NamedTuple):
    """The requests of a target group in the minute that begins at `start`.

    `errors` counts the requests that failed: a response with a status of 500 or more, or no
    connection to the target.
    """

    start: datetime
    requests: int = 0
    errors: int = 0


# The minutes of each target group, the oldest first. A minute without requests is present too.
Traffic = Mapping[str, tuple[Minute, ...]]


class Requests(NamedTuple):
    """The number of requests and of those that failed."""

    total: int = 0
    errors: int = 0

    @property
    def error_rate(self) -> float:
        """The share of failed requests in percent, 0 without requests."""
        return 100 * self.errors / self.total if self.total else 0.0

    def __add__(self, other: object) -> Requests:
        """Return the sum of both."""
        if not isinstance(other, Requests):
            return NotImplemented
        return Requests(self.total + other.total, self.errors + other.errors)


class Verdict(NamedTuple):
    """The judgement of a new release at a time: GOOD, BAD, TOO_FEW_REQUESTS or UNREADABLE.

    `new` and `live` are the requests to both releases in the judged minutes, without requests if
    they are not known. `reason` is None for GOOD.
    """

    time: datetime
    verdict: str
    new: Requests = Requests()
    live: Requests = Requests()
    reason: str | None = None


class Monitored(NamedTuple):
    """The result of a check at `time`: the states of alarms by name, and the requests by slot.

    `problem` is the reason why CloudWatch could not be read, None after a successful check.
    """

    time: datetime
    alarms: Mapping[str, str] = {}
    traffic: Mapping[str, tuple[Minute, ...]] = {}
    problem: str | None = None
