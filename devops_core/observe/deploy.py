"""Observations for a deploy: the services and the digest of the image, then the rollouts."""

from __future__ import annotations

from functools import partial

from devops_core.kinds import deploy
from devops_core.model.inventory import Inventory
from devops_core.model.observed import Observed
from devops_core.observe import Controller, rollout
from devops_core.ports import Cloud
from devops_core.requests.deploy import DeployRequest


def before(cloud: Cloud, request: DeployRequest, inventory: Inventory) -> Observed:
    """Return the requested image with its digest, and the services of the environments."""
    image = deploy.requested_image(request, inventory)
    services = [service for _, service in inventory.usable(*request.environments)]
    names = [service.name for service in services]
    pinned, running = cloud.gather(
        [
            partial(rollout.with_digest, cloud, request.application, image, request.version),
            partial(cloud.containers.services, request.application, names),
        ]
    )
    return rollout.with_outside_blueprints(
        cloud, Observed(image=pinned, services=running), services
    )


CONTROLLER = Controller(deploy.KIND, before, rollout.during)
