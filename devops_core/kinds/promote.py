"""Promote: roll out the image of a non-production environment in the idle production slot.

Its name in the contract is "deploy-blue".
"""

from __future__ import annotations

from dataclasses import replace

from devops_core.errors import ConflictError, NotDeployableError
from devops_core.kinds import releases, rollout, sources
from devops_core.kinds.kind import Kind
from devops_core.model.decisions import Plan
from devops_core.model.expectation import Expectation
from devops_core.model.inventory import Inventory, Row, Service, other_slot, require_live_slot
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation
from devops_core.model.specification import RecordClaim, Specification
from devops_core.naming import PRODUCTION, PROMOTABLE, Image
from devops_core.requests.promote import PromoteRequest


def source_image(request: PromoteRequest, inventory: Inventory) -> Image:
    """Return the image to promote, with its digest, so that production runs the tested bytes.

    Raises ConflictError for an unusable environment, and NotDeployableError without a digest.
    """
    inventory.usable(*PRODUCTION)
    row, service = _source(request, inventory)
    try:
        image = Image.parse(service.image)
    except ValueError:
        # Another tool can deploy an image that a request cannot name, for example in upper case.
        raise NotDeployableError(
            f"{row.environment} of {row.application.name} runs {service.image}, which is not a"
            " valid image reference: deploy a version to it first"
        ) from None
    if not service.digest:
        raise NotDeployableError(
            f"the digest of {service.version} in {row.environment} of {request.application} is not"
            f" on record: deploy {service.version} to it again, with the digest in repouri if the"
            " image is in another registry"
        )
    return image._replace(digest=service.digest)


def plan(
    request: PromoteRequest, inventory: Inventory, observed: Observed, draft: Operation
) -> Plan:
    """Take both rows of production; `observed.production` is the live slot.

    The source row must stay unchanged until the claim.
    """
    rows = [row for row, _ in inventory.usable(*PRODUCTION)]
    source, tested = _source(request, inventory)
    image = observed.require_image()
    live = require_live_slot(inventory, observed.production, draft.requested_at)
    idle_service = _idle_service(inventory, observed, live)
    version = tested.version or ""
    idle_row = next(row for row in rows if row.service is idle_service)
    specification, environment = inventory.specification, rows[0].environment
    _require_expected_revision(request, specification)
    settings = specification.settings(environment)
    slot = sources.source(idle_row, idle_service, settings, inventory, observed, draft.requested_at)
    _require_present_settings(source, tested, inventory)
    deployers = (draft.caller, *tested.deployers, *_authors(inventory, live))
    progress = (
        releases.target_progress(rows[0], slot.service, image, version, deployers, settings),
    )
    deadline = releases.deadline(draft, specification, [environment])
    return Plan(
        replace(
            draft,
            progress=progress,
            version=tested.version,
            spec=specification.revision,
            deadline=deadline,
            warnings=slot.warnings,
        ),
        Observed(),
        taken=tuple(slot.row if row is idle_row else row for row in rows),
        corrected=(slot.row,) if slot.corrected else (),
        unchanged=(source,),
        production=(live, live),
        record=RecordClaim(inventory.record),
        services=observed.services,
    )


def _authors(inventory: Inventory, live: str) -> tuple[str, ...]:
    """Return the callers of the settings that the release brings and customers do not have."""
    live_now = inventory.slots.get(live)
    return tuple(inventory.specification.authors_since(live_now.spec if live_now else None))


def _idle_service(inventory: Inventory, observed: Observed, live: str) -> Service:
    """Return the service of the idle slot, which customers must not reach during its rollout.

    Raises NotDeployableError if the production listener allows it, and ConflictError if the
    inventory lacks the slot.
    """
    if observed.listener_problems:
        raise NotDeployableError(
            "the production listener does not allow a promote:"
            f" {'; '.join(observed.listener_problems)}"
        )
    idle = other_slot(live)
    service = inventory.slots.get(idle)
    if service is None:
        raise ConflictError(
            f"the inventory lacks the slot {idle}: delete the application and create it again"
        )
    return service


def _source(request: PromoteRequest, inventory: Inventory) -> tuple[Row, Service]:
    """Return the environment whose version is promoted: the requested or the most tested one.

    Raises NotDeployableError without a version, if no rollout has verified it, or if the caller
    expects another release.
    """
    row, service = _tested(request, inventory)
    expected = Expectation(request.version, request.digest)
    if not expected.matches(service):
        raise NotDeployableError(
            f"{row.environment} of {request.application} runs {expected.actual(service)}, not"
            f" {expected}: deploy {expected} to it first, or correct the expectation"
        )
    if service.unverified:
        raise NotDeployableError(
            f"{service.version} in {row.environment} of {row.application.name} is not verified"
            f" ({service.unverified}): scale the service to at least one task, then deploy"
            f" {service.version} again"
        )
    return row, service


def _require_expected_revision(request: PromoteRequest, present: Specification) -> None:
    """Raise NotDeployableError if the caller expects another revision than the present one."""
    if request.spec not in (None, present.revision):
        raise NotDeployableError(
            f"the specification of {request.application} has revision {present.revision}, not"
            f" {request.spec}: read it again, and repeat the promote with the revision that"
            " production must receive"
        )


def _require_present_settings(row: Row, service: Service, inventory: Inventory) -> None:
    """Raise NotDeployableError if an environment lacks the present settings.

    Production receives the settings of the same revision, so they must have been tested.
    """
    specification = inventory.specification
    if service.spec_hash == specification.settings(row.environment).hash:
        return
    running = f"revision {service.spec}" if service.spec else "other settings"
    raise NotDeployableError(
        f"{row.environment} of {row.application.name} runs {running} of the specification, not"
        f" revision {specification.revision}: deploy {service.version} to it again first"
    )


def _tested(request: PromoteRequest, inventory: Inventory) -> tuple[Row, Service]:
    if request.source:
        ((row, service),) = inventory.usable(request.source)
        if not service.version:
            raise NotDeployableError(
                f"{request.source} of {request.application} has no deployed version:"
                " deploy to it first"
            )
        return row, service
    for environment in PROMOTABLE:
        tested = inventory.service(environment)
        if tested and tested.version:
            ((row, service),) = inventory.usable(environment)
            return row, service
    raise NotDeployableError(
        f"STAGE, QA and DEV of {request.application} have no deployed version:"
        " deploy to one of them first"
    )


KIND = Kind(
    name="deploy-blue",
    verb="promote",
    limit=releases.LIMIT,
    needs_approver=True,
    plan=plan,
    decide=rollout.decide,
    rows=releases.rows_after,
    task_definition=releases.task_definition,
    abort=releases.ABORT,
)
