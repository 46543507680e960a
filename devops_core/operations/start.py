"""The five things a caller can start: each returns an operation, or why there is none to start."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from devops_core.decide.swap import refusals
from devops_core.errors import AwsError, ConflictError, NotDeployableError, NotReadyError
from devops_core.model import (
    Application,
    Inventory,
    Kind,
    Observed,
    Operation,
    Progress,
    Row,
    RowStatus,
    Service,
    Template,
    other_slot,
)
from devops_core.naming import PRODUCTION, PROMOTABLE, Environment, Image, service_name
from devops_core.operations import templates
from devops_core.operations.accept import (
    accept,
    claim,
    free,
    new_operation,
    row_of,
    usable,
)
from devops_core.operations.observe import known_slot, live_slot, production
from devops_core.operations.origin import Origin
from devops_core.operations.permit import permit
from devops_core.operations.plan import Plan
from devops_core.ports import Cloud

if TYPE_CHECKING:
    from devops_core.operations.preview import Preview
    from devops_core.requests.create import CreateRequest
    from devops_core.requests.delete import DeleteRequest
    from devops_core.requests.deploy import DeployRequest
    from devops_core.requests.promote import PromoteRequest
    from devops_core.requests.swap import SwapRequest

    Outcome = Operation | str | Preview


def create(cloud: Cloud, request: CreateRequest, origin: Origin) -> Operation | Preview:
    """Create an application. Raises AlreadyExistsError, ForbiddenError."""
    name, team = request.application, request.tags["technicalTeam"]
    permit(cloud, Kind.CREATE, name, team, origin.caller, record=not origin.dry_run)
    environments = (*request.environments, Environment.PROD_GREEN, Environment.PROD_BLUE)
    template, content = _template(cloud, origin)
    operation = new_operation(
        cloud,
        Kind.CREATE,
        name,
        origin,
        service=request.service,
        template=template,
        progress=tuple(
            Progress(environment=name, service=service_name(name)) for name in environments
        ),
    )
    rows = tuple(_new_row(request, operation, environment) for environment in environments)
    plan = Plan(operation=operation, new=rows, observed=Observed(looked=False, template=content))
    if origin.dry_run:
        from devops_core.operations import preview

        return preview.created(cloud, plan, operation)
    return claim(cloud, origin, plan, operation)


def _template(cloud: Cloud, origin: Origin) -> tuple[Template | None, bytes | None]:
    """Return the application template, so that the claim has on record what is to be sent.

    What is the matter with it, if it cannot be read, the operation will meet again; a dry run
    reads it later, and tells.
    """
    if origin.dry_run:
        return None, None
    try:
        return templates.newest(cloud)
    except AwsError:
        return None, None


def _new_row(request: CreateRequest, operation: Operation, environment: Environment) -> Row:
    application = Application(
        name=request.application,
        technical_team=request.tags["technicalTeam"],
        email=request.email,
        description=request.description,
        tags=request.tags,
        warmup=request.service.warmup,
    )
    return Row(
        application=application,
        environment=environment,
        status=RowStatus.CREATING,
        claim=operation.id,
        operation=operation.id,
        updated_at=operation.requested_at,
        updated_by=operation.caller,
    )


def deploy(cloud: Cloud, request: DeployRequest, origin: Origin) -> Outcome:
    """Deploy an image to non-production environments. Raises ConflictError."""
    plan = partial(_deploy, cloud, request, origin)
    return accept(cloud, Kind.DEPLOY, request.application, origin, plan)


def _deploy(cloud: Cloud, request: DeployRequest, origin: Origin, inventory: Inventory) -> Plan:
    taken = [usable(row_of(inventory, name)) for name in request.environments]
    repouri = request.repouri or taken[0][0].application.repository or ""
    image = Image.parse(repouri)
    if not image.tag and not image.digest:
        image = replace(image, tag=request.version)
    image = _in_registry(cloud, image)
    progress = tuple(_target(row, service, image, request.version) for row, service in taken)
    operation = new_operation(
        cloud,
        Kind.DEPLOY,
        request.application,
        origin,
        progress=progress,
        version=request.version,
    )
    return Plan(operation=operation, taken=tuple(row for row, _ in taken))


def promote(cloud: Cloud, request: PromoteRequest, origin: Origin) -> Outcome:
    """Promote what non-production runs to the idle production slot. Raises ConflictError."""
    plan = partial(_promote, cloud, request, origin)
    return accept(cloud, Kind.DEPLOY_BLUE, request.application, origin, plan)


def _promote(cloud: Cloud, request: PromoteRequest, origin: Origin, inventory: Inventory) -> Plan:
    rows = [usable(row_of(inventory, role))[0] for role in PRODUCTION]
    source, tested = _source(inventory, request)
    image = replace(Image.parse(tested.image), digest=tested.digest)
    live, image = _live_and_pinned(cloud, inventory, image)
    idle = other_slot(live)
    blue = inventory.production_slot(idle)
    if blue is None:
        raise ConflictError(f"inventory knows no service for the slot {idle}")
    operation = new_operation(
        cloud,
        Kind.DEPLOY_BLUE,
        request.application,
        origin,
        progress=(_target(rows[0], blue, image, tested.version or ""),),
        version=tested.version,
    )
    return Plan(operation=operation, taken=tuple(rows), unchanged=(source,))


def swap(cloud: Cloud, request: SwapRequest, origin: Origin) -> Outcome:
    """Exchange live and idle production. Raises ConflictError, NotReadyError."""
    plan = partial(_swap, cloud, request, origin)
    return accept(cloud, Kind.SWAP, request.application, origin, plan)


def _swap(cloud: Cloud, request: SwapRequest, origin: Origin, inventory: Inventory) -> Plan:
    rows = [usable(row_of(inventory, role))[0] for role in PRODUCTION]
    observed = production(cloud, request.application, inventory)
    idle = known_slot(observed.production)
    live = other_slot(idle)
    green, blue = inventory.production_slot(idle), inventory.production_slot(live)
    if green is None or blue is None:
        raise ConflictError("inventory does not know both production slots")
    if request.version and green.version == request.version:
        return Plan(message=f"{request.version} is live already; nothing was moved")
    _ready(request, blue, observed)
    progress = (
        _exchange(inventory.rows[Environment.PROD_GREEN], blue, green),
        _exchange(inventory.rows[Environment.PROD_BLUE], green, blue),
    )
    operation = new_operation(
        cloud,
        Kind.SWAP,
        request.application,
        origin,
        progress=progress,
        live=live,
        idle=idle,
        warmup=rows[0].application.warmup,
        version=blue.version,
    )
    return Plan(operation=operation, taken=tuple(rows), observed=observed)


def _ready(request: SwapRequest, blue: Service, observed: Observed) -> None:
    """Hold blue to what must be so before it goes live."""
    if request.version and blue.version != request.version:
        runs = blue.version or "its first image"
        raise NotDeployableError(f"blue runs {runs}, not {request.version}: promote it first")
    never = () if blue.version or blue.was_live else ("nothing was deployed to blue yet",)
    missing = never + refusals(observed, blue.name)
    if missing:
        raise NotReadyError("blue cannot go live", missing)


def delete(cloud: Cloud, request: DeleteRequest, origin: Origin) -> Outcome:
    """Delete an application. Raises ConflictError."""
    plan = partial(_delete, cloud, request, origin)
    return accept(cloud, Kind.DELETE, request.application, origin, plan)


def _delete(cloud: Cloud, request: DeleteRequest, origin: Origin, inventory: Inventory) -> Plan:
    rows = [free(row) for row in inventory.rows.values()]
    operation = new_operation(
        cloud,
        Kind.DELETE,
        request.application,
        origin,
        progress=tuple(_removal(row) for row in rows),
        stack_id=rows[0].application.stack_id,
    )
    return Plan(operation=operation, taken=tuple(rows))


def _source(inventory: Inventory, request: PromoteRequest) -> tuple[Row, Service]:
    """Return the environment that a promotion takes its version from."""
    if request.source:
        row, service = usable(row_of(inventory, request.source))
        if not service.version:
            raise NotDeployableError(f"nothing was deployed to {request.source} yet")
        return row, service
    for environment in PROMOTABLE:
        tested = inventory.service(environment)
        if tested and tested.version:
            return usable(inventory.rows[environment])
    raise NotDeployableError("nothing was deployed to stage, qa or dev yet")


def _in_registry(cloud: Cloud, image: Image) -> Image:
    """Return an image with its digest when it is in this account's ECR, else as it is."""
    settings = cloud.settings
    repository = image.ecr_repository(settings.account, settings.region)
    if repository is None:
        return image
    digest = cloud.images.digest(repository, tag=image.tag, digest=image.digest)
    return replace(image, digest=digest)


