"""Observations for a swap: listeners, services and healthy targets of production."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from devops_core.kinds import swap
from devops_core.model.inventory import Inventory
from devops_core.model.listeners import observed_listeners
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation
from devops_core.naming import PRODUCTION
from devops_core.observe import Controller
from devops_core.ports import Cloud
from devops_core.reads.live import listener_calls
from devops_core.requests.swap import SwapRequest


def before(cloud: Cloud, request: SwapRequest, inventory: Inventory) -> Observed:
    """Return the state of production; ConflictError for an unusable slot."""
    inventory.usable(*PRODUCTION)
    listeners, slots = listener_calls(cloud, inventory), inventory.slots
    found = cloud.gather([*listeners, *_slot_calls(cloud, request.application, inventory)])
    production, test, services, *healthy = found
    return Observed(
        **observed_listeners((production, test), inventory.slots_by_target_group),
        services=services,
        healthy=dict(zip(slots, healthy, strict=True)),
    )


def during(cloud: Cloud, operation: Operation, inventory: Inventory) -> Observed:
    """Return the state of production; after the switch the listeners are enough."""
    rules = cloud.gather(listener_calls(cloud, inventory))
    observed = Observed(**observed_listeners(rules, inventory.slots_by_target_group))
    if observed.production == operation.details.live:
        return observed
    services, *healthy = cloud.gather(_slot_calls(cloud, operation.application, inventory))
    counts = dict(zip(inventory.slots, healthy, strict=True))
    return replace(observed, services=services, healthy=counts)


def _slot_calls(cloud: Cloud, application: str, inventory: Inventory) -> list[Callable[[], Any]]:
    """Return the calls that read the services and the healthy targets of each slot."""
    slots = inventory.slots
    return [
        partial(cloud.containers.services, application, slots),
        *(partial(cloud.load_balancer.healthy, slot.target_group) for slot in slots.values()),
    ]


CONTROLLER = Controller(swap.KIND, before, during)
