"""The listeners and target groups of load balancers (ALB)."""

from __future__ import annotations

from collections.abc import Sequence

from devops_core.errors import RefusedError
from tests.lab.fakes.containers import FakeContainers
from tests.lab.fakes.wire import Port, Wire, outgoing


class FakeLoadBalancer(Port, port="load_balancer"):
    """`ports.LoadBalancer`.

    `listeners` has the target groups of each listener by ARN: exactly one, unless a test changes
    the listener by hand.
    """

    def __init__(self, wire: Wire, containers: FakeContainers) -> None:
        super().__init__(wire)
        self._containers = containers
        self.listeners: dict[str, list[str]] = {}

    @outgoing
    def forwards_to(self, listeners: Sequence[str]) -> list[str | None]:
        """Return the target group of each listener, None if it does not have exactly one."""
        groups = [self._known(listener) for listener in listeners]
        return [each[0] if len(each) == 1 else None for each in groups]

    @outgoing
    def switch(self, listener: str, target_group: str) -> None:
        """Forward a listener to one target group."""
        self._known(listener)[:] = [target_group]

    @outgoing
    def healthy(self, target_group: str) -> int:
        """Return the number of healthy targets: the tasks of the service of the target group."""
        return self._containers.healthy(target_group)

    def _known(self, listener: str) -> list[str]:
        if listener not in self.listeners:
            raise RefusedError("One or more listeners not found")
        return self.listeners[listener]
