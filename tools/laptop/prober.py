"""Health checks of the registered targets of the emulator's load balancers, in the background."""

from __future__ import annotations

import http.client
import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from devops_core.adapters.web import HttpConnection
from tools.laptop.forwards import target_groups
from tools.laptop.health import (
    REFUSED,
    TIMED_OUT,
    UNUSED,
    Health,
    Probe,
    Thresholds,
    advance,
    is_due,
    probe_result,
)

INTERVAL = 0.3  # seconds between rounds, shorter than HealthCheckIntervalSeconds
TIMEOUT = 2.0  # maximum seconds for one response
Key = tuple[str, str, int]  # target group ARN, target id (an address), port


class Prober:
    """Probes every registered target and keeps its health.

    Args:
        alb: the emulator's load balancer module.
        bound_port: maps (address, port) to the real port of the task program.

    """

    def __init__(self, alb: Any, bound_port: Callable[[str, int], int]) -> None:
        self._alb = alb
        self._bound_port = bound_port
        self._health: dict[Key, Health] = {}
        self._turn = itertools.count()
        self._wake = threading.Event()
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="target-probe")

    def start(self) -> None:
        """Start probing in a daemon thread."""
        threading.Thread(target=self._run, daemon=True, name="target-prober").start()

    def wake(self) -> None:
        """Start the next round at once, because a target was registered."""
        self._wake.set()

    def health(self, group_arn: str, address: str, port: int) -> Health:
        """Return the last known health of a registered target, without waiting."""
        if group_arn not in self.groups_in_use():
            return UNUSED
        return self._health.get((group_arn, address, port), Health())

    def groups_in_use(self) -> set[str]:
        """Return the ARNs of the target groups that an action refers to, with any weight."""
        holders = itertools.chain(self._alb._listeners.all_values(), self._alb._rules.all_values())
        return target_groups(
            action
            for holder in holders
            for action in (*holder.get("DefaultActions", ()), *holder.get("Actions", ()))
        )

    def _run(self) -> None:
        while True:
            self._wake.wait(INTERVAL)
            self._wake.clear()
            self.probe_all()

    def probe_all(self) -> None:
        """Probe the due targets of groups in use, and drop targets that are not registered."""
        groups = {arn: group for (_, _, arn), group in self._alb._tgs.all_items()}
        used = self.groups_in_use()
        keys = [
            (arn, target["Id"], int(target.get("Port") or groups[arn]["Port"]))
            for (_, arn), targets in list(self._alb._targets._data.items())
            for target in targets
            if arn in used and arn in groups and groups[arn]["TargetType"] != "lambda"
        ]
        known, turn = self._health, next(self._turn)
        due = [key for key in keys if is_due(known.get(key, Health()), turn)]
        results = dict(
            zip(due, self._pool.map(lambda key: self._probe(key, groups[key[0]]), due), strict=True)
        )
        self._health = {
            key: advance(known.get(key, Health()), results[key], _thresholds(groups[key[0]]))
            if key in results
            else known[key]
            for key in keys
        }

    def _probe(self, key: Key, group: dict[str, Any]) -> Probe:
        _, address, port = key
        configured = str(group.get("HealthCheckPort") or "traffic-port")
        port = self._bound_port(address, int(configured) if configured.isdigit() else port)
        timeout = min(TIMEOUT, float(group.get("HealthCheckTimeoutSeconds") or TIMEOUT))
        connection = HttpConnection(address, port, timeout=timeout)
        try:
            connection.request(
                "GET",
                group.get("HealthCheckPath") or "/",
                headers={"User-Agent": "ELB-HealthChecker/2.0", "Connection": "close"},
            )
            status = connection.getresponse().status
        except TimeoutError:
            return TIMED_OUT
        except (OSError, http.client.HTTPException):
            return REFUSED
        finally:
            connection.close()
        return probe_result(status, str(group.get("Matcher", {}).get("HttpCode") or "200"))


def _thresholds(group: dict[str, Any]) -> Thresholds:
    return Thresholds(
        int(group.get("HealthyThresholdCount") or 5), int(group.get("UnhealthyThresholdCount") or 2)
    )
