"""Create an application: its stack, then what a template parameter cannot say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from devops_core.decide import rollout
from devops_core.decide.decision import (
    Act,
    CreateStack,
    Decision,
    DeleteStack,
    Done,
    Fail,
    ReadTemplate,
    Wait,
    aborted,
    leftovers,
)
from devops_core.model import (
    TIME_LIMITS,
    Kind,
    Observed,
    Operation,
    Progress,
    ServiceSpec,
    Stack,
    Status,
)
from devops_core.naming import Environment, output_key

# What every service of the stack tells about itself (cloudformation/application.yml, Outputs).
SERVICE_OUTPUTS = ("ServiceArn", "TaskDefinitionArn", "TargetGroupArn")
APPLICATION_OUTPUTS = (
    "RepositoryUri", "ProductionListenerArn", "TestListenerArn", "ProductionUrl", "TestUrl",
)  # fmt: skip
_URL_OUTPUTS = {Environment.PROD_GREEN: "ProductionUrl", Environment.PROD_BLUE: "TestUrl"}
# After the time limit of the create itself, as long again for undoing it.
_UNDO_LIMIT = TIME_LIMITS[Kind.CREATE]
_FAILED_CREATE = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED")


def decide(operation: Operation, observed: Observed, now: datetime) -> Decision:
    """Create the stack; what fails is deleted before the operation ends and leaves nothing."""
    stack = observed.stack
    if operation.doomed:
        return _undo(operation, observed, now)
    if stack is None or (stack.status == "DELETE_COMPLETE" and stack.id != operation.stack_id):
        return _before_the_stack(operation, now)
    if stack.operation != operation.id:
        return _failed(operation, ("a stack of this name exists that this service did not create",))
    operation = replace(operation, stack_id=stack.id)
    if operation.aborted_by:
        return _doom(operation, observed, aborted(operation), now)
    if stack.status == "CREATE_COMPLETE":
        return _configure(operation, observed, stack, now)
    if stack.status in _FAILED_CREATE or stack.status.startswith("DELETE_"):
        return _doom(operation, observed, _reasons(operation, observed, stack), now)
    if operation.overdue(now):
        return _doom(operation, observed, (f"the stack is still {stack.status}",), now)
    # What was the matter is noted while it can be seen: the roll-back takes the evidence away.
    reasons = operation.reasons or observed.stack_failures
    return Wait(replace(operation, waiting_for=f"stack {stack.status}", reasons=reasons))


def missing_outputs(stack: Stack, services: Iterable[str]) -> tuple[str, ...]:
    """Return the outputs that a template should have given and has not, in order."""
    wanted = [output_key(name, what) for name in services for what in SERVICE_OUTPUTS]
    return tuple(key for key in (*APPLICATION_OUTPUTS, *wanted) if not stack.outputs.get(key))


def _before_the_stack(operation: Operation, now: datetime) -> Decision:
    if operation.aborted_by and operation.stack_id is None:
        return _failed(operation, aborted(operation))
    late = ("CloudFormation did not make the stack in time",)
    if operation.stack_id is not None:
        # DescribeStacks is eventually consistent: a stack that was just accepted may be missing.
        # One that was deleted is still found by its id, as DELETE_COMPLETE. Where the clock has
        # jumped past the time limit it is waited for all the same, so that it can be deleted.
        if now >= operation.deadline + _UNDO_LIMIT:
            return replace(_failed(operation, late), keep_rows=True)
        return Wait(replace(operation, waiting_for="CloudFormation to show the stack"))
    if operation.overdue(now):
        return _failed(operation, late)
    if operation.template is None:
        return Act(operation, (ReadTemplate(),), looks=True)
    return Act(operation, (CreateStack(),))


def _reasons(operation: Operation, observed: Observed, stack: Stack) -> tuple[str, ...]:
    known = (*operation.reasons, *observed.stack_failures)
    return tuple(dict.fromkeys(known)) or (stack.reason or f"the stack ended as {stack.status}",)


def _configure(operation: Operation, observed: Observed, stack: Stack, now: datetime) -> Decision:
    missing = missing_outputs(stack, (part.service for part in operation.progress))
    if missing:
        reason = f"the template has no output {', '.join(missing)}"
        return _doom(operation, observed, (reason,), now)
    spec = operation.service or ServiceSpec()
    targets = [_target(part, stack, spec) for part in operation.progress]
    if not spec.needs_configuring:
        done = tuple(replace(part, status=Status.SUCCEEDED) for part in targets)
        return Done(replace(operation, progress=done))
    parts = [rollout.advance(part, operation, observed, now) for part in targets]
    operation = replace(operation, progress=tuple(part.part for part in parts))
    failed = [part for part in operation.progress if part.status is Status.FAILED]
    if failed:
        reasons = tuple(f"{part.environment}: {part.reason}" for part in failed)
        return _doom(operation, observed, reasons, now)
    return rollout.together(operation, parts) or Done(operation)


def _target(part: Progress, stack: Stack, spec: ServiceSpec) -> Progress:
    """Return the progress with what the stack has made and what the service must come to."""
    made = stack.outputs[output_key(part.service, "TaskDefinitionArn")]
    same = not spec.environment and not spec.secrets
    return replace(
        part,
        url=stack.outputs.get(_URL_OUTPUTS.get(part.environment, output_key(part.service, "Url"))),
        previous=made,
        wanted=made if same else part.wanted,
        desired_count=spec.desired_count,
    )


def _doom(
    operation: Operation, observed: Observed, reasons: tuple[str, ...], now: datetime
) -> Decision:
    operation = replace(operation, doomed=True, reasons=reasons)
    if now >= operation.deadline + _UNDO_LIMIT:
        # Nobody has looked for as long as an undo may take: it has its time from now on.
        operation = replace(operation, deadline=now)
    return _undo(operation, observed, now)


def _undo(operation: Operation, observed: Observed, now: datetime) -> Decision:
    stack = observed.stack
    parts = tuple(_abandoned(part) for part in operation.progress)
    operation = replace(operation, progress=parts)
    if stack is None or stack.status == "DELETE_COMPLETE" or stack.operation != operation.id:
        steps = leftovers(observed)
        return Act(operation, steps) if steps else Fail(operation)
    operation = replace(operation, stack_id=stack.id)
    # DELETE_FAILED without a failure of our own delete is what somebody else's has left.
    refused = stack.status == "DELETE_FAILED" and observed.stack_failures
    if refused or now >= operation.deadline + _UNDO_LIMIT:
        left = observed.stack_failures or ("CloudFormation could not delete the stack",)
        reasons = dict.fromkeys((*operation.reasons, *(f"left behind: {why}" for why in left)))
        return Fail(replace(operation, reasons=tuple(reasons)), keep_rows=True)
    if stack.status == "DELETE_IN_PROGRESS":
        return Wait(replace(operation, waiting_for="the failed stack to be deleted"))
    return Act(operation, (DeleteStack(),))


def _abandoned(part: Progress) -> Progress:
    if part.status is Status.FAILED:
        return part
    return replace(
        part, status=Status.FAILED, reason=part.reason or "the application was not created"
    )


def _failed(operation: Operation, reasons: tuple[str, ...]) -> Fail:
    parts = tuple(_abandoned(part) for part in operation.progress)
    return Fail(replace(operation, progress=parts, reasons=reasons))
