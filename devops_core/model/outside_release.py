"""The release that another tool deployed in a service, for example a person in the console."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from devops_core.model.inventory import NOT_COMPLETED, NOT_STARTED, container_of
from devops_core.naming import Image

if TYPE_CHECKING:
    from devops_core.model.inventory import Row, Service
    from devops_core.model.observed import Deployment, Observed

# Docker shows this many characters of a digest. They are the version of an image without a tag.
_SHORT_DIGEST = 12


def outside_deployment(service: Service, observed: Observed) -> Deployment | None:
    """Return the primary deployment of a task definition that the inventory does not have."""
    running = observed.services.get(service.name)
    primary = running.primary if running and running.active else None
    if primary is None or primary.task_definition == service.task_definition:
        return None
    return primary


def followed_service(
    service: Service, deployment: Deployment, rows: Iterable[Row], observed: Observed
) -> Service:
    """Return a service with the release of an outside deployment.

    The next task definition stays in the family of the service, where a worker finds it again. The
    deployment can have another container behind the load balancer (ECS API, UpdateService).
    """
    running = observed.services[service.name]
    containers = running.containers if running else {}
    container = containers.get(service.target_group, service.container)
    blueprint = {**observed.blueprints[service.name], "family": service.blueprint["family"]}
    uri = str(container_of(blueprint, container)["image"])
    version, digest = _image_release(uri, rows)
    complete = None if running and running.desired else NOT_STARTED
    return replace(
        service,
        container=container,
        task_definition=deployment.task_definition,
        blueprint=blueprint,
        image=uri,
        digest=digest,
        version=version,
        deployed_at=deployment.updated_at,
        deployed_by=None,
        deployers=(),
        spec=None,
        spec_hash=None,
        unverified=complete if deployment.state == "COMPLETED" else NOT_COMPLETED,
    )


def _image_release(uri: str, rows: Iterable[Row]) -> tuple[str, str | None]:
    """Return the version and digest of an image: its tag, or the inventory's name of the digest."""
    try:
        image = Image.parse(uri)
    except ValueError:
        return uri, None
    services = (row.service for row in rows if row.service)
    called = (each.version for each in services if each.version and each.digest == image.digest)
    known = next(called, None) if image.digest else None
    short = (image.digest or "").removeprefix("sha256:")[:_SHORT_DIGEST]
    return known or image.tag or short or "latest", image.digest
