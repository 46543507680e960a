"""Execution of the steps of a decision.

Each step has two functions: one makes the call and returns its result, and a pure one applies the
result to the state. A refusal by AWS is a result too: it fails one environment, or starts the undo
of a create. Every other error stops the worker, and the next worker observes AWS before it
repeats a call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, get_args

from devops_core.errors import AccessDeniedError, AwsError, RefusedError, UnreachableError
from devops_core.kinds.kind import Kind
from devops_core.model.decisions import State
from devops_core.model.inventory import other_slot
from devops_core.model.listeners import Listener
from devops_core.model.observed import Stack
from devops_core.model.operation import Status
from devops_core.model.stack_change import ChangeSet, change_set_name, rollback_token
from devops_core.model.steps import (
    ContinueRollback,
    CreateChangeSet,
    CreateStack,
    DeleteChangeSet,
    DeleteStack,
    Deregister,
    ExecuteChangeSet,
    ReadTemplate,
    Register,
    RemoveRevisions,
    ScaleService,
    ScalingStep,
    Step,
    Switch,
    UpdateService,
    WarmedPage,
    WarmUp,
)
from devops_core.model.swap_policy import ALL
from devops_core.naming import OPERATION_TAG, Environment
from devops_core.ports import Cloud

# The steps whose permissions only the functions with `Settings.changes_stacks` have.
_CHANGES_OF_STACKS = (CreateChangeSet, ExecuteChangeSet, DeleteChangeSet, ContinueRollback)


def permitted(cloud: Cloud, steps: Sequence[Step]) -> bool:
    """Return whether this function has the permissions for steps."""
    return cloud.settings.changes_stacks or not any(
        isinstance(step, _CHANGES_OF_STACKS) for step in steps
    )


def calls(
    cloud: Cloud, kind: Kind, state: State, steps: Sequence[Step]
) -> list[Callable[[], Any | AwsError]]:
    """Return the calls of independent steps for `Cloud.gather`, each returns a result or an error.

    `applied` applies the results.
    """
    return [partial(_execute, cloud, kind, state, step) for step in steps]


def _execute(cloud: Cloud, kind: Kind, state: State, step: Step) -> Any | AwsError:
    try:
        return _CALLS[type(step)](cloud, kind, state, step)
    except AwsError as error:
        return error


def applied(
    state: State, steps: Sequence[Step], results: Sequence[Any | AwsError], now: datetime
) -> tuple[State, list[AwsError]]:
    """Return the state after steps, and the errors that stop the worker."""
    errors = []
    for step, result in zip(steps, results, strict=True):
        if not isinstance(result, AwsError):
            state = _RESULTS[type(step)](state, step, result)
        elif refused := _refused(state, step, result, now):
            state = refused
        else:
            errors.append(result)
            if isinstance(step, UpdateService) and not isinstance(result, UnreachableError):
                # The update cannot take effect later, so the next worker need not wait for it.
                state = _with_progress(state, step.service, asked_at=None)
            if isinstance(step, ScalingStep):
                from devops_core.engine import scaling

                state = scaling.repeated(state, step, now)
    return state, errors


def _refused(state: State, step: Step, error: AwsError, now: datetime) -> State | None:
    """Return the state after a refusal that is a result of the step, None for any other error."""
    refused = isinstance(error, RefusedError)
    if isinstance(step, Deregister):
        # The operation does not wait for a permission to clean up, nor after its deadline.
        denied = isinstance(error, AccessDeniedError)
        ignored = refused or denied or state.operation.overdue(now)
        return _deregistered(state, step, None) if ignored else None
    if isinstance(step, ScalingStep):
        from devops_core.engine import scaling

        return scaling.failed(state, step, error.message, now, refused=refused)
    if not refused:
        return None
    if isinstance(step, ReadTemplate | CreateStack | CreateChangeSet):
        operation = replace(state.operation, reasons=(error.message,)).with_details(undoing=True)
        return state._replace(operation=operation)
    if isinstance(step, DeleteStack):
        return _with_stack(state, "DELETE_FAILED", failures=(error.message,))
    if isinstance(step, UpdateService):
        return _update_refused(state, step, error.message)
    if isinstance(step, Register):
        return _with_progress(state, step.service, status=Status.FAILED, reason=error.message)
    return None


def _update_refused(state: State, step: UpdateService, message: str) -> State:
    """Return the state after a refused rollout, or after a refused return to `previous`."""
    part, reason = state.operation.part(step.service), message
    unrestored = step.task_definition == part.previous != part.target
    if unrestored:
        reason = f"{part.reason}. No rollback: {message}"
    return _with_progress(
        state, step.service, status=Status.FAILED, reason=reason, unrestored=unrestored
    )


def _with_progress(state: State, service: str, **changes: Any) -> State:
    return state._replace(operation=state.operation.with_progress(service, **changes))


def _with_observed(state: State, **changes: Any) -> State:
    return state._replace(observed=replace(state.observed, **changes))


def _with_stack(state: State, status: str, failures: tuple[str, ...] = ()) -> State:
    operation = state.operation
    stack = Stack(id=operation.details.stack_id or "", status=status, operation=operation.id)
    return _with_observed(state, stack=stack, stack_failures=failures)


def _read_template(cloud: Cloud, _kind: Kind, _state: State, _step: ReadTemplate) -> Any:
    from devops_core import templates

    return templates.newest(cloud)


def _template_read(state: State, _step: ReadTemplate, result: Any) -> State:
    template, content = result
    state = state._replace(operation=state.operation.with_details(template=template))
    return _with_observed(state, template_content=content)


def _create_stack(cloud: Cloud, _kind: Kind, state: State, _step: CreateStack) -> str:
    # Only a create needs the template.
    from devops_core import templates

    operation, application = state.operation, state.inventory.application
    template = operation.details.template
    if application is None or template is None or state.inventory.record is None:
        raise RefusedError("the application's rows, or its template, are not on record")
    content = state.observed.template_content or templates.recorded(cloud, template)
    record = state.inventory.record
    request = templates.stack_request(cloud, operation, application, record, template, content)
    return cloud.stacks.create(request)


def _stack_created(state: State, _step: CreateStack, stack_id: str) -> State:
    """Add the stack to the observation; the next decision records its id."""
    stack = Stack(id=stack_id, status="CREATE_IN_PROGRESS", operation=state.operation.id)
    return _with_observed(state, stack=stack)


def _delete_stack(cloud: Cloud, _kind: Kind, state: State, step: DeleteStack) -> None:
    stack_id = state.operation.details.stack_id
    if stack_id is None:
        raise RefusedError("the id of the stack is not on record")
    # Repeated by each worker that deletes the stack, because an earlier worker can have crashed
    # between the two calls.
    cloud.stacks.unprotect(stack_id)
    cloud.stacks.delete(stack_id, step.token)


def _delete_sent(state: State, _step: DeleteStack, _result: None) -> State:
    return _with_stack(state, "DELETE_IN_PROGRESS")


def _create_change_set(cloud: Cloud, _kind: Kind, state: State, _step: CreateChangeSet) -> None:
    # Only a change of a stack needs the template.
    from devops_core import templates

    record, stack = state.inventory.record, _observed_stack(state)
    if record is None:
        raise RefusedError("the specification of the application is not on record")
    request = templates.change_set_request(cloud, state.operation, record, stack)
    cloud.stacks.create_change_set(request)


def _change_set_created(state: State, _step: CreateChangeSet, _result: None) -> State:
    return _with_observed(state, change_set=ChangeSet("CREATE_PENDING"))


def _execute_change_set(cloud: Cloud, _kind: Kind, state: State, _step: ExecuteChangeSet) -> None:
    operation = state.operation.id
    stack = _observed_stack(state)
    cloud.stacks.execute_change_set(stack.id, change_set_name(operation), operation)


def _change_set_executed(state: State, _step: ExecuteChangeSet, _result: None) -> State:
    stack = replace(_observed_stack(state), status="UPDATE_IN_PROGRESS")
    return _with_observed(state, stack=stack)


def _delete_change_set(cloud: Cloud, _kind: Kind, state: State, _step: DeleteChangeSet) -> None:
    name = change_set_name(state.operation.id)
    cloud.stacks.delete_change_set(_observed_stack(state).id, name)


def _change_set_deleted(state: State, _step: DeleteChangeSet, _result: None) -> State:
    return _with_observed(state, change_set=None)


def _continue_rollback(cloud: Cloud, _kind: Kind, state: State, _step: ContinueRollback) -> None:
    cloud.stacks.continue_rollback(_observed_stack(state).id, rollback_token(state.operation.id))


def _rollback_continued(state: State, _step: ContinueRollback, _result: None) -> State:
    stack = replace(_observed_stack(state), status="UPDATE_ROLLBACK_IN_PROGRESS")
    return _with_observed(state, stack=stack)


def _observed_stack(state: State) -> Stack:
    """Return the observed stack; ValueError without one."""
    if state.observed.stack is None:
        raise ValueError("the stack was not observed")
    return state.observed.stack


def _remove_revisions(cloud: Cloud, _kind: Kind, state: State, _step: RemoveRevisions) -> None:
    cloud.tables.remove_revisions(state.operation.application, state.operation.id)


def _revisions_removed(state: State, _step: RemoveRevisions, _result: None) -> State:
    return state._replace(operation=state.operation.with_details(cleared=True))


def _register(cloud: Cloud, kind: Kind, state: State, step: Register) -> str:
    if kind.task_definition is None:
        raise ValueError(f"the kind {kind.name} defines no task definitions")
    operation, application = state.operation, state.inventory.application
    tags = {**(application.tags if application else {}), OPERATION_TAG: operation.id}
    definition = kind.task_definition(state, operation.part(step.service), tags)
    return cloud.containers.register(definition)


def _registered(state: State, step: Register, arn: str) -> State:
    return _with_progress(state, step.service, target=arn)


def _update_service(
    cloud: Cloud, kind: Kind, state: State, step: UpdateService | ScaleService
) -> Any:
    application, count = state.operation.application, step.desired_count
    if isinstance(step, ScaleService):
        return cloud.containers.update(application, step.service, None, count)
    return cloud.containers.update(
        application,
        step.service,
        step.task_definition,
        count,
        step.start_seconds,
        _turns_exec_on(cloud, kind, state, step),
    )


def _turns_exec_on(cloud: Cloud, kind: Kind, state: State, step: UpdateService) -> bool | None:
    """Return whether a rollout turns ECS Exec on or off, None for a change of the count only.

    ECS refuses it for a task definition without a task role (ECS Developer Guide, "Task IAM role",
    "ECS Exec permissions").
    """
    if step.task_definition is None:
        return None
    if not cloud.settings.ecs_exec:
        return False
    part = state.operation.part(step.service)
    if step.task_definition == part.target and kind.task_definition:
        return "taskRoleArn" in kind.task_definition(state, part, {})
    services = (row.service for row in state.inventory.rows.values() if row.service)
    blueprints = {service.name: service.blueprint for service in services}
    return "taskRoleArn" in {**state.observed.blueprints, **blueprints}.get(step.service, {})


def _service_updated(state: State, step: UpdateService | ScaleService, service: Any) -> State:
    return _with_observed(state, services={**state.observed.services, step.service: service})


def _scale(cloud: Cloud, _kind: Kind, state: State, step: ScalingStep) -> None:
    # Only applications with scaling need this module.
    from devops_core.engine import scaling

    scaling.call(cloud, state, step)


def _scaled(state: State, step: ScalingStep, _result: None) -> State:
    from devops_core.engine import scaling

    return scaling.applied(state, step)


def _deregister(cloud: Cloud, _kind: Kind, _state: State, step: Deregister) -> None:
    cloud.containers.deregister(step.task_definition)


def _deregistered(state: State, step: Deregister, _result: None) -> State:
    orphans = {
        service: tuple(arn for arn in arns if arn != step.task_definition)
        for service, arns in state.observed.orphans.items()
    }
    return _with_progress(_with_observed(state, orphans=orphans), step.service, deregistered=True)


def _warm_up(cloud: Cloud, _kind: Kind, state: State, step: WarmUp) -> WarmedPage:
    base = state.inventory.rows[Environment.PROD_BLUE].url
    began, status, reason = cloud.clock.now(), None, None
    try:
        status = cloud.web.get(f"{base}{step.path}")
    except AwsError as error:
        reason = error.message
    milliseconds = (cloud.clock.now() - began) // timedelta(milliseconds=1)
    return WarmedPage(step.path, status, milliseconds, reason)


def _warmed_up(state: State, _step: WarmUp, page: WarmedPage) -> State:
    warmed = state.operation.details.warmed
    return state._replace(operation=state.operation.with_details(warmed=(*warmed, page)))


def _switch(cloud: Cloud, _kind: Kind, state: State, step: Switch) -> Any:
    slots = state.inventory.slots
    slot, idle = slots.get(step.slot), slots.get(other_slot(step.slot))
    if slot is None or idle is None:
        raise RefusedError("production lacks a slot: delete the application and create it again")
    arns = dict(zip(Listener, state.inventory.listeners, strict=True))
    actions = state.observed.listeners[step.listener].actions
    weights = {slot.target_group: step.weight, idle.target_group: ALL - step.weight}
    cloud.load_balancer.switch(arns[step.listener], actions, weights)
    return cloud.clock.now()


def _switched(state: State, step: Switch, moment: Any) -> State:
    if step.listener is Listener.TEST:
        return _with_observed(state, test=step.slot)
    details = state.operation.details
    weight = step.weight if step.slot == details.live else ALL - step.weight
    operation = replace(state.operation, details=details.with_shift(weight, moment))
    return _with_observed(
        state._replace(operation=operation),
        production=step.slot if step.weight == ALL else None,
        shares={details.live: weight, details.idle: ALL - weight},
    )


_CALLS: Mapping[type[Any], Callable[[Cloud, Kind, State, Any], Any]] = {
    ReadTemplate: _read_template,
    CreateStack: _create_stack,
    DeleteStack: _delete_stack,
    CreateChangeSet: _create_change_set,
    ExecuteChangeSet: _execute_change_set,
    DeleteChangeSet: _delete_change_set,
    ContinueRollback: _continue_rollback,
    RemoveRevisions: _remove_revisions,
    Register: _register,
    UpdateService: _update_service,
    ScaleService: _update_service,
    **dict.fromkeys(get_args(ScalingStep), _scale),
    Deregister: _deregister,
    WarmUp: _warm_up,
    Switch: _switch,
}
_RESULTS: Mapping[type[Any], Callable[[State, Any, Any], State]] = {
    ReadTemplate: _template_read,
    CreateStack: _stack_created,
    DeleteStack: _delete_sent,
    CreateChangeSet: _change_set_created,
    ExecuteChangeSet: _change_set_executed,
    DeleteChangeSet: _change_set_deleted,
    ContinueRollback: _rollback_continued,
    RemoveRevisions: _revisions_removed,
    Register: _registered,
    UpdateService: _service_updated,
    ScaleService: _service_updated,
    **dict.fromkeys(get_args(ScalingStep), _scaled),
    Deregister: _deregistered,
    WarmUp: _warmed_up,
    Switch: _switched,
}
