"""Observation of a stack that an operation changes by a change set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from devops_core.errors import AwsError
from devops_core.model.observed import Observed, Stack
from devops_core.model.operation import Operation
from devops_core.model.stack_change import (
    ChangeSet,
    StackChange,
    change_set_name,
    rollback_token,
)
from devops_core.observe.stacks import orphans
from devops_core.ports import Cloud
from devops_core.template_contract import Account, foreign_outputs, missing_outputs


def changing(cloud: Cloud, operation: Operation, stack: Stack | None) -> Observed:
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
    if not has_change(operation, observed):
        return _unchanged(cloud, operation, observed, stack)
    if not change.removed and not change.template:
        return observed
    return replace(
        observed,
        undeleted=stacks.undeleted(stack.id, operation.id),
        orphans=orphans(cloud, operation, change.removed) if change.removed else {},
    )


def has_change(operation: Operation, observed: Observed) -> bool:
    """Return whether a stack has its change, and CloudFormation does not change it any more."""
    change: StackChange = operation.details.stack
    stack = observed.stack
    return (
        operation.details.executed_at is not None
        and stack is not None
        and not stack.status.startswith("DELETE_")
        and not stack.status.endswith("_IN_PROGRESS")
        and change.applied(stack.parameters, observed.change_set)
    )


def output_faults(operation: Operation, stack: Stack, services: Sequence[str]) -> tuple[str, ...]:
    """Return the faults of the outputs of a stack for services (`template_contract`)."""
    missing = tuple(f"{output} is missing" for output in missing_outputs(stack.outputs, services))
    account = Account.of_stack(stack.id)
    return missing or foreign_outputs(operation.application, services, account, stack.outputs)


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
