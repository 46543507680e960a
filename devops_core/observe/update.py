"""Observations for an update: the services, and the revision that customers receive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from devops_core.errors import AwsError
from devops_core.kinds import update
from devops_core.model.inventory import Inventory
from devops_core.model.observed import Observed, Stack
from devops_core.model.operation import Operation
from devops_core.model.specification import sidecar_fields
from devops_core.model.stack_change import (
    ChangeSet,
    StackChange,
    change_set_name,
    rollback_token,
)
from devops_core.naming import PRODUCTION, output_key
from devops_core.observe import Controller, images, rollout, secrets
from devops_core.observe.stacks import orphans, with_containers
from devops_core.ports import Cloud
from devops_core.requests.update import UpdateRequest
from devops_core.template_contract import Account, foreign_outputs, missing_outputs

if TYPE_CHECKING:
    from devops_core.model.specification import Specification


def before(cloud: Cloud, request: UpdateRequest, inventory: Inventory) -> Observed:
    """Return the services of all environments, and the digests of new images of sidecars.

    Raises InvalidRequestError for an invalid specification, and ForbiddenError for secrets and
    roles that the team cannot use.
    """
    change = update.change(request, inventory)
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
    sidecars = images.sidecars(cloud, update.new_images(change))
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


def _require_roles(cloud: Cloud, inventory: Inventory, change: update.Change) -> None:
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
        return _changing(cloud, operation, inventory, stack)
    observed = rollout.during(cloud, operation, inventory)
    if stack is None:
        return observed
    names = _added_services(operation)
    created = [stack.outputs.get(output_key(name, "TaskDefinitionArn")) for name in names]
    found = cloud.gather([partial(cloud.containers.blueprint, arn) for arn in created if arn])
    return replace(observed, stack=stack, blueprints=dict(zip(names, found, strict=True)))


def _changing(
    cloud: Cloud, operation: Operation, inventory: Inventory, stack: Stack | None
) -> Observed:
    """Return a stack with the change set of the operation, and the results of its execution."""
    if stack is None or stack.status.startswith("DELETE_"):
        # The permission for change sets depends on the tags of the stack.
        return Observed(stack=stack)
    change: StackChange = operation.details.stack
    stacks = cloud.stacks
    change_set = stacks.change_set(stack.id, change_set_name(operation.id))
    observed = Observed(stack=stack, change_set=change_set)
    if operation.details.executed_at is None:
        return replace(observed, change_set=_explained(cloud, operation, stack, change_set))
    if stack.status.endswith("_IN_PROGRESS"):
        if stack.status.startswith("UPDATE_ROLLBACK") and not operation.reasons:
            failures = stacks.failures(stack.id, operation.id)
            # CloudFormation repeats a failed deletion, so it is not a reason yet.
            cleans = stack.status.startswith("UPDATE_ROLLBACK_COMPLETE")
            undeleted = stacks.undeleted(stack.id, operation.id) if cleans else ()
            observed = replace(observed, stack_failures=failures, undeleted=undeleted)
        return observed
    if stack.status == "UPDATE_ROLLBACK_FAILED" and operation.details.continued:
        failures = stacks.failures(stack.id, rollback_token(operation.id))
        observed = replace(observed, rollback_failures=failures)
    if not change.applied(stack.parameters):
        return _unchanged(cloud, operation, observed, stack)
    if change.removed:
        observed = replace(
            observed,
            undeleted=stacks.undeleted(stack.id, operation.id),
            orphans=orphans(cloud, operation, change.removed),
        )
    created = _with_added_services(cloud, operation, inventory, stack)
    return replace(
        observed,
        blueprints=created.blueprints,
        containers=created.containers,
        contract_faults=created.contract_faults,
    )


def _unchanged(cloud: Cloud, operation: Operation, observed: Observed, stack: Stack) -> Observed:
    """Return a stack without its change: the failures, and the remains of a rolled-back update."""
    stacks = cloud.stacks
    failures = stacks.failures(stack.id, operation.id)
    if not failures or stack.status != "UPDATE_ROLLBACK_COMPLETE":
        return replace(observed, stack_failures=failures)
    continued = rollback_token(operation.id) if operation.details.continued else None
    tokens = filter(None, (operation.id, continued))
    undeleted = [each for token in tokens for each in stacks.undeleted(stack.id, token)]
    return replace(observed, stack_failures=failures, undeleted=tuple(undeleted))


def _explained(
    cloud: Cloud, operation: Operation, stack: Stack, change_set: ChangeSet | None
) -> ChangeSet | None:
    """Return a change set; a failed one has its failures, none after an AWS error.

    Only a decision to discard it needs them, which only functions with the permissions for change
    sets can carry out. An operation that ends for another reason does not need them.
    """
    decided = operation.details.undoing or operation.aborted_by is not None
    if change_set is None or change_set.status != "FAILED" or change_set.empty or decided:
        return change_set
    # The operation waits for a stack that another tool changes, before it discards the change set.
    if not cloud.settings.changes_stacks or stack.status.endswith("_IN_PROGRESS"):
        return change_set
    try:
        failures = cloud.stacks.change_set_failures(stack.id, change_set.id)
    except AwsError:
        return change_set
    return change_set._replace(failures=failures)


def _with_added_services(
    cloud: Cloud, operation: Operation, inventory: Inventory, stack: Stack
) -> Observed:
    """Return the services of added environments, or the faults of the template."""
    names, account = _added_services(operation), Account.of_stack(stack.id)
    missing = [f"{output} is missing" for output in missing_outputs(stack.outputs, names)]
    faults = missing or foreign_outputs(operation.application, names, account, stack.outputs)
    if faults or not names:
        return Observed(stack=stack, contract_faults=tuple(faults))
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
    return with_containers(stack, blueprints, services, [*sidecars])


def _added_services(operation: Operation) -> list[str]:
    change: StackChange = operation.details.stack
    return [part.service for part in operation.progress if part.environment in change.added]


CONTROLLER = Controller(update.KIND, before, during)
