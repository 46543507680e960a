"""The alarms of CloudWatch, and the metrics of target groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from devops_core.model.traffic import MINUTE, Minute, Traffic
from tests.lab.fakes.clock import FakeClock
from tests.lab.fakes.wire import Port, Wire, outgoing

STATES = ("OK", "ALARM", "INSUFFICIENT_DATA")
# The time after a minute in which its metrics become complete.
_DELAY = timedelta(minutes=2)
# The metrics of a target group by the start of a minute; a missing minute has no requests.
Source = Callable[[datetime], "Metrics"] | Mapping[datetime, "Metrics"]


class Metrics(NamedTuple):
    """The metrics of a minute."""

    requests: int = 0
    errors: int = 0


def late_requests(metrics: Metrics) -> Metrics:
    """Return incomplete metrics: all errors, but only a tenth of the requests that succeeded.

    A judge of the newest minutes rolls back a good release.
    """
    succeeded = metrics.requests - metrics.errors
    return metrics._replace(requests=metrics.errors + succeeded // 10)


def late_errors(metrics: Metrics) -> Metrics:
    """Return incomplete metrics: all requests, but no errors.

    A judge of the newest minutes accepts a bad release.
    """
    return metrics._replace(errors=0)


class FakeMonitoring(Port, port="monitoring"):
    """`ports.aws.Monitoring`.

    `states` has the states of alarms by name, `alarming` the times from which alarms are in the
    state ALARM. `metrics` has the metrics of target groups by ARN.
    `incomplete` returns the metrics of a minute that ended less than two minutes ago by the clock
    of AWS, which are wrong. A minute that has not begun has no metrics.
    """

    def __init__(self, wire: Wire, clock: FakeClock) -> None:
        super().__init__(wire)
        self._clock = clock
        self.states: dict[str, str] = {}
        self.alarming: dict[str, datetime] = {}
        self.metrics: dict[str, Source] = {}
        self.incomplete: Callable[[Metrics], Metrics] = late_requests

    @outgoing
    def alarms(self, names: Sequence[str]) -> Mapping[str, str]:
        """Return the states of existing alarms by name."""
        # Without names, CloudWatch describes the alarms of the account.
        assert 0 < len(names) <= 100
        assert {*self.states.values()} <= {*STATES}
        return {name: self._state(name) for name in names if name in self.states}

    @outgoing
    def traffic(
        self, listener: str, target_groups: Sequence[str], start: datetime, end: datetime
    ) -> Traffic:
        """Return the minutes of target groups."""
        assert ":listener/app/" in listener
        assert all(":targetgroup/" in group for group in target_groups)
        assert start < end
        assert not any(time.second or time.microsecond for time in (start, end))
        minutes = [start + number * MINUTE for number in range((end - start) // MINUTE)]
        return {
            group: tuple(self._minute(group, minute) for minute in minutes)
            for group in target_groups
        }

    def _state(self, name: str) -> str:
        since = self.alarming.get(name)
        return "ALARM" if since and self._clock.right() >= since else self.states[name]

    def _minute(self, group: str, start: datetime) -> Minute:
        source, now = self.metrics.get(group, {}), self._clock.right()
        if start > now:
            return Minute(start)
        metrics = source(start) if callable(source) else source.get(start, Metrics())
        if start + MINUTE + _DELAY > now:
            metrics = self.incomplete(metrics)
        return Minute(start, *metrics)
