"""Observations for a deploy: the digest of the image, then the rollouts."""

from __future__ import annotations

from devops_core.kinds import deploy
from devops_core.model.inventory import Inventory
from devops_core.model.observed import Observed
from devops_core.observe import Controller, rollout
from devops_core.ports import Cloud
from devops_core.requests.deploy import DeployRequest


def before(cloud: Cloud, request: DeployRequest, inventory: Inventory) -> Observed:
    """Return the requested image with its digest."""
    return Observed(image=rollout.with_digest(cloud, deploy.requested_image(request, inventory)))


CONTROLLER = Controller(deploy.KIND, before, rollout.during)
