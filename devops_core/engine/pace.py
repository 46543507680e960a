"""The pace of the schedule: its reads of load balancers stay below the rate of AWS.

ELB accepts 40 reads at once, then ten a second, for all callers of an account in a region (Elastic
Load Balancing User Guide, "Request throttling for the ELB API"). A swap whose reads are refused at
five checks in a row rolls back, so with many swaps the workers wait.
"""

from __future__ import annotations

import threading
from datetime import timedelta

from devops_core.ports import Clock

# Reads at once, and reads in a second. A fifth of the published rate remains for status reads,
# events, drift checks and other tools.
BURST = 32
RATE = 8


class Pace:
    """The reads of the workers of one run: a token bucket, which is full at the start."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._full_at = clock.now()

    def wait(self, reads: int) -> None:
        """Take a number of reads from the bucket, and wait until it has them."""
        if reads and (seconds := self._reserve(reads)) > 0:
            self._clock.wait(seconds)

    def _reserve(self, reads: int) -> float:
        """Return the seconds until the reads are possible."""
        with self._lock:
            now = self._clock.now()
            self._full_at = max(self._full_at, now) + timedelta(seconds=reads / RATE)
            return (self._full_at - now).total_seconds() - BURST / RATE
