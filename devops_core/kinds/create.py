"""Create: the stack of an application, then the settings that a template parameter cannot hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from devops_core import render, template_contract
from devops_core.details.create import CreateDetails
from devops_core.kinds import releases, rollout, stacks
from devops_core.kinds.kind import Abort, Kind, RowChanges
from devops_core.model.decisions import Act, After, Decision, Done, Fail, Plan, State, Wait
from devops_core.model.inventory import (
    Application,
    Inventory,
    Row,
    RowStatus,
)
from devops_core.model.observed import Observed, Stack
from devops_core.model.operation import Operation, Progress, Status
from devops_core.model.specification import (
    DEFAULT_ROLLOUT_MINUTES,
    ApplicationRecord,
    EnvironmentSettings,
    RecordClaim,
    Revision,
    StackRecord,
)
from devops_core.model.steps import CreateStack, DeleteStack, ReadTemplate
from devops_core.naming import Environment, output_key, service_name
from devops_core.requests.create import CreateRequest

_URL_OUTPUTS = {Environment.PROD_GREEN: "ProductionUrl", Environment.PROD_BLUE: "TestUrl"}
# If a template parameter cannot hold the settings of a service, a create starts it twice: with the
# first image, and with the settings. CloudFormation ends nearly every failed create before this
# limit: a service that does not become stable stops its stack after the attempts of ECS's circuit
# breaker.
_ROLLOUTS = 2
_LIMIT = timedelta(minutes=_ROLLOUTS * DEFAULT_ROLLOUT_MINUTES)
# The time for the deletion of a failed stack after the deadline.
_UNDO_LIMIT = timedelta(minutes=60)
_FAILED_CREATE = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED")


def undo_token(operation: Operation) -> str:
    """Return the client request token of the DeleteStack call that undoes a create."""
    return f"{operation.id}-undo"


def plan(
    request: CreateRequest, inventory: Inventory, observed: Observed, draft: Operation
) -> Plan:
    """Add a row for each environment; the claim fails if the application exists."""
    del inventory
    specification = request.specification._replace(digests=observed.sidecar_digests)
    environments = (*specification.environments, Environment.PROD_GREEN, Environment.PROD_BLUE)
    application = Application(
        name=request.application,
        technical_team=request.tags["technicalTeam"],
        creation=draft.id,
        tags=request.tags,
    )
    settings = {each: specification.settings(each) for each in environments}
    rows = stacks.new_rows(environments, application, draft)
    general = render.stack_settings(specification)
    registers = {each for each, own in settings.items() if _needs_registration(own, general)}
    configures = registers | {each for each, own in settings.items() if _needs_update(own, general)}
    details = CreateDetails(
        template=observed.template,
        registers=tuple(service_name(each) for each in environments if each in registers),
        configures=tuple(service_name(each) for each in environments if each in configures),
    )
    operation = replace(
        draft,
        progress=tuple(
            replace(part, desired_count=part.desired_count or 1)
            for part in stacks.new_progress(settings)
        ),
        details=details,
        spec=specification.revision,
        deadline=releases.deadline(draft, specification, environments, rollouts=_ROLLOUTS),
    )
    record = RecordClaim(
        seen=None,
        taken=True,
        new=ApplicationRecord(specification, specification.revision, request.fixed),
        revision=Revision(specification, draft.id, draft.caller, draft.requested_at),
    )
    return Plan(operation, observed, new=rows, record=record)


def _needs_registration(own: EnvironmentSettings, general: render.StackSettings) -> bool:
    """Return whether an environment needs another task definition than that of the stack.

    A CloudFormation parameter cannot hold a map, and all services have the parameters in common.
    """
    other_size = own.cpu not in (None, general.cpu) or own.memory not in (None, general.memory)
    own_values = own.owned or own.unset
    return bool(other_size or own_values)


def _needs_update(own: EnvironmentSettings, general: render.StackSettings) -> bool:
    """Return whether a service differs from that of the stack in its size or grace period.

    The template sets no task count, so that a later stack update does not undo the scaling of a
    service.
    """
    other_start = own.start_seconds not in (None, general.start_seconds)
    return own.desired_count not in (None, 1) or own.scaling is not None or other_start


def decide(operation: Operation, observed: Observed, now: datetime) -> Decision:
    """Create the stack and configure it; a failed stack is deleted before the operation ends."""
    stack, details = observed.stack, operation.details
    if details.undoing:
        return _undo(operation, observed, now)
    if stack is None or (stack.status == "DELETE_COMPLETE" and stack.id != details.stack_id):
        return _before_stack(operation, now)
    if stack.operation != operation.id:
        return _failed_create(
            operation, "another stack has the name of the application: choose another name"
        )
    operation = operation.with_details(stack_id=stack.id)
    if operation.aborted_by:
        return _start_undo(operation, observed, (f"aborted by {operation.aborted_by}",), now)
    if stack.status == "CREATE_COMPLETE":
        return _configure(operation, observed, stack, now)
    if stack.status in _FAILED_CREATE or stack.status.startswith("DELETE_"):
        return _start_undo(operation, observed, _failure_reasons(operation, observed, stack), now)
    if operation.overdue(now):
        return _start_undo(
            operation, observed, (f"the stack is still {stack.status} at the time limit",), now
        )
    # Record the reasons early, because the rollback of the stack removes their evidence.
    reasons = operation.reasons or observed.stack_failures
    progress = tuple(
        replace(part, log=part.log or observed.logs.get(part.service))
        for part in operation.progress
    )
    waiting_for = f"stack {stack.status}"
    return Wait(replace(operation, waiting_for=waiting_for, reasons=reasons, progress=progress))


def _before_stack(operation: Operation, now: datetime) -> Decision:
    details = operation.details
    if operation.aborted_by and details.stack_id is None:
        return _failed_create(operation, f"aborted by {operation.aborted_by}")
    late = "CloudFormation did not create the stack within the time limit"
    if details.stack_id is not None:
        # DescribeStacks is eventually consistent, so it may lack a stack that was just accepted.
        # It returns a deleted stack by its id, as DELETE_COMPLETE. If the clock jumps past the
        # deadline, the operation still waits for the stack, so that it can be deleted.
        if now >= operation.deadline + _UNDO_LIMIT:
            return _failed_create(operation, late, keep_rows=True)
        return Wait(replace(operation, waiting_for="CloudFormation to show the stack"))
    if operation.overdue(now):
        return _failed_create(operation, late)
    if details.template is None:
        return Act(operation, (ReadTemplate(),), After.SAVE)
    return Act(operation, (CreateStack(),))


def _failure_reasons(operation: Operation, observed: Observed, stack: Stack) -> tuple[str, ...]:
    known = (*operation.reasons, *observed.stack_failures)
    return tuple(dict.fromkeys(known)) or (stack.reason or f"the stack ended as {stack.status}",)


def _configure(operation: Operation, observed: Observed, stack: Stack, now: datetime) -> Decision:
    services = [part.service for part in operation.progress]
    missing = template_contract.missing_outputs(stack.outputs, services)
    if missing:
        reason = f"the application template lacks the outputs {', '.join(missing)}"
        return _start_undo(operation, observed, (reason,), now)
    if observed.contract_faults:
        reason = f"the application template cannot be used: {'; '.join(observed.contract_faults)}"
        return _start_undo(operation, observed, (reason,), now)
    if observed.containers:
        operation = operation.with_details(containers=observed.containers)
    targets = [_target(part, operation.details, stack) for part in operation.progress]
    advances = [rollout.advance(part, operation, observed, now) for part in targets]
    operation = replace(operation, progress=tuple(each.part for each in advances))
    failed = [part for part in operation.progress if part.status is Status.FAILED]
    if failed:
        reasons = tuple(f"{part.environment}: {part.reason}" for part in failed)
        return _start_undo(operation, observed, reasons, now)
    return rollout.next_decision(operation, advances) or Done(operation)


def _target(part: Progress, details: CreateDetails, stack: Stack) -> Progress:
    """Return the progress with the stack's task definition and the settings of the request.

    A service without such settings is complete.
    """
    created = stack.outputs[output_key(part.service, "TaskDefinitionArn")]
    unchanged = part.service not in details.registers
    url_output = _URL_OUTPUTS.get(part.environment, output_key(part.service, "Url"))
    return replace(
        part,
        url=stack.outputs.get(url_output),
        previous=created,
        target=created if unchanged else part.target,
        status=part.status if part.service in details.configures else Status.SUCCEEDED,
    )


def _start_undo(
    operation: Operation, observed: Observed, reasons: tuple[str, ...], now: datetime
) -> Decision:
    operation = replace(operation, reasons=reasons).with_details(undoing=True)
    if now >= operation.deadline + _UNDO_LIMIT:
        # No worker ran until the undo limit had passed: the undo gets its whole time from now on.
        operation = replace(operation, deadline=now)
    return _undo(operation, observed, now)


def _undo(operation: Operation, observed: Observed, now: datetime) -> Decision:
    stack = observed.stack
    operation = _abandoned(operation)
    if stack is None or stack.status == "DELETE_COMPLETE" or stack.operation != operation.id:
        steps = stacks.deregistrations(operation.progress, observed)
        return Act(operation, steps) if steps else Fail(operation)
    operation = operation.with_details(stack_id=stack.id)
    # DELETE_FAILED without a failure of this operation's delete is the result of another delete.
    refused = stack.status == "DELETE_FAILED" and observed.stack_failures
    if refused or now >= operation.deadline + _UNDO_LIMIT:
        remaining = observed.stack_failures or ("CloudFormation could not delete the stack",)
        reasons = (
            *operation.reasons,
            *(f"the stack was not deleted: {reason}" for reason in remaining),
        )
        return Fail(replace(operation, reasons=tuple(dict.fromkeys(reasons))), keep_rows=True)
    if stack.status == "DELETE_IN_PROGRESS":
        return Wait(replace(operation, waiting_for="the deletion of the failed stack"))
    return Act(operation, (DeleteStack(undo_token(operation)),))


def _abandoned(operation: Operation) -> Operation:
    """Return the operation with all services FAILED, also those that were complete.

    Their addresses do not exist any more.
    """
    progress = tuple(
        replace(
            part,
            status=Status.FAILED,
            url=None,
            reason=part.reason or "the application was not created",
            scaling=None,
            scaled=part.scaling is None and part.scaled,
            completed=False,
            unrestored=False,
        )
        for part in operation.progress
    )
    return replace(operation, progress=progress)


def _failed_create(operation: Operation, reason: str, *, keep_rows: bool = False) -> Fail:
    return Fail(replace(_abandoned(operation), reasons=(reason,)), keep_rows)


def rows_after(state: State, held: Sequence[Row], now: datetime, *, keep_rows: bool) -> RowChanges:
    """Return complete rows after a success; a failure removes them unless its stack remains."""
    operation, stack = state.operation, state.observed.stack
    if operation.status is not Status.SUCCEEDED:
        return (
            stacks.undeleted_rows(operation, held, now)
            if keep_rows
            else RowChanges(removed=held, ends_application=True)
        )
    if stack is None:
        raise ValueError(f"create {operation.id} ends without a stack")
    arns: dict[str, Any] = {
        "stack_id": stack.id,
        "repository": stack.outputs["RepositoryUri"],
        "production_listener": stack.outputs["ProductionListenerArn"],
        "test_listener": stack.outputs["TestListenerArn"],
    }
    parts = {part.environment: part for part in operation.progress}
    granted = render.secrets_by_environment(state.inventory.specification)
    return RowChanges(
        [
            row.updated(
                operation,
                now,
                application=replace(row.application, **arns),
                status=RowStatus.ACTIVE,
                url=parts[row.environment].url,
                service=stacks.created_service(state, parts[row.environment], stack),
            )
            for row in held
        ],
        stack=StackRecord(
            operation.details.template, {name: tuple(arns) for name, arns in granted.items()}
        ),
    )


def events(before: Operation, after: Operation) -> list[dict[str, Any]]:
    """Return the event of the rollback."""
    if not after.details.undoing or before.details.undoing or not after.reasons:
        return []
    return [{"outcome": "ROLLING_BACK", "reason": "; ".join(after.reasons)}]


KIND = Kind(
    name="create",
    limit=_LIMIT,
    creates=True,
    plan=plan,
    decide=decide,
    rows=rows_after,
    events=events,
    task_definition=stacks.task_definition,
    settings=stacks.settings,
    abort=Abort(
        planned="the created resources would be deleted",
        running="the created resources are being deleted",
        done="the created resources are deleted",
        restored=lambda operation, _inventory: operation.progress,
    ),
)
