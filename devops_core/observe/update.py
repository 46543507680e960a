"""Observations for an update: the services, and the revision that customers receive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from devops_core.kinds import specification_change, update
from devops_core.model.inventory import Inventory
from devops_core.model.observed import Observed, Stack
from devops_core.model.operation import Operation
from devops_core.model.specification import sidecar_fields
from devops_core.model.stack_change import StackChange
from devops_core.naming import PRODUCTION, output_key
from devops_core.observe import Controller, images, rollout, secrets, stack_update
from devops_core.observe.stacks import with_containers
from devops_core.ports import Cloud
from devops_core.requests.update import UpdateRequest

if TYPE_CHECKING:
    from devops_core.model.specification import Specification


def before(cloud: Cloud, request: UpdateRequest, inventory: Inventory) -> Observed:
    """Return the services of all environments, and the digests of new images of sidecars.

    Raises InvalidRequestError for an invalid specification, and ForbiddenError for secrets and
    roles that the team cannot use.
    """
    change = specification_change.change(request, inventory)
    _require_roles(cloud, inventory, change)
    application = inventory.existing_application(request.application)
    team = application.technical_team
    verb = update.KIND.verb
    secrets.require_owned(cloud, verb, application.name, team, change.wanted, change.present)
    services = [row.service for row in inventory.rows.values() if row.service]
    names = [service.name for service in services]
    stack_id = application.stack_id or application.name
    live = update.live_revision(inventory)
    other = live if live not in (None, change.present.revision) else None
    sidecars = images.sidecars(cloud, specification_change.new_images(change))
    wanted = [*sidecars.values()]
    checks = images.checks(cloud, request.application, wanted)
    *found, running, specifications, stack = cloud.gather(
        [
            *checks,
            partial(cloud.containers.services, request.application, names),
            partial(_specifications, cloud, request.application, other),
            partial(cloud.stacks.describe, stack_id) if change.restacks else _nothing,
        ]
    )
    action = f"{verb} {application.name} with a sidecar"
    pinned = images.usable(cloud, action, application, wanted, found)
    observed = Observed(
        stack=stack,
        services=running,
        specifications=specifications,
        task_roles=cloud.settings.access.task_roles_of(application.technical_team),
        sidecar_digests=images.digests(change.wanted.document, [*sidecars], pinned),
        secret_keys=cloud.settings.secret_keys,
        ecs_exec=cloud.settings.ecs_exec,
    )
    return rollout.with_outside_blueprints(cloud, observed, services)


def _nothing() -> None:
    """Make no call."""


def _specifications(
    cloud: Cloud, application: str, revision: int | None
) -> Mapping[int, Specification]:
    """Return a revision by its number, nothing for None."""
    if revision is None:
        return {}
    found = cloud.tables.revisions(application, [revision])
    return {number: each.specification for number, each in found.items()}


def _require_roles(cloud: Cloud, inventory: Inventory, change: specification_change.Change) -> None:
    """Raise ForbiddenError for a new task role that the team cannot use."""
    application = inventory.application
    if application is None:
        return
    team = application.technical_team
    allowed = cloud.settings.access.task_roles_of(team)
    # An added environment has no row yet.
    environments = (*change.wanted.environments, *PRODUCTION)
    name = application.name
    rollout.require_roles(update.KIND.verb, name, team, change.wanted, environments, allowed)


def during(cloud: Cloud, operation: Operation, inventory: Inventory) -> Observed:
    """Return the stack until it has its change, then the services, and the stack of new ones."""
    change: StackChange | None = operation.details.stack
    changing = operation.details.changing
    if change is None or not (changing or change.added):
        return rollout.during(cloud, operation, inventory)
    application = inventory.application
    stack_id = application.stack_id if application else None
    stack = cloud.stacks.describe(stack_id or operation.application)
    if changing:
        observed = stack_update.changing(cloud, operation, stack)
        if stack and stack_update.has_change(operation, observed):
            return _with_added_services(cloud, operation, inventory, observed, stack)
        return observed
    observed = rollout.during(cloud, operation, inventory)
    if stack is None:
        return observed
    names = _added_services(operation)
    created = [stack.outputs.get(output_key(name, "TaskDefinitionArn")) for name in names]
    found = cloud.gather([partial(cloud.containers.blueprint, arn) for arn in created if arn])
    return replace(observed, stack=stack, blueprints=dict(zip(names, found, strict=True)))


def _with_added_services(
    cloud: Cloud, operation: Operation, inventory: Inventory, observed: Observed, stack: Stack
) -> Observed:
    """Return the services of added environments, or the faults of the template."""
    names = _added_services(operation)
    faults = stack_update.output_faults(operation, stack, names)
    if faults or not names:
        return replace(observed, contract_faults=faults)
    containers = cloud.containers
    created = [stack.outputs[output_key(name, "TaskDefinitionArn")] for name in names]
    services, *found = cloud.gather(
        [
            partial(containers.services, operation.application, names),
            *(partial(containers.blueprint, arn) for arn in created),
        ]
    )
    sidecars = sidecar_fields(inventory.specification.document, "name").values()
    blueprints = dict(zip(names, found, strict=True))
    created_services = with_containers(stack, blueprints, services, [*sidecars])
    return replace(
        observed,
        blueprints=created_services.blueprints,
        containers=created_services.containers,
        contract_faults=created_services.contract_faults,
    )


def _added_services(operation: Operation) -> list[str]:
    change: StackChange = operation.details.stack
    return [part.service for part in operation.progress if part.environment in change.added]


CONTROLLER = Controller(update.KIND, before, during)
