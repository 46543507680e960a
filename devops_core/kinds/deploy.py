"""Deploy: roll out an image in non-production environments, or restart them."""

from __future__ import annotations

from dataclasses import replace

from devops_core.kinds import releases, rollout, sources
from devops_core.kinds.kind import Kind
from devops_core.model.decisions import Plan
from devops_core.model.inventory import Inventory
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation, Progress
from devops_core.model.specification import EnvironmentSettings, RecordClaim
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
    specification = inventory.specification
    usable = inventory.usable(*request.environments)
    settings = {row.environment: specification.settings(row.environment) for row, _ in usable}
    starts = [
        sources.source(
            row, service, settings[row.environment], inventory, observed, draft.requested_at
        )
        for row, service in usable
    ]
    progress = tuple(
        _target(request, start, settings[start.row.environment], observed, draft)
        for start in starts
    )
    moving = () if request.restart else _moving_tag(requested_image(request, inventory))
    return Plan(
        replace(
            draft,
            progress=progress,
            version=request.version,
            spec=specification.revision,
            deadline=releases.deadline(draft, specification, request.environments),
            warnings=(*moving, *(warning for start in starts for warning in start.warnings)),
        ),
        Observed(),
        taken=tuple(start.row for start in starts),
        corrected=tuple(start.row for start in starts if start.corrected),
        record=RecordClaim(inventory.record),
        services=observed.services,
    )


def _target(
    request: DeployRequest,
    start: sources.Source,
    settings: EnvironmentSettings,
    observed: Observed,
    draft: Operation,
) -> Progress:
    """Return the progress of a deploy, or of a restart, which always registers."""
    if request.version is None:
        return releases.reconfigured(start.row, start.service, settings)
    image, callers = observed.require_image(), [draft.caller]
    return releases.target_progress(
        start.row, start.service, image, request.version, callers, settings
    )


KIND = Kind(
    name="deploy",
    limit=releases.LIMIT,
    plan=plan,
    decide=rollout.decide,
    rows=releases.rows_after,
    task_definition=releases.task_definition,
    abort=releases.ABORT,
)
