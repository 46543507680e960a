"""The present state of an application's services in AWS."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from devops_core.errors import RefusedError
from devops_core.model.listeners import observed_listeners
from devops_core.model.observed import Observed
from devops_core.naming import service_name

if TYPE_CHECKING:
    from devops_core.model.inventory import Inventory, Service
    from devops_core.model.listeners import ListenerRules
    from devops_core.ports import Cloud


def observe_services(cloud: Cloud, name: str, inventory: Inventory) -> Observed:
    """Return the services, the live slot and the healthy targets.

    A resource that does not exist is absent, because the stack may be in creation or deletion.
    """
    known = [row.service for row in inventory.rows.values() if row.service]
    expected = {service_name(row.environment) for row in inventory.rows.values() if not row.service}
    names = sorted(expected | {service.name for service in known})
    listeners = listener_calls(cloud, inventory) if _has_listeners(inventory) else []
    services, *found = cloud.gather(
        [
            partial(cloud.containers.services, name, names),
            *listeners,
            *(partial(_healthy, cloud, service) for service in known),
        ]
    )
    rules, healthy = found[: len(listeners)], found[len(listeners) :]
    counts = zip(known, healthy, strict=True)
    return Observed(
        services=services,
        **observed_listeners(rules, inventory.slots_by_target_group),
        healthy={service.name: count for service, count in counts if count is not None},
    )


def _has_listeners(inventory: Inventory) -> bool:
    application = inventory.application
    return bool(application and application.production_listener and application.test_listener)


def listener_calls(cloud: Cloud, inventory: Inventory) -> list[Callable[[], ListenerRules | None]]:
    """Return the calls that read the rules of both listeners, None for a deleted listener.

    Raises ConflictError if the inventory has no listeners.
    """
    return [partial(_rules, cloud, listener) for listener in inventory.listeners]


def _rules(cloud: Cloud, listener: str) -> ListenerRules | None:
    try:
        return cloud.load_balancer.rules(listener)
    except RefusedError:
        return None


def _healthy(cloud: Cloud, service: Service) -> int | None:
    try:
        return cloud.load_balancer.healthy(service.target_group)
    except RefusedError:
        return None
