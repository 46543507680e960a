"""Delete: the stack of an application, then the task definitions that operations registered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from devops_core.details.delete import DeleteDetails
from devops_core.kinds import stacks
from devops_core.kinds.kind import Kind, RowChanges
from devops_core.model.decisions import Act, Decision, Done, Fail, Plan, State, Wait
from devops_core.model.inventory import Inventory, Row
from devops_core.model.observed import Observed, Stack
from devops_core.model.operation import Operation, Progress, Status
from devops_core.model.specification import ApplicationRecord, RecordClaim
from devops_core.model.steps import DeleteStack, RemoveRevisions
from devops_core.naming import service_name
from devops_core.requests.delete import DeleteRequest

# The status of a stack right after the claim, before its observation.
_NOT_OBSERVED = "NOT_OBSERVED"


def plan(
    request: DeleteRequest, inventory: Inventory, observed: Observed, draft: Operation
) -> Plan:
    """Take all rows of the application."""
    del request, observed
    rows = tuple(inventory.rows.values())
    for row in rows:
        row.require_free()
    stack_id = rows[0].application.stack_id
    progress = tuple(_removal(row, inventory.record) for row in rows)
    operation = replace(draft, progress=progress, details=DeleteDetails(stack_id=stack_id))
    # A known stack can be deleted without an observation.
    expected = Stack(id="", status=_NOT_OBSERVED)
    record = RecordClaim(inventory.record, taken=True)
    return Plan(operation, Observed(stack=expected), taken=rows, record=record)


def _removal(row: Row, record: ApplicationRecord | None) -> Progress:
    service = row.service
    # A failed create has no services on record.
    wanted = record.specification.settings(row.environment).scaling if record else None
    scalable = (service.scaling if service else wanted) is not None
    return Progress(
        environment=row.environment,
        service=service.name if service else service_name(row.environment),
        previous_version=service.version if service else None,
        scalable=scalable,
        scaled=not scalable,
    )


def decide(operation: Operation, observed: Observed, now: datetime) -> Decision:
    """Delete the stack; the rows are removed after the stack, not before."""
    stack = observed.stack
    if stack and stack.status == _NOT_OBSERVED:
        if operation.details.stack_id is None:
            return Wait(replace(operation, waiting_for="an observation of the stack"))
        return Act(operation.with_details(sent=True), (DeleteStack(operation.id),))
    if stack is None or stack.status == "DELETE_COMPLETE":
        return _after_stack(operation, observed)
    operation = operation.with_details(stack_id=stack.id)
    if stack.status == "DELETE_FAILED" and operation.details.sent and observed.stack_failures:
        return _failed_delete(operation, observed.stack_failures)
    deleting = operation.with_details(sent=True)
    if stack.status == "DELETE_IN_PROGRESS":
        if operation.overdue(now):
            return _failed_delete(
                operation, ("CloudFormation did not delete the stack within the time limit",)
            )
        return Wait(replace(deleting, waiting_for=f"stack {stack.status}"))
    if operation.overdue(now):
        reason = f": {stack.reason}" if stack.reason else ""
        return _failed_delete(
            operation, (f"the stack is still {stack.status} at the time limit{reason}",)
        )
    # DELETE_FAILED without a failure of this operation is the result of an earlier delete.
    return Act(deleting, (DeleteStack(operation.id),))


def _after_stack(operation: Operation, observed: Observed) -> Decision:
    clearing = () if operation.details.cleared else (RemoveRevisions(),)
    steps = (*stacks.deregistrations(operation.progress, observed), *clearing)
    if steps:
        return Act(operation, steps)
    progress = tuple(replace(part, status=Status.SUCCEEDED) for part in operation.progress)
    return Done(replace(operation, progress=progress))


def _failed_delete(operation: Operation, reasons: tuple[str, ...]) -> Fail:
    progress = operation.failed_everywhere("the stack was not deleted")
    return Fail(replace(operation, progress=progress, reasons=reasons), keep_rows=True)


def rows_after(state: State, held: Sequence[Row], now: datetime, *, keep_rows: bool) -> RowChanges:
    """Return no rows after a success; after a failure a caller can repeat the delete."""
    del keep_rows
    if state.operation.status is Status.SUCCEEDED:
        return RowChanges(removed=held, ends_application=True)
    return stacks.undeleted_rows(state.operation, held, now)


KIND = Kind(
    name="delete",
    # CloudFormation ends nearly every delete before this limit.
    limit=timedelta(minutes=60),
    needs_approver=True,
    plan=plan,
    decide=decide,
    rows=rows_after,
    abort_refusal=(
        "a delete cannot be aborted, because CloudFormation cannot stop it: wait for its end"
    ),
)
