"""Observations for a deploy: the services and the digest of the image, then the rollouts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from devops_core.errors import ConflictError, ForbiddenError
from devops_core.kinds import deploy
from devops_core.model.inventory import Application, Inventory
from devops_core.model.observed import Observed
from devops_core.naming import TEAM_TAG, Image, repository_name
from devops_core.observe import Controller, rollout
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
        observed = Observed(services=running, task_roles=roles)
        return rollout.with_outside_blueprints(cloud, observed, services)
    image = deploy.requested_image(request, inventory)
    other = _other_repository(cloud, request, image)
    pinned, running, *tags = cloud.gather(
        [
            partial(_pinned, cloud, request, image),
            partial(cloud.containers.services, request.application, names),
            *([partial(cloud.images.tags, cloud.settings.repository_arn(other))] if other else []),
        ]
    )
    if other:
        application = inventory.existing_application(request.application)
        _require_usable(application, other, tags[0], pinned)
    if isinstance(pinned, ConflictError):
        raise pinned
    return rollout.with_outside_blueprints(
        cloud, Observed(image=pinned, services=running, task_roles=roles), services
    )


def _pinned(cloud: Cloud, request: DeployRequest, image: Image) -> Image | ConflictError:
    """Return the image with its digest, or the reason why it cannot be deployed."""
    try:
        return rollout.with_digest(cloud, request.application, image, request.version)
    except ConflictError as error:
        return error


def _other_repository(cloud: Cloud, request: DeployRequest, image: Image) -> str | None:
    """Return the repository in this account's ECR if it may belong to another team, else None."""
    if not cloud.settings.access.teams:
        return None
    repository = image.ecr_repository(cloud.settings.registries.own)
    return None if repository == repository_name(request.application) else repository


def _require_usable(
    application: Application,
    repository: str,
    tags: Mapping[str, str] | None,
    pinned: Image | ConflictError,
) -> None:
    """Raise ForbiddenError for a repository of another team.

    A missing repository has the same refusal, so that the response does not show whether the
    repository or the image exists. ECR creates the repository of a pull-through cache at its first
    pull. A repository without the tag is shared by all teams.
    """
    team = application.technical_team
    missing = tags is None and isinstance(pinned, ConflictError)
    if missing or (tags or {}).get(TEAM_TAG, team) != team:
        raise ForbiddenError(
            f"not allowed to deploy {application.name} from the repository {repository}: it does"
            f" not exist, or belongs to another team than {team}"
        )


CONTROLLER = Controller(deploy.KIND, before, rollout.during)
