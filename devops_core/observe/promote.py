"""Observations for a promote: the live slot and the digest of the image, then the rollout."""

from __future__ import annotations

from functools import partial

from devops_core.kinds import promote
from devops_core.model.inventory import Inventory
from devops_core.model.observed import Observed
from devops_core.observe import Controller, rollout
from devops_core.ports import Cloud
from devops_core.requests.promote import PromoteRequest


def before(cloud: Cloud, request: PromoteRequest, inventory: Inventory) -> Observed:
    """Return the live slot and the image to promote; ConflictError for an unusable environment."""
    image = promote.source_image(request, inventory)
    live, pinned = cloud.gather(
        [partial(_live_slot, cloud, inventory), partial(rollout.with_digest, cloud, image)]
    )
    return Observed(production=live, image=pinned)


def _live_slot(cloud: Cloud, inventory: Inventory) -> str | None:
    forwards = cloud.load_balancer.forwards_to(inventory.listeners[:1])
    (live,) = inventory.slots_behind(forwards)
    return live


CONTROLLER = Controller(promote.KIND, before, rollout.during)
