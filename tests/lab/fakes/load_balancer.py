"""ALB listeners and target groups."""

from __future__ import annotations

from collections.abc import Sequence

from devops_core.errors import RefusedError
from tests.lab.fakes.containers import FakeContainers
from tests.lab.fakes.wire import Wire


class FakeLoadBalancer:
    """`ports.LoadBalancer`.

    `listeners` holds by ARN the target groups that a listener forwards to; more than one only if
    a test says that somebody has changed it by hand.
    """

    def __init__(self, wire: Wire, containers: FakeContainers) -> None:
        self._wire = wire
        self._containers = containers
        self.listeners: dict[str, list[str]] = {}

    def forwards_to(self, listeners: Sequence[str]) -> list[str | None]:
        """Return the target group that each listener forwards to, None if not exactly one."""
        return self._wire.call(
            "load_balancer.forwards_to",
            (tuple(listeners),),
            lambda: [self._forwards_to(listener) for listener in listeners],
        )

    def switch(self, listener: str, target_group: str) -> None:
        """Make a listener forward to one target group."""
        self._wire.call(
            "load_balancer.switch",
            (listener, target_group),
            lambda: self._switch(listener, target_group),
        )

    def healthy(self, target_group: str) -> int:
        """Return the number of healthy targets: those of the service behind the target group."""
        return self._wire.call(
            "load_balancer.healthy",
            (target_group,),
            lambda: self._containers.healthy(target_group),
        )

    def _forwards_to(self, listener: str) -> str | None:
        if listener not in self.listeners:
            raise RefusedError("One or more listeners not found")
        groups = self.listeners[listener]
        return groups[0] if len(groups) == 1 else None

    def _switch(self, listener: str, target_group: str) -> None:
        if listener not in self.listeners:
            raise RefusedError("One or more listeners not found")
        self.listeners[listener] = [target_group]
