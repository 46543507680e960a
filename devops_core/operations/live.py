"""How the services of an application are now, for whoever watches them."""

from __future__ import annotations

from functools import partial

from devops_core.errors import RefusedError
from devops_core.model import Inventory, Observed, Service
from devops_core.naming import service_name
from devops_core.operations.observe import slots_behind
from devops_core.ports import Cloud


def look(cloud: Cloud, name: str, inventory: Inventory) -> Observed:
    """Return the services, the live slot and the healthy targets, as far as they are there.

    What is missing in AWS is missing in the answer: a stack may be in the making or on its way out.
    """
    known = [row.service for row in inventory.rows.values() if row.service]
    names = {service_name(row.environment) for row in inventory.rows.values() if not row.service}
    services, production, *healthy = cloud.together(
        [
            partial(
                cloud.containers.services,
                name,
                sorted(names | {service.name for service in known}),
            ),
            partial(_live_slot, cloud, inventory),
            *(partial(_healthy, cloud, service) for service in known),
        ]
    )
    counts = zip(known, healthy, strict=True)
    return Observed(
        services=services,
        production=production,
        healthy={service.name: count for service, count in counts if count is not None},
    )


def _live_slot(cloud: Cloud, inventory: Inventory) -> str | None:
    application = inventory.application
    if not application or not application.production_listener:
        return None
    try:
        return slots_behind(cloud.load_balancer, inventory)[0]
    except RefusedError:
        return None


def _healthy(cloud: Cloud, service: Service) -> int | None:
    try:
        return cloud.load_balancer.healthy(service.target_group)
    except RefusedError:
        return None
