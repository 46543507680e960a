"""Delete an application: its stack, then what deployments have registered beside it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from devops_core.decide.decision import (
    Act,
    Decision,
    DeleteStack,
    Done,
    Fail,
    Wait,
    leftovers,
)
from devops_core.model import Observed, Operation, Status


def decide(operation: Operation, observed: Observed, now: datetime) -> Decision:
    """Rows are removed when the stack is gone, not before."""
    stack = observed.stack
    if not observed.looked:
        if operation.stack_id:
            return Act(replace(operation, doomed=True), (DeleteStack(),))
        return Wait(replace(operation, waiting_for="a look for the stack"))
    if stack is None or stack.status == "DELETE_COMPLETE":
        return _after_the_stack(operation, observed)
    operation = replace(operation, stack_id=stack.id)
    if stack.status == "DELETE_FAILED" and operation.doomed and observed.stack_failures:
        return _failed(operation, observed.stack_failures)
    if stack.status == "DELETE_IN_PROGRESS":
        if operation.overdue(now):
            return _failed(operation, ("CloudFormation did not delete the stack in time",))
        return Wait(replace(operation, doomed=True, waiting_for=f"stack {stack.status}"))
    if operation.overdue(now):
        why = f": {stack.reason}" if stack.reason else ""
        return _failed(operation, (f"the stack is still {stack.status}{why}",))
    # DELETE_FAILED without a failure of this operation is what an earlier delete has left.
    return Act(replace(operation, doomed=True), (DeleteStack(),))


def _after_the_stack(operation: Operation, observed: Observed) -> Decision:
    steps = leftovers(observed)
    if steps:
        return Act(operation, steps)
    gone = tuple(replace(part, status=Status.SUCCEEDED) for part in operation.progress)
    return Done(replace(operation, progress=gone))


def _failed(operation: Operation, reasons: tuple[str, ...]) -> Fail:
    parts = tuple(
        replace(part, status=Status.FAILED, reason="the stack was not deleted")
        for part in operation.progress
    )
    return Fail(replace(operation, progress=parts, reasons=reasons), keep_rows=True)
