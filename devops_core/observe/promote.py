"""Observations for a promote: the slots and the digest of the image, then the rollout."""

from __future__ import annotations

from functools import partial

from devops_core.kinds import promote
from devops_core.model.inventory import Inventory
from devops_core.model.listeners import observed_listeners
from devops_core.model.observed import Observed
from devops_core.naming import PRODUCTION
from devops_core.observe import Controller, images, rollout
from devops_core.ports import Cloud
from devops_core.requests.promote import PromoteRequest


def before(cloud: Cloud, request: PromoteRequest, inventory: Inventory) -> Observed:
    """Return the slots and the image to promote; ConflictError for an unusable environment."""
    image = promote.source_image(request, inventory)
    production, _ = inventory.listeners
    slots = inventory.slots
    rules, pinned, running = cloud.gather(
        [
            partial(cloud.load_balancer.rules, production),
            partial(images.with_digest, cloud, request.application, image, None),
            partial(cloud.containers.services, request.application, slots),
        ]
    )
    listeners = observed_listeners([rules], inventory.slots_by_target_group)
    roles = rollout.task_roles(cloud, inventory, PRODUCTION)
    observed = Observed(
        **listeners,
        image=pinned,
        services=running,
        task_roles=roles,
        ecs_exec=cloud.settings.ecs_exec,
    )
    idle = [slot for name, slot in slots.items() if name != observed.production]
    return rollout.with_outside_blueprints(cloud, observed, idle)


CONTROLLER = Controller(promote.KIND, before, rollout.during)
