"""Deploy: roll out an image in non-production environments."""

from __future__ import annotations

from dataclasses import replace

from devops_core.kinds import rollout
from devops_core.kinds.kind import Kind
from devops_core.model.decisions import Plan
from devops_core.model.inventory import Inventory
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation
from devops_core.naming import Image
from devops_core.requests.deploy import DeployRequest

# Tags that by convention move to each new image.
_MOVING_TAGS = frozenset(
    {"develop", "edge", "latest", "main", "master", "nightly", "snapshot", "stable", "trunk"}
)


def requested_image(request: DeployRequest, inventory: Inventory) -> Image:
    """Return the image to deploy, without its digest; ConflictError for an unusable environment."""
    ((row, _), *_) = inventory.usable(*request.environments)
    image = Image.parse(request.repouri or row.application.repository or "")
    return image if image.tag or image.digest else image._replace(tag=request.version)


def _moving_tag(image: Image) -> tuple[str, ...]:
    """Return the warning of a tag that moves; a digest in the request fixes the image."""
    if image.digest or image.tag is None or image.tag.lower() not in _MOVING_TAGS:
        return ()
    return (
        f"the tag {image.tag} usually moves: then a deploy of it runs another image, and a promote"
        " of the present image can fail, because registries remove images without a tag. Use a new"
        " tag for each image",
    )


def plan(
    request: DeployRequest, inventory: Inventory, observed: Observed, draft: Operation
) -> Plan:
    """Take the rows of the environments; `observed` has the image with its digest, and services."""
    image = observed.require_image()
    usable = inventory.usable(*request.environments)
    sources = [
        rollout.source(row, service, inventory, observed, draft.requested_at)
        for row, service in usable
    ]
    progress = tuple(
        rollout.target_progress(source.row, source.service, image, request.version, [draft.caller])
        for source in sources
    )
    outside_changes = (warning for source in sources for warning in source.warnings)
    warnings = (*_moving_tag(requested_image(request, inventory)), *outside_changes)
    deadline = rollout.deadline(draft, usable[0][0].application)
    return Plan(
        replace(
            draft,
            progress=progress,
            version=request.version,
            deadline=deadline,
            warnings=warnings,
        ),
        Observed(),
        taken=tuple(source.row for source in sources),
        corrected=tuple(source.row for source in sources if source.corrected),
    )


KIND = Kind(
    name="deploy",
    limit=rollout.LIMIT,
    plan=plan,
    decide=rollout.decide,
    rows=rollout.rows_after,
    task_definition=rollout.task_definition,
    abort=rollout.ABORT,
)
