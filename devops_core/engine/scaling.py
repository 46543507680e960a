"""Execution of the steps for Application Auto Scaling (`steps`)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from devops_core.model.decisions import State
from devops_core.model.operation import Operation, Status
from devops_core.model.scaling import RAISED_MINIMUM, SCALE_IN_EVALUATION
from devops_core.model.steps import (
    AllowScaleIn,
    ApplyScaling,
    RemoveScaling,
    ScalingStep,
    SetMinimum,
)
from devops_core.naming import output_key
from devops_core.ports import Cloud

# The time in which a swap repeats a step for scaling.
_PATIENCE = timedelta(minutes=1)


def call(cloud: Cloud, state: State, step: ScalingStep) -> datetime:
    """Make the call of a step, and return the time before it."""
    began = cloud.clock.now()
    application, scaling = state.operation.application, cloud.scaling
    match step:
        case ApplyScaling():
            counts_requests = "requestsPerTarget" in step.scaling
            group = _target_group(state, step.service) if counts_requests else None
            label = cloud.load_balancer.resource_label(group) if group else None
            scaling.apply(
                application, step.service, step.scaling, label=label, scales_in=step.scales_in
            )
            if step.minimum:
                # The alarms must see the customers after the operation; AWS can delay it.
                until = max(state.operation.deadline, began) + SCALE_IN_EVALUATION
                scaling.set_minimum(application, step.service, step.scaling, step.minimum, until)
        case RemoveScaling():
            scaling.remove(application, step.service)
        case SetMinimum():
            until = began + RAISED_MINIMUM
            scaling.set_minimum(application, step.slot, step.scaling, step.minimum, until)
        case AllowScaleIn():
            scaling.allow_scale_in(application, step.slot, allowed=step.allowed)
    return began


def _target_group(state: State, service: str) -> str:
    """Return the target group of a service; a new one is only in the outputs of its stack."""
    rows = state.inventory.rows.values()
    recorded = [row.service for row in rows if row.service and row.service.name == service]
    stack = state.observed.stack
    if recorded or stack is None:
        return recorded[0].target_group
    return stack.outputs[output_key(service, "TargetGroupArn")]


def applied(state: State, step: ScalingStep, began: datetime | None) -> State:
    """Return the state after a step whose call began at a time, None for a failed call."""
    operation = state.operation
    match step:
        case ApplyScaling() | RemoveScaling():
            operation = operation.with_progress(step.service, scaled=True)
        case SetMinimum():
            minimums = {**operation.details.minimums, step.slot: step.minimum}
            operation = operation.with_details(
                minimums=minimums, minimum_set_at=began, scaling_failed_at=None
            )
        case AllowScaleIn():
            scale_in = {**operation.details.scale_in, step.slot: step.allowed}
            operation = operation.with_details(scale_in=scale_in, scaling_failed_at=None)
    return state._replace(operation=operation)


def failed(
    state: State, step: ScalingStep, message: str, now: datetime, *, refused: bool
) -> State | None:
    """Return the state after an error, None if a later worker must repeat the step.

    `refused` is whether AWS refuses the call. A swap continues without its steps for scaling after
    a minute: customers must be able to leave a bad release without Application Auto Scaling.
    """
    operation = state.operation
    if not (refused or operation.overdue(now) or _is_urgent(operation, step, now)):
        return None
    if isinstance(step, ApplyScaling | RemoveScaling):
        part = operation.part(step.service)
        if part.sent and part.status is Status.IN_PROGRESS:
            reason = f"the release runs, but its scaling was not changed: {message}"
            return state._replace(
                operation=operation.with_progress(
                    step.service, status=Status.FAILED, reason=reason, unrestored=True
                )
            )
    name = step.service if isinstance(step, ApplyScaling | RemoveScaling) else step.slot
    warning = f"the scaling of {name} could not be changed: {message}"
    operation = replace(operation, warnings=(*operation.warnings, warning))
    if isinstance(step, SetMinimum) and step.minimum > step.scaling["min"]:
        operation = operation.with_details(scaling_skipped=True)
        return state._replace(operation=operation)
    return applied(state._replace(operation=operation), step, None)


def _is_urgent(operation: Operation, step: ScalingStep, now: datetime) -> bool:
    """Return whether a swap has repeated a step for a minute."""
    if not isinstance(step, SetMinimum | AllowScaleIn):
        return False
    failed_at = operation.details.scaling_failed_at
    return failed_at is not None and now >= failed_at + _PATIENCE


def repeated(state: State, step: ScalingStep, now: datetime) -> State:
    """Return the state after an error of a step that a later worker repeats."""
    if not isinstance(step, SetMinimum | AllowScaleIn):
        return state
    failed_at = state.operation.details.scaling_failed_at or now
    return state._replace(operation=state.operation.with_details(scaling_failed_at=failed_at))
