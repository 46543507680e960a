"""The delay of ECS before it restarts a task that keeps failing."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

FREE = 4  # failures in a row without a delay; the circuit breaker needs three
LONGEST = 30.0  # seconds; up to 27 minutes on AWS (ECS, service throttle logic)


class Restarts:
    """Counts the failures in a row of each service."""

    def __init__(self) -> None:
        self._failures: Counter[str] = Counter()

    def failed(self, service: str) -> None:
        """Count a task that failed."""
        self._failures[service] += 1

    def recovered(self, service: str) -> None:
        """Reset the failures of a service, because a task is healthy."""
        self._failures.pop(service, None)

    def delay(self, service: str) -> float:
        """Return the delay in seconds: zero at first, then doubled with each failure."""
        beyond = self._failures[service] - FREE
        return 0.0 if beyond < 0 else min(LONGEST, 0.5 * 2.0**beyond)

    def wait(self, service: str, still_wanted: Callable[[], bool]) -> None:
        """Wait for the delay, or until the task is not wanted any more."""
        pause, left = threading.Event(), self.delay(service)
        while left > 0 and still_wanted():
            pause.wait(0.1)
            left -= 0.1
