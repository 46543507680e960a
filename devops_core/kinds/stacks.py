"""Rules for stacks, shared by several kinds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from devops_core import render
from devops_core.errors import NotDeployableError
from devops_core.kinds import scaling
from devops_core.kinds.kind import RowChanges
from devops_core.model.decisions import Plan, State, claimed_record
from devops_core.model.inventory import Application, Row, RowStatus, Service, container_of
from devops_core.model.observed import Observed, Stack
from devops_core.model.operation import Operation, Progress, Status
from devops_core.model.specification import EnvironmentSettings
from devops_core.model.steps import Deregister, RemoveScaling
from devops_core.naming import Environment, output_key, service_name


def updatable_stack(application: str, stack: Stack | None) -> Stack:
    """Return a stack; NotDeployableError if CloudFormation cannot update it now."""
    if stack is None or stack.status.startswith("DELETE_"):
        raise NotDeployableError(
            f"the stack of {application} does not exist: delete the application, then create it"
            " again"
        )
    if stack.status.endswith("_IN_PROGRESS"):
        raise NotDeployableError(
            f"the stack of {application} is {stack.status}, because another tool changes it: repeat"
            " the call later"
        )
    if stack.status.endswith("_FAILED"):
        raise NotDeployableError(
            f"the stack of {application} is {stack.status}: repair it in CloudFormation first"
        )
    return stack


def new_rows(
    environments: Iterable[Environment], application: Application, draft: Operation
) -> tuple[Row, ...]:
    """Return the rows of environments that a stack does not have yet."""
    return tuple(
        Row(
            application=application,
            environment=environment,
            status=RowStatus.CREATING,
            claim=draft.id,
            operation=draft.id,
            updated_at=draft.requested_at,
            updated_by=draft.caller,
        )
        for environment in environments
    )


def new_progress(settings: Mapping[Environment, EnvironmentSettings]) -> tuple[Progress, ...]:
    """Return the initial progress of environments that a stack does not have yet."""
    return tuple(
        Progress(
            environment=environment,
            service=service_name(environment),
            desired_count=own.scaling["min"] if own.scaling else own.desired_count,
            start_seconds=own.start_seconds,
            spec_hash=own.hash,
            scaling=own.scaling,
            scaled=own.scaling is None,
        )
        for environment, own in settings.items()
    )


def deregistrations(
    parts: Iterable[Progress], observed: Observed
) -> tuple[Deregister | RemoveScaling, ...]:
    """Return the steps for the task definitions and scalable targets that outlive their services.

    Application Auto Scaling keeps the scalable target of a deleted service.
    """
    return (
        *(
            Deregister(service, task_definition)
            for service, task_definitions in observed.orphans.items()
            for task_definition in task_definitions
        ),
        *(RemoveScaling(part.service) for part in parts if part.scalable and not part.scaled),
    )


def undeleted_rows(operation: Operation, held: Sequence[Row], now: datetime) -> RowChanges:
    """Return the rows of a stack that was not deleted, so that a caller can repeat the delete."""
    kept = []
    for row in held:
        stack_id = row.application.stack_id or operation.details.stack_id
        application = replace(row.application, stack_id=stack_id)
        kept.append(
            row.updated(operation, now, application=application, status=RowStatus.DELETE_FAILED)
        )
    return RowChanges(kept)


def task_definition(state: State, part: Progress, tags: Mapping[str, str]) -> dict[str, Any]:
    """Return the registration input of a new service: the stack's, with the specification's."""
    base = state.observed.blueprints[part.service]
    container = state.operation.details.containers[part.service]
    own = state.inventory.specification.settings(part.environment)
    return render.task_definition(base, container, None, tags, own)


def created_service(state: State, part: Progress, stack: Stack) -> Service:
    """Return a service of a stack that has just been created, or added to it.

    If its rollout failed, it runs the task definition of the stack, without the settings of the
    specification.
    """
    created = stack.outputs[output_key(part.service, "TaskDefinitionArn")]
    blueprint = state.observed.blueprints[part.service]
    target = created if part.status is Status.FAILED and not part.unrestored else part.target
    registered = target if target != created else None
    if registered:
        blueprint = render.blueprint(task_definition(state, part, {}))
    container = state.operation.details.containers[part.service]
    service = Service(
        name=part.service,
        container=container,
        arn=stack.outputs[output_key(part.service, "ServiceArn")],
        target_group=stack.outputs[output_key(part.service, "TargetGroupArn")],
        task_definition=target or created,
        blueprint=blueprint,
        image=container_of(blueprint, container)["image"],
        registered=registered,
    )
    if part.environment is Environment.PROD_GREEN:
        service = service.live()
    service = scaling.recorded(service, part)
    if target == created and part.status is Status.FAILED:
        return service
    specification = state.inventory.specification
    own = specification.settings(part.environment)
    return replace(
        service,
        spec=specification.revision,
        spec_hash=part.spec_hash,
        owned=own.owned,
        desired_count=own.desired_count,
    )


def settings(plan: Plan, part: Progress) -> dict[str, Any]:
    """Return the settings of a new environment, with only the names of its secrets."""
    record = claimed_record(plan)
    if record is None or part.environment not in [row.environment for row in plan.new]:
        return {}
    own = record.specification.settings(part.environment)
    general, stack = render.stack_settings(record.specification), plan.observed.stack
    # An update keeps the parameters of the stack.
    parameters = stack.parameters if stack else {}
    return {
        "cpu": own.cpu or int(parameters.get("Cpu", general.cpu)),
        "memory": own.memory or int(parameters.get("Memory", general.memory)),
        "taskRole": own.task_role,
        "desiredCount": part.desired_count or 1,
        "scaling": own.scaling,
        "variables": dict(own.environment),
        "secrets": sorted(own.secrets),
        "sidecars": {each["name"]: each["image"] for each in own.sidecars},
    }
