"""The listeners and target groups of load balancers (ALB)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from devops_core.errors import RefusedError
from devops_core.model.listeners import ListenerRules
from tests.lab.fakes.clock import FakeClock
from tests.lab.fakes.containers import FakeContainers
from tests.lab.fakes.wire import Port, Wire, outgoing

_FORWARD = {"Type": "forward"}


class FakeLoadBalancer(Port, port="load_balancer"):
    """`ports.aws.LoadBalancer`.

    `listeners` has the target groups with a weight above 0 of each listener by ARN, `split` their
    weights while several share the requests. `referenced` has the groups with any weight.
    `actions` has the default actions, without their target groups. `sticky` has the listeners with
    group stickiness, `others` the target groups of further rules by listener and priority. `lag`
    is the age of the descriptions: they do not show younger changes by the service.
    """

    def __init__(self, wire: Wire, containers: FakeContainers, clock: FakeClock) -> None:
        super().__init__(wire)
        self._containers = containers
        self._clock = clock
        self.lag = timedelta()
        # The time of each change by the service, and the rules until then.
        self._replaced: dict[str, list[tuple[datetime, ListenerRules]]] = {}
        self.listeners: dict[str, list[str]] = {}
        self.split: dict[str, dict[str, int]] = {}
        self.referenced: dict[str, list[str]] = {}
        self.actions: dict[str, Sequence[Mapping[str, Any]]] = {}
        self._of_production: set[str] = set()
        self.sticky: set[str] = set()
        self.others: dict[str, dict[str, list[str]]] = {}

    def add(self, listener: str, target_group: str, idle: str) -> None:
        """Create a listener that forwards to both slots, all requests to the first one."""
        self.listeners[listener] = [target_group]
        self.referenced[listener] = [target_group, idle]
        self.actions[listener] = [_FORWARD]
        self._of_production |= {target_group, idle}

    def remove(self, listener: str) -> None:
        """Delete a listener."""
        self.listeners.pop(listener, None)

    def forward(self, listener: str, weights: Mapping[str, int]) -> None:
        """Set the weights of target groups."""
        receiving = {group: weight for group, weight in weights.items() if weight > 0}
        self.listeners[listener][:] = list(receiving)
        self.split.pop(listener, None)
        if len(receiving) > 1:
            self.split[listener] = receiving
        self.referenced[listener] = list(weights)

    def weights(self, listener: str) -> dict[str, int] | None:
        """Return the weight of each target group of a listener, None without the listener."""
        if listener not in self.listeners:
            return None
        referenced = dict.fromkeys(self.referenced.get(listener, ()), 0)
        weights = referenced | dict.fromkeys(self.listeners[listener], 100)
        split = self.split.get(listener, {})
        return weights | split if list(split) == self.listeners[listener] else weights

    @outgoing
    def rules(self, listener: str) -> ListenerRules:
        """Return the rules of a listener, as they were before the lag."""
        present, seen_at = self._present(listener), self._clock.right() - self.lag
        replaced = self._replaced.get(listener, ())
        return next((rules for until, rules in replaced if seen_at < until), present)

    def _present(self, listener: str) -> ListenerRules:
        groups = self._known(listener)
        actions = self.actions.get(listener, ())
        return ListenerRules(
            actions=actions,
            target_group=groups[0] if len(groups) == 1 else None,
            forwards=_FORWARD in actions,
            sticky=listener in self.sticky,
            others=self.others.get(listener, {}),
            weights=self.weights(listener) or {},
        )

    @outgoing
    def switch(
        self, listener: str, actions: Sequence[Mapping[str, Any]], weights: Mapping[str, int]
    ) -> None:
        """Set the weights of target groups, and replace the actions of the listener."""
        self._known(listener)
        if _FORWARD not in actions:
            raise RefusedError("the listener has no forward action")
        replaced = self._replaced.setdefault(listener, [])
        replaced.append((self._clock.right(), self._present(listener)))
        self.forward(listener, weights)
        self.actions[listener] = actions

    @outgoing
    def healthy(self, target_group: str) -> int:
        """Return the number of healthy targets: the tasks of the service of the target group.

        ELB checks only targets of groups that a listener refers to. The listeners of the other
        environments always refer to theirs.
        """
        used = {group for arn in self.listeners for group in self.weights(arn) or ()}
        if target_group in self._of_production - used:
            return 0
        return self._containers.healthy(target_group)

    @outgoing
    def resource_label(self, target_group: str) -> str:
        """Return the names of a target group and its load balancer."""
        name = target_group.rpartition(":")[2]
        return f"app/{name.split('/')[1]}/50dc6c495c0c9188/{name}"

    def _known(self, listener: str) -> list[str]:
        if listener not in self.listeners:
            raise RefusedError("One or more listeners not found")
        return self.listeners[listener]