def _live_and_pinned(cloud: Cloud, inventory: Inventory, image: Image) -> tuple[str, Image]:
    """Return the slot that is live and an image with its digest; both are asked for at once."""
    # Clients are made here and not in the threads, where two would make them in turns.
    for port in ("load_balancer", "images"):
        getattr(cloud, port)
    live, pinned = cloud.together(
        [partial(live_slot, cloud, inventory), partial(_in_registry, cloud, image)]
    )
    return live, pinned


def _target(row: Row, service: Service, image: Image, version: str) -> Progress:
    """Return what a service must come to run. The same bytes again need no new registration."""
    same = image.digest is not None and image.digest == service.digest
    unchanged = same and version == service.version
    return Progress(
        environment=row.environment,
        service=service.name,
        url=row.url,
        image=image.uri,
        digest=image.digest,
        version=version,
        previous_version=service.version,
        previous=service.task_definition,
        obsolete=service.registered,
        wanted=service.task_definition if unchanged else None,
    )


def _exchange(row: Row, new: Service, old: Service) -> Progress:
    return Progress(
        environment=row.environment,
        service=new.name,
        url=row.url,
        image=new.image,
        digest=new.digest,
        version=new.version,
        previous_version=old.version,
    )


def _removal(row: Row) -> Progress:
    service = row.service
    if service is None:
        return Progress(environment=row.environment, service=service_name(row.environment))
    return Progress(
        environment=row.environment, service=service.name, previous_version=service.version
    )
