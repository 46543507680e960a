"""Observations for a swap: listeners, services and healthy targets of production."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from devops_core.kinds import swap
from devops_core.model.inventory import Inventory
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation
from devops_core.naming import PRODUCTION
from devops_core.observe import Controller
from devops_core.ports import Cloud
from devops_core.requests.swap import SwapRequest


def before(cloud: Cloud, request: SwapRequest, inventory: Inventory) -> Observed:
    """Return the state of production; ConflictError for an unusable slot."""
    inventory.usable(*PRODUCTION)
    return _production(cloud, request.application, inventory)


def during(cloud: Cloud, operation: Operation, inventory: Inventory) -> Observed:
    """Return the state of production; after the switch the listeners are enough."""
    forwards = cloud.load_balancer.forwards_to(inventory.listeners)
    live, test = inventory.slots_behind(forwards)
    if live == operation.details.live:
        return Observed(production=live, test=test)
    return _production(cloud, operation.application, inventory)


def _production(cloud: Cloud, application: str, inventory: Inventory) -> Observed:
    slots, listeners = inventory.slots, inventory.listeners
    calls: list[Callable[[], Any]] = [
        partial(cloud.load_balancer.forwards_to, listeners),
        partial(cloud.containers.services, application, slots),
    ]
    for slot in slots.values():
        calls.append(partial(cloud.load_balancer.healthy, slot.target_group))
    forwards, services, *healthy = cloud.gather(calls)
    live, test = inventory.slots_behind(forwards)
    return Observed(
        services=services,
        production=live,
        test=test,
        healthy=dict(zip(slots, healthy, strict=True)),
    )


CONTROLLER = Controller(swap.KIND, before, during)
