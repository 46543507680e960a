"""Selects the target for a request and counts the requests in flight; no I/O."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

Target = dict[str, Any]  # {"Id": address, "Port": port}


class Balancer:
    """Round robin over the healthy targets, as an Application Load Balancer does by default."""

    def __init__(self, is_healthy: Callable[[str, Target], bool]) -> None:
        self._is_healthy = is_healthy
        self._turn = itertools.count()
        self._in_flight: Counter[str] = Counter()
        self._requests: Counter[str] = Counter()
        self._changed = threading.Condition()

    def take(self, group_arn: str, registered: Callable[[], Sequence[Target]]) -> Target | None:
        """Choose a target and count a request in flight on it; None without targets.

        If no target is healthy, all targets are candidates: the load balancer fails open.
        `registered` is called under the lock of `wait_idle`. Therefore a deregistered target cannot
        be chosen after `wait_idle` has seen the end of its last request.
        """
        with self._changed:
            targets = registered()
            candidates = [t for t in targets if self._is_healthy(group_arn, t)] or list(targets)
            if not candidates:
                return None
            chosen = candidates[next(self._turn) % len(candidates)]
            self._in_flight[chosen["Id"]] += 1
            self._requests[group_arn] += 1
            return chosen

    def requests(self, group_arn: str) -> int:
        """Return the number of requests that the targets of a group have received."""
        with self._changed:
            return self._requests[group_arn]

    def done(self, target: Target) -> None:
        """Count one request of a target as completed."""
        with self._changed:
            self._in_flight[target["Id"]] -= 1
            self._changed.notify_all()

    def wait_idle(self, address: str, timeout: float) -> bool:
        """Wait until a deregistered target has no requests in flight; False after `timeout` s."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while self._in_flight[address] > 0:
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    return self._in_flight[address] <= 0
            del self._in_flight[address]
            return True
