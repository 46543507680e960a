"""The metrics of target groups that an Application Load Balancer publishes; no I/O.

Source: User Guide for Application Load Balancers, "CloudWatch metrics for your Application Load
Balancer". Counts of hosts, requests and responses are reported while targets are registered, and
connection errors if they are nonzero; a load balancer without requests reports nothing. Here
requests and responses have a data point only if they are nonzero, so that a reader must accept a
missing one.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from tools.laptop.clock import MINUTE

REQUESTS = "RequestCount"
ERRORS = "HTTPCode_Target_5XX_Count"
CONNECTION_ERRORS = "TargetConnectionErrorCount"
HEALTHY, UNHEALTHY = "HealthyHostCount", "UnHealthyHostCount"
DELAY = 120.0  # seconds after the end of a minute, until its data points are complete
Key = tuple[float, str, str]  # the start of a minute, target group ARN, metric


@dataclass(frozen=True)
class Statistics:
    """The values of a metric in one minute."""

    samples: int
    total: float
    least: float
    most: float

    def with_value(self, value: float) -> Statistics:
        """Return the statistics with one more value."""
        return Statistics(
            self.samples + 1,
            self.total + value,
            min(self.least, value),
            max(self.most, value),
        )


@dataclass(frozen=True)
class DataPoint:
    """A data point of a target group; `time` is the start of its minute in seconds."""

    time: float
    group: str
    metric: str
    statistics: Statistics


class TargetMetrics:
    """Collects the metrics of all target groups in minutes. All times are in seconds."""

    def __init__(self) -> None:
        self._values: dict[Key, Statistics] = {}
        self._lock = threading.Lock()

    def add_request(
        self, group: str, time: float, status: int | None, *, connected: bool = True
    ) -> None:
        """Count a request for which a target was chosen.

        `status` is that of the target, None without a response. A connection that the target drops
        later is not a connection error: the load balancer counts it as its own error, without a
        dimension for the target group.
        """
        self._add(group, time, REQUESTS, 1)
        if not connected:
            self._add(group, time, CONNECTION_ERRORS, 1)
        if status is not None and status >= 500:
            self._add(group, time, ERRORS, 1)

    def add_hosts(self, group: str, time: float, healthy: int, unhealthy: int) -> None:
        """Add a sample of the health of the targets of a group."""
        self._add(group, time, HEALTHY, healthy)
        self._add(group, time, UNHEALTHY, unhealthy)

    def take(self, now: float) -> list[DataPoint]:
        """Remove and return the data points of the minutes that ended two minutes ago."""
        with self._lock:
            due = sorted(key for key in self._values if key[0] + MINUTE + DELAY <= now)
            return [DataPoint(*key, self._values.pop(key)) for key in due]

    def _add(self, group: str, time: float, metric: str, value: float) -> None:
        key = (time // MINUTE * MINUTE, group, metric)
        with self._lock:
            before = self._values.get(key)
            self._values[key] = (
                before.with_value(value) if before else Statistics(1, value, value, value)
            )
