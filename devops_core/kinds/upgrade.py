"""Upgrade: the application's stack moves to the newest template and the installation's settings.

It changes no image, no listener and no task count (`stack_guard`). So it holds only the record of
the application, and deploys and swaps can continue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from devops_core.details.upgrade import UpgradeDetails
from devops_core.errors import SPECIFICATION, BusyError, NotDeployableError
from devops_core.kinds import stack_guard, stack_update, stacks
from devops_core.kinds.kind import Abort, Kind, RowChanges
from devops_core.model.decisions import Decision, Done, Plan, State
from devops_core.model.inventory import Inventory, Row
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation
from devops_core.model.specification import ApplicationRecord, RecordClaim
from devops_core.requests.upgrade import UpgradeRequest


def upgradable(application: str, inventory: Inventory) -> ApplicationRecord:
    """Return the record of an application whose stack can be upgraded.

    Raises UnknownApplicationError, BusyError while an operation holds the record, and
    NotDeployableError for an application whose create has not succeeded.
    """
    name = inventory.existing_application(application).name
    record = inventory.record
    if record is None or record.claim:
        raise BusyError(SPECIFICATION, name, record.claim if record and record.claim else "")
    if record.stack is None:
        raise NotDeployableError(
            f"the stack of {name} is not on record: delete the application, then create it again"
        )
    return record


def plan(
    request: UpgradeRequest, inventory: Inventory, observed: Observed, draft: Operation
) -> Plan:
    """Take the record; the rows remain free."""
    record = upgradable(request.application, inventory)
    stacks.updatable_stack(request.application, observed.stack)
    change = observed.upgrade
    if change is None:
        message = (
            f"the stack of {request.application} is up to date: it has the newest template and the"
            " settings of the installation"
        )
        return Plan(None, observed, message=message)
    operation = replace(draft, details=UpgradeDetails(change), spec=record.current)
    claim = RecordClaim(record, taken=True)
    return Plan(
        operation,
        Observed(stack=observed.stack),
        stack=change,
        forbidden=stack_guard.forbidden_changes,
        record=claim,
    )


def decide(operation: Operation, observed: Observed, now: datetime) -> Decision:
    """Change the stack by a change set."""
    decision = stack_update.decide(operation, observed, now)
    return Done(decision) if isinstance(decision, Operation) else decision


def rows_after(state: State, held: Sequence[Row], now: datetime, *, keep_rows: bool) -> RowChanges:
    """Return the stack with its new template, as soon as it has it."""
    del held, now, keep_rows
    record = state.inventory.record
    if record is None or not state.operation.details.changed:
        return RowChanges()
    return RowChanges(stack=stack_update.record_after(state.operation, record))


KIND = Kind(
    name="upgrade",
    # As a delete: CloudFormation ends nearly every update before this limit.
    limit=timedelta(minutes=60),
    needs_approver=True,
    plan=plan,
    decide=decide,
    rows=rows_after,
    abort=Abort(
        planned="the change set would be deleted, and the stack would not change",
        running="the change set is being deleted",
        done="the stack was not changed",
        committed=stack_update.committed,
        restored=lambda _operation, _inventory: (),
    ),
)
