"""Observations for a promote: the live slot and the digest of the image, then the rollout."""

from __future__ import annotations

from functools import partial

from devops_core.kinds import promote
from devops_core.model.inventory import Inventory
from devops_core.model.listeners import observed_listeners
from devops_core.model.observed import Observed
from devops_core.observe import Controller, rollout
from devops_core.ports import Cloud
from devops_core.requests.promote import PromoteRequest


def before(cloud: Cloud, request: PromoteRequest, inventory: Inventory) -> Observed:
    """Return the live slot and the image to promote; ConflictError for an unusable environment."""
    image = promote.source_image(request, inventory)
    production, _ = inventory.listeners
    rules, pinned = cloud.gather(
        [
            partial(cloud.load_balancer.rules, production),
            partial(rollout.with_digest, cloud, image),
        ]
    )
    slots = inventory.slots_by_target_group
    return Observed(**observed_listeners([rules], slots), image=pinned)


CONTROLLER = Controller(promote.KIND, before, rollout.during)
