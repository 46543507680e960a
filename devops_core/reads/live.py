"""The present state of an application's services in AWS."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from devops_core.errors import RefusedError
from devops_core.model.observed import Observed
from devops_core.naming import service_name

if TYPE_CHECKING:
    from devops_core.model.inventory import Inventory, Service
    from devops_core.ports import Cloud


def observe_services(cloud: Cloud, name: str, inventory: Inventory) -> Observed:
    """Return the services, the live slot and the healthy targets.

    A resource that does not exist is absent, because the stack may be in creation or deletion.
    """
    known = [row.service for row in inventory.rows.values() if row.service]
    expected = {service_name(row.environment) for row in inventory.rows.values() if not row.service}
    names = sorted(expected | {service.name for service in known})
    services, production, *healthy = cloud.gather(
        [
            partial(cloud.containers.services, name, names),
            partial(_live_slot_if_known, cloud, inventory),
            *(partial(_healthy, cloud, service) for service in known),
        ]
    )
    counts = zip(known, healthy, strict=True)
    return Observed(
        services=services,
        production=production,
        healthy={service.name: count for service, count in counts if count is not None},
    )


def _live_slot_if_known(cloud: Cloud, inventory: Inventory) -> str | None:
    application = inventory.application
    if not application or not application.production_listener:
        return None
    try:
        return inventory.slots_behind(cloud.load_balancer.forwards_to(inventory.listeners))[0]
    except RefusedError:
        return None


def _healthy(cloud: Cloud, service: Service) -> int | None:
    try:
        return cloud.load_balancer.healthy(service.target_group)
    except RefusedError:
        return None
