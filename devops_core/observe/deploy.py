"""Observations for a deploy: the services and the digest of the image, then the rollouts."""

from __future__ import annotations

from functools import partial

from devops_core.errors import ConflictError
from devops_core.kinds import deploy
from devops_core.model.inventory import Inventory
from devops_core.model.observed import Observed
from devops_core.observe import Controller, images, rollout
from devops_core.ports import Cloud
from devops_core.requests.deploy import DeployRequest


def before(cloud: Cloud, request: DeployRequest, inventory: Inventory) -> Observed:
    """Return the requested image with its digest, and the services of the environments.

    A restart has no other image. ForbiddenError for an image of another team.
    """
    services = [service for _, service in inventory.usable(*request.environments)]
    names = [service.name for service in services]
    roles = rollout.task_roles(cloud, inventory, request.environments)
    if request.restart:
        running = cloud.containers.services(request.application, names)
        observed = Observed(services=running, task_roles=roles, ecs_exec=cloud.settings.ecs_exec)
        return rollout.with_outside_blueprints(cloud, observed, services)
    application = inventory.existing_application(request.application)
    wanted = [(deploy.requested_image(request, inventory), request.version)]
    *found, running = cloud.gather(
        [
            *images.checks(cloud, request.application, wanted),
            partial(cloud.containers.services, request.application, names),
        ]
    )
    action = f"deploy {application.name}"
    (pinned,) = images.usable(cloud, action, application, wanted, found)
    if isinstance(pinned, ConflictError):
        raise pinned
    observed = Observed(
        image=pinned, services=running, task_roles=roles, ecs_exec=cloud.settings.ecs_exec
    )
    return rollout.with_outside_blueprints(cloud, observed, services)


CONTROLLER = Controller(deploy.KIND, before, rollout.during)
