"""The part of an update or an upgrade that changes the stack as planned (`stack_plan`).

A change set makes the change, so that CloudFormation lists the resources before it changes them.
The operation executes it only if the list has exactly the expected resources.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from devops_core.kinds import stacks
from devops_core.kinds.kind import RowChanges
from devops_core.model.decisions import Act, After, Decision, Fail, State, Wait
from devops_core.model.inventory import Row, RowStatus
from devops_core.model.observed import Observed, Stack
from devops_core.model.operation import Operation, Progress, Status
from devops_core.model.specification import (
    ApplicationRecord,
    StackRecord,
)
from devops_core.model.stack_change import ChangeSet, ResourceChange, StackChange, items
from devops_core.model.steps import (
    ContinueRollback,
    CreateChangeSet,
    DeleteChangeSet,
    ExecuteChangeSet,
)
from devops_core.naming import (
    environment_name,
    output_key,
)
from devops_core.render import SECRETS_PARAMETER

# Maximum age of a response of DescribeStacks after an execution (as `sources.ECS_DELAY`).
_DELAY = timedelta(seconds=60)
# The time after the deadline in which the operation waits for a stack that is changing.
_LIMIT = timedelta(minutes=60)
# Resources that grant secrets to a role.
_POLICY = "AWS::IAM::RolePolicy"
_SERVICE = "AWS::ECS::Service"


def committed(operation: Operation) -> bool:
    """Return whether an operation can only be completed: no service would be rolled back.

    An update loses all its environments, and an upgrade has none.
    """
    details = operation.details
    change: StackChange | None = details.stack
    return (
        change is not None
        and details.executed_at is not None
        and not details.undoing
        and all(part.environment in change.removed for part in operation.progress)
    )


def decide(operation: Operation, observed: Observed, now: datetime) -> Decision | Operation:
    """Return the next decision, or the operation as soon as the stack has its change."""
    details, stack = operation.details, observed.stack
    if details.changed:
        # The upgrade changed nothing, and its change set remains.
        empty = observed.change_set is not None and observed.change_set.empty
        return Act(operation, (DeleteChangeSet(),)) if empty else operation
    if details.undoing and not _executed(observed):
        return _discard(operation, observed)
    if stack is None or stack.status.startswith("DELETE_"):
        return _failed(operation, "the stack of the application does not exist any more")
    if details.executed_at is None and not _executed(observed):
        return _before_execution(operation, observed, stack, now)
    # The call of an earlier worker can have taken effect, although its result was not visible yet.
    executed = operation.with_details(executed_at=details.executed_at or now, undoing=False)
    return _after_execution(executed, observed, stack, now)


def _executed(observed: Observed) -> bool:
    """Return whether CloudFormation has accepted the execution of the change set."""
    change_set = observed.change_set
    return change_set is not None and change_set.execution.startswith("EXECUTE_")


def _before_execution(
    operation: Operation, observed: Observed, stack: Stack, now: datetime
) -> Decision | Operation:
    """Create the change set, and execute it as soon as it is complete."""
    change_set = observed.change_set
    if operation.aborted_by:
        return _start_discard(operation, observed, f"aborted by {operation.aborted_by}")
    if operation.overdue(now):
        return _start_discard(
            operation, observed, "the change set was not executed within the time limit"
        )
    if stack.status.endswith("_IN_PROGRESS"):
        return Wait(replace(operation, waiting_for=f"stack {stack.status}"))
    if change_set is None:
        return Act(operation, (CreateChangeSet(),), After.SAVE)
    return _with_change_set(operation, observed, change_set, now)


def _with_change_set(
    operation: Operation, observed: Observed, change_set: ChangeSet, now: datetime
) -> Decision:
    """Execute a complete change set with exactly the expected changes."""
    if change_set.empty:
        # The stack has the parameters already: an earlier operation was given up.
        waiting_for = "an observation of the stack"
        return Wait(replace(operation, waiting_for=waiting_for).with_details(executed_at=now))
    if change_set.status == "FAILED":
        reasons = change_set.failures or (f"CloudFormation: {change_set.reason}",)
        return _start_discard(operation, observed, *reasons)
    if change_set.status != "CREATE_COMPLETE" or change_set.execution == "UNAVAILABLE":
        return Wait(replace(operation, waiting_for=f"change set {change_set.status}"))
    if change_set.execution != "AVAILABLE":
        reason = f"the change set is {change_set.execution}, because another tool changed the stack"
        return _start_discard(operation, observed, reason)
    unexpected = unexpected_changes(operation.details.stack, change_set)
    if unexpected:
        reason = f"the change set was not executed, because it would {'; '.join(unexpected)}"
        return _start_discard(operation, observed, reason)
    return Act(operation.with_details(executed_at=now), (ExecuteChangeSet(),), After.SAVE)


def unexpected_changes(change: StackChange, change_set: ChangeSet) -> list[str]:
    """Return the changes of resources that a change of a stack does not need, and missing ones.

    The changes of an upgrade are those of the new template, so a guard checks them.
    """
    if change.template:
        # Only an upgrade needs it.
        from devops_core.kinds import stack_guard

        return stack_guard.forbidden_changes(change_set)
    unexpected = [
        f"{each.action} {each.logical_id} ({each.type})"
        for each in change_set.changes
        if not _is_expected(change, each)
    ]
    for action, environments in (("Add", change.added), ("Remove", change.removed)):
        services = {
            each.logical_id
            for each in change_set.changes
            if each.action == action and each.type == _SERVICE
        }
        unexpected += [
            f"not {action} the service of {environment}"
            for environment in environments
            if not _own(services, [environment_name(environment)])
        ]
    return unexpected


def _is_expected(change: StackChange, resource: ResourceChange) -> bool:
    """Return whether a change adds or removes an environment, or changes only a policy."""
    own = {"Add": change.added, "Remove": change.removed}.get(resource.action, ())
    if _own([resource.logical_id], map(environment_name, own)):
        return True
    # The policy of an environment is added with its first secret and removed with its last one.
    replaced = resource.replacement not in ("", "False")
    permits = resource.type == _POLICY and resource.action in ("Add", "Modify", "Remove")
    return permits and not replaced and bool(_own([resource.logical_id], change.permitted))


def _own(logical_ids: Iterable[str], names: Iterable[str]) -> list[str]:
    """Return the logical ids of the resources of environments: `qaService`, `prod1Secrets`."""
    pattern = "|".join(names)
    return [each for each in logical_ids if pattern and re.match(f"(?:{pattern})\\d?[A-Z]", each)]


def _after_execution(
    operation: Operation, observed: Observed, stack: Stack, now: datetime
) -> Decision | Operation:
    """Follow the update of the stack to its end; it cannot be aborted."""
    details, status = operation.details, stack.status
    causes = tuple(each for each in observed.stack_failures if each not in observed.undeleted)
    if causes and not operation.reasons:
        # Record the reasons early, because later events can displace them.
        operation = replace(operation, reasons=causes)
    moving = status.endswith("_IN_PROGRESS")
    if now >= operation.deadline + _LIMIT and (moving or status == "UPDATE_ROLLBACK_FAILED"):
        return _failed(operation, f"the stack is still {status} after the time limit")
    if moving:
        return Wait(replace(operation, waiting_for=f"stack {status}"))
    if status == "UPDATE_ROLLBACK_FAILED":
        return _after_failed_rollback(operation, observed, stack)
    if details.stack.applied(stack.parameters, observed.change_set):
        return _after_update(operation, observed, stack)
    execution = observed.change_set.execution if observed.change_set else ""
    if execution == "AVAILABLE":
        # The worker crashed before the call.
        if operation.aborted_by or operation.overdue(now):
            return _start_discard(operation, observed, "the change set was not executed")
        return Act(operation, (ExecuteChangeSet(),))
    # DescribeStacks is eventually consistent.
    settled = operation.reasons or status == "UPDATE_FAILED"
    if not settled and now < details.executed_at + _DELAY:
        return Wait(replace(operation, waiting_for="CloudFormation to show the update"))
    reasons = operation.reasons or (stack.reason or f"the stack is {status} without the change",)
    created = "that the failed update had created"
    warnings = (*operation.warnings, *_remains(observed, created))
    return _start_discard(replace(operation, reasons=reasons, warnings=warnings), observed)


def _remains(observed: Observed, resources: str) -> tuple[str, ...]:
    """Return the warning about resources that CloudFormation could not delete."""
    if not observed.undeleted:
        return ()
    return (
        f"CloudFormation could not delete resources {resources}, and does not manage them any more:"
        f" delete them by hand: {'; '.join(observed.undeleted)}",
    )


def _after_failed_rollback(operation: Operation, observed: Observed, stack: Stack) -> Decision:
    """Continue a failed rollback once; a second failure needs a person."""
    if operation.details.continued and observed.rollback_failures:
        reasons = (
            *operation.reasons,
            *observed.rollback_failures,
            f"the stack is {stack.status}: remove the cause, then call ContinueUpdateRollback in"
            " CloudFormation, if necessary with the resources to skip",
        )
        return _start_discard(replace(operation, reasons=tuple(dict.fromkeys(reasons))), observed)
    return Act(operation.with_details(continued=True), (ContinueRollback(),), After.SAVE)


def _after_update(operation: Operation, observed: Observed, stack: Stack) -> Decision | Operation:
    """Return the operation with the services of the stack, as soon as the removed ones are gone."""
    change = operation.details.stack
    if observed.contract_faults:
        faults = "; ".join(observed.contract_faults)
        if change.template:
            operation = operation.with_details(changed=True)
            return _failed(operation, f"the stack has the new template, but violates: {faults}")
        return _failed(operation, f"the stack lacks parts of the new environments: {faults}")
    added = [part.service for part in operation.progress if part.environment in change.added]
    if not observed.containers.keys() >= {*added}:
        return Wait(replace(operation, waiting_for="an observation of the new services"))
    empty = observed.change_set is not None and observed.change_set.empty
    gone = [part for part in operation.progress if part.environment in change.removed]
    steps = (*stacks.deregistrations(gone, observed), *((DeleteChangeSet(),) if empty else ()))
    if steps:
        # The rollouts follow in the same run: without a save, the next worker would register again.
        # Only the change set shows that the stack has a new template.
        operation = operation.with_details(changed=change.template is not None)
        return Act(operation, steps, After.SAVE)
    removed = "of the earlier template" if change.template else f"of {', '.join(change.removed)}"
    warnings = (*operation.warnings, *_remains(observed, removed))
    progress = tuple(_in_stack(part, change, stack) for part in operation.progress)
    operation = replace(operation, progress=progress, reasons=(), warnings=warnings)
    return operation.with_details(changed=True)


def _in_stack(part: Progress, change: StackChange, stack: Stack) -> Progress:
    """Return the progress of a service after the change of its stack."""
    if part.environment in change.removed:
        return replace(part, status=Status.SUCCEEDED, url=None)
    if part.environment not in change.added:
        return part
    return replace(
        part,
        url=stack.outputs.get(output_key(part.service, "Url")),
        previous=stack.outputs[output_key(part.service, "TaskDefinitionArn")],
    )


def _start_discard(operation: Operation, observed: Observed, *reasons: str) -> Decision:
    reasons = tuple(dict.fromkeys((*operation.reasons, *reasons)))
    return _discard(replace(operation, reasons=reasons).with_details(undoing=True), observed)


def _discard(operation: Operation, observed: Observed) -> Decision:
    """Delete the change set, then fail; the stack and the specification are unchanged."""
    change_set = observed.change_set
    if change_set and not _executed(observed):
        return Act(operation, (DeleteChangeSet(),))
    return _failed(operation)


def _failed(operation: Operation, *reasons: str) -> Fail:
    reasons = tuple(dict.fromkeys((*operation.reasons, *reasons)))
    progress = operation.failed_everywhere("the stack was not changed")
    return Fail(replace(operation, progress=progress, reasons=reasons))


def record_after(operation: Operation, record: ApplicationRecord) -> StackRecord | None:
    """Return the state of the stack after its change, None for a stack that is not on record."""
    change, stack = operation.details.stack, record.stack
    if stack is None:
        return None
    gone = {*map(environment_name, change.removed)}
    granted = {name: arns for name, arns in stack.granted.items() if name not in gone}
    for key, value in change.parameters.items():
        name = key.removesuffix(SECRETS_PARAMETER)
        if name != key and name not in gone:
            granted[name] = items(value)
    return StackRecord(change.template or stack.template, granted)


def rows_after(state: State, held: Sequence[Row], now: datetime) -> RowChanges | None:
    """Return the rows of added and removed environments, None if the stack lacks the change.

    An operation that was given up has no observation of new services. It ends as before the change,
    and the next update repeats the change, which the stack has already.
    """
    operation, observed = state.operation, state.observed
    change, record = operation.details.stack, state.inventory.record
    parts = {part.environment: part for part in operation.progress}
    stack = observed.stack
    observable = all(stack and parts[each].service in observed.blueprints for each in change.added)
    if record is None or not (operation.details.changed and observable):
        return None
    kept = [
        row.updated(
            operation,
            now,
            status=RowStatus.ACTIVE,
            url=parts[row.environment].url,
            service=stacks.created_service(state, parts[row.environment], stack),
        )
        for row in held
        if stack and row.environment in change.added
    ]
    removed = [row for row in held if row.environment in change.removed]
    return RowChanges(
        kept,
        removed,
        stack=record_after(operation, record),
        specification=record.specification,
    )
