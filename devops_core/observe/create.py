"""Observations for a create: the template, then the stack and its services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from devops_core import template_contract, templates
from devops_core.errors import AwsError
from devops_core.kinds import create
from devops_core.model.container_log import ContainerLog
from devops_core.model.inventory import Application, Inventory
from devops_core.model.observed import Observed, Stack
from devops_core.model.operation import Operation
from devops_core.model.specification import sidecar_fields, sidecar_images
from devops_core.naming import PRODUCTION, TEAM_TAG, output_key
from devops_core.observe import Controller, images, rollout, secrets
from devops_core.observe.stacks import orphans, with_containers
from devops_core.ports import Cloud
from devops_core.requests.create import CreateRequest

_FAILED_STACK = ("ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED")


def before(cloud: Cloud, request: CreateRequest, inventory: Inventory) -> Observed:
    """Return the newest template, so that the claim records it.

    If it cannot be read now, the operation reads it again and reports the error. The images of
    sidecars get their digests. ForbiddenError names the secrets that the team cannot use.
    """
    del inventory
    name, team = request.application, request.tags[TEAM_TAG]
    unowned = secrets.unowned_secrets(cloud, team, request.specification)
    checks = [partial(secrets.has_tag, cloud, name, team, secret) for secret in unowned]
    references = sidecar_images(request.specification.document)
    sidecars = images.sidecars(cloud, references)
    wanted = [*sidecars.values()]
    observed, *results = cloud.gather(
        [partial(_newest_template, cloud), *checks, *images.checks(cloud, name, wanted)]
    )
    secrets.require_tags(f"create {name}", team, unowned, results[: len(checks)])
    _require_roles(cloud, request)
    application = Application(name=name, technical_team=team)
    action = f"create {name} with a sidecar"
    pinned = images.usable(cloud, action, application, wanted, results[len(checks) :])
    template: Observed = observed
    return replace(
        template,
        sidecar_digests=images.digests(request.specification.document, [*sidecars], pinned),
    )


def _require_roles(cloud: Cloud, request: CreateRequest) -> None:
    """Raise ForbiddenError for a task role that the team cannot use."""
    team, specification = request.tags[TEAM_TAG], request.specification
    allowed = cloud.settings.access.task_roles_of(team)
    environments = (*specification.environments, *PRODUCTION)
    name = request.application
    rollout.require_roles("create", name, team, specification, environments, allowed)


def _newest_template(cloud: Cloud) -> Observed:
    try:
        template, content = templates.newest(cloud)
    except AwsError:
        return Observed()
    return Observed(template=template, template_content=content)


def during(cloud: Cloud, operation: Operation, inventory: Inventory) -> Observed:
    """Return the stack, with its failures or its services, as far as its status requires them."""
    details = operation.details
    stack = cloud.stacks.describe(details.stack_id or operation.application)
    if stack is None and not details.undoing:
        return Observed()
    if stack is None or stack.status == "DELETE_COMPLETE":
        return Observed(stack=stack, orphans=orphans(cloud, operation))
    if stack.operation != operation.id:
        return Observed(stack=stack)
    if stack.status in _FAILED_STACK and not details.undoing:
        failures, logs = _create_failures(cloud, operation, stack)
        return Observed(stack=stack, stack_failures=failures, logs=logs)
    if stack.status == "DELETE_FAILED":
        failures = cloud.stacks.failures(stack.id, create.undo_token(operation))
        return Observed(stack=stack, stack_failures=failures)
    if stack.status != "CREATE_COMPLETE" or details.undoing:
        return Observed(stack=stack)
    return _created(cloud, operation, inventory, stack)


def _create_failures(
    cloud: Cloud, operation: Operation, stack: Stack
) -> tuple[tuple[str, ...], Mapping[str, ContainerLog]]:
    """Return the reasons of a failed create, and the logs of its failed containers by service.

    While the cluster exists, the reasons include those of the tasks.
    """
    if stack.status != "ROLLBACK_IN_PROGRESS":
        return cloud.stacks.failures(stack.id, operation.id), {}
    if operation.reasons:
        return (), {}
    failures = cloud.stacks.failures(stack.id, operation.id)
    failed = [
        part.service
        for part in operation.progress
        if any(failure.startswith(output_key(part.service, "Service ")) for failure in failures)
    ]
    stopped = cloud.gather(
        [
            partial(rollout.stopped_tasks, cloud.containers, operation.application, name, None)
            for name in failed
        ]
    )
    tasks = {name: found for name, found in zip(failed, stopped, strict=True) if found}
    logs = rollout.failed_logs(
        cloud, operation, {name: (found[0], None) for name, found in tasks.items()}
    )
    reasons = (f"{name}: {task.reason}" for name, found in tasks.items() for task in found)
    return (*failures, *reasons), logs


def _created(cloud: Cloud, operation: Operation, inventory: Inventory, stack: Stack) -> Observed:
    """Return a complete stack with the task definitions and services to configure."""
    names, outputs = [part.service for part in operation.progress], stack.outputs
    if template_contract.missing_outputs(outputs, names):
        return Observed(stack=stack)
    application, account = operation.application, template_contract.Account.of_stack(stack.id)
    faults = template_contract.foreign_outputs(application, names, account, outputs)
    if faults:
        return Observed(stack=stack, contract_faults=faults)
    containers = cloud.containers
    created = [outputs[output_key(name, "TaskDefinitionArn")] for name in names]
    read = [partial(containers.blueprint, arn) for arn in created]
    if operation.details.containers:
        blueprints = dict(zip(names, cloud.gather(read), strict=True))
        observed = Observed(stack=stack, blueprints=blueprints)
    else:
        services, *found = cloud.gather([partial(containers.services, application, names), *read])
        blueprints = dict(zip(names, found, strict=True))
        sidecars = sidecar_fields(inventory.specification.document, "name").values()
        observed = with_containers(stack, blueprints, services, [*sidecars])
    if observed.contract_faults or not operation.details.configures:
        return observed
    services = rollout.during(cloud, operation, inventory)
    # CloudFormation propagates the stack's tags, so its task definitions have the operation's tag.
    registered = {name: arn for name, arn in services.registered.items() if arn not in created}
    return replace(
        services,
        stack=stack,
        blueprints=observed.blueprints,
        containers=observed.containers,
        registered=registered,
    )


CONTROLLER = Controller(create.KIND, before, during)
