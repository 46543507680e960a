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

from devops_core.engine import stack_steps
from devops_core.errors import (
    AccessDeniedError,
    AwsError,
    RefusedError,
    ThrottledError,
    UnreachableError,
)
from devops_core.kinds.kind import Kind
from devops_core.model.decisions import State
from devops_core.model.inventory import other_slot
from devops_core.model.listeners import Listener
from devops_core.model.operation import GRACE, Status
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
            if isinstance(step, Switch) and isinstance(result, ThrottledError):
                state = _throttled_switch(state, step, now)
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
    if isinstance(step, UpdateService) and (refused or _given_up(state, error, now)):
        return _update_refused(state, step, error.message)
    if isinstance(step, ScaleService) and (refused or state.operation.overdue(now)):
        return _count_refused(state, step, error.message)
    if not refused:
        return None
    if isinstance(step, ReadTemplate | CreateStack | CreateChangeSet):
        operation = replace(state.operation, reasons=(error.message,)).with_details(undoing=True)
        return state._replace(operation=operation)
    if isinstance(step, DeleteStack):
        return stack_steps.with_stack(state, "DELETE_FAILED", failures=(error.message,))
    if isinstance(step, Register):
        return _with_progress(state, step.service, status=Status.FAILED, reason=error.message)
    return None


def _given_up(state: State, error: AwsError, now: datetime) -> bool:
    """Return whether AWS has blocked a call, without any effect, to the end of the grace period."""
    return state.operation.overdue(now - GRACE) and not isinstance(error, UnreachableError)


def _update_refused(state: State, step: UpdateService, message: str) -> State:
    """Return the state after a refused rollout, or after a refused return to `previous`."""
    part, reason = state.operation.part(step.service), message
    unrestored = step.task_definition == part.previous != part.target
    if unrestored:
        reason = f"{part.reason}. No rollback: {message}"
    return _with_progress(
        state, step.service, status=Status.FAILED, reason=reason, unrestored=unrestored
    )


def _count_refused(state: State, step: ScaleService, message: str) -> State | None:
    """Return the state after a refused task count, None for a slot of a swap.

    The same request then changes the scaling again, and with it the count.
    """
    part = state.operation.part(step.service)
    if not part.sent or part.status is not Status.IN_PROGRESS:
        return None
    reason = f"the release runs, but its task count was not changed: {message}"
    return _with_progress(
        state, step.service, status=Status.FAILED, reason=reason, unrestored=True, scaled=False
    )


def _with_progress(state: State, service: str, **changes: Any) -> State:
    return state._replace(operation=state.operation.with_progress(service, **changes))


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
    return state.with_observed(services={**state.observed.services, step.service: service})


def _scale(cloud: Cloud, _kind: Kind, state: State, step: ScalingStep) -> datetime:
    # Only applications with scaling need this module.
    from devops_core.engine import scaling

    return scaling.call(cloud, state, step)


def _scaled(state: State, step: ScalingStep, began: datetime) -> State:
    from devops_core.engine import scaling

    return scaling.applied(state, step, began)


def _deregister(cloud: Cloud, _kind: Kind, _state: State, step: Deregister) -> None:
    cloud.containers.deregister(step.task_definition)


def _deregistered(state: State, step: Deregister, _result: None) -> State:
    orphans = {
        service: tuple(arn for arn in arns if arn != step.task_definition)
        for service, arns in state.observed.orphans.items()
    }
    return _with_progress(state.with_observed(orphans=orphans), step.service, deregistered=True)


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
    operation = replace(state.operation, details=state.operation.details.with_page(page))
    return state._replace(operation=operation)


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


def _throttled_switch(state: State, step: Switch, now: datetime) -> State:
    """Return the state after a throttled switch, of which an earlier attempt can have an effect.

    The SDK repeats a call without a response, and raises only its last error. Before the first
    shift no such effect matters: the same shift takes place again.
    """
    if step.listener is Listener.TEST or not state.operation.details.weight:
        return state
    return state._replace(operation=state.operation.with_details(lost_at=now))


def _switched(state: State, step: Switch, moment: Any) -> State:
    if step.listener is Listener.TEST:
        return state.with_observed(test=step.slot)
    details = state.operation.details
    weight = step.weight if step.slot == details.live else ALL - step.weight
    operation = replace(state.operation, details=details.with_shift(weight, moment))
    return state._replace(operation=operation).with_observed(
        production=step.slot if step.weight == ALL else None,
        shares={details.live: weight, details.idle: ALL - weight},
    )


_CALLS: Mapping[type[Any], Callable[[Cloud, Kind, State, Any], Any]] = {
    **stack_steps.CALLS,
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
    **stack_steps.RESULTS,
    RemoveRevisions: _revisions_removed,
    Register: _registered,
    UpdateService: _service_updated,
    ScaleService: _service_updated,
    **dict.fromkeys(get_args(ScalingStep), _scaled),
    Deregister: _deregistered,
    WarmUp: _warmed_up,
    Switch: _switched,
}
