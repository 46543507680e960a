"""Force: end an operation that AWS blocks permanently, without its remaining steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from devops_core import kinds
from devops_core.engine.abort import require_in_progress
from devops_core.engine.accept import record_refusal
from devops_core.engine.reconcile import give_up, try_reconcile
from devops_core.engine.run import Outcome, Run
from devops_core.errors import (
    ChangedMeanwhileError,
    ForbiddenError,
    LostClaimError,
    NotBlockedError,
)
from devops_core.kinds.kind import Kind, RowChanges
from devops_core.model.decisions import State
from devops_core.model.inventory import Row
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation
from devops_core.ports import Cloud
from devops_core.reads.operations import recorded_operation


def force(
    cloud: Cloud, application: str, operation_id: str, caller: str, *, dry_run: bool
) -> Outcome:
    """End an operation as FAILED with the present state of AWS, which its rows record as drift.

    Only an admin can do this, and only after an abort or after the deadline. The operation is tried
    once more before, because AWS may not block it any more. Raises NotFoundError, ForbiddenError,
    AlreadyEndedError, NotBlockedError, and ChangedMeanwhileError while a worker acts.
    """
    operation = recorded_operation(cloud, application, operation_id)
    require_in_progress(operation)
    kind = kinds.load(operation.kind)
    _require_admin(cloud, kind, operation, caller, record=not dry_run)
    if operation.ended:
        return Outcome(operation, message="the operation has already ended")
    _require_blocked(cloud, operation)
    if dry_run:
        # Only a dry run needs this module.
        from devops_core.engine.dry_run import DryRun

        message = "the operation would end without its remaining steps"
        return Outcome(dry_run=DryRun(kind.name, application, message=message))
    operation = try_reconcile(cloud, operation)
    if operation.ended:
        message = "the operation has ended by itself: nothing blocked it any more"
        return Outcome(operation, message=message)
    now = cloud.clock.now()
    if not _continues(operation, now) and not operation.leased(now):
        operation = _end(cloud, kind, operation, caller)
    if operation.ended:
        return Outcome(operation, message="the operation has ended without its remaining steps")
    message = "the operation continues: repeat the call in a minute if it is still blocked"
    return Outcome(operation, message=message)


def _require_admin(
    cloud: Cloud, kind: Kind, operation: Operation, caller: str, *, record: bool
) -> None:
    if cloud.settings.access.administers(caller):
        return
    name = operation.application
    refusal = ForbiddenError(
        f"not allowed to end the {kind.name} {operation.id} of {name} by force: requires admins"
    )
    if record:
        record_refusal(cloud, kind, name, caller, refusal, operation.id)
    raise refusal


def _require_blocked(cloud: Cloud, operation: Operation) -> None:
    """Raise NotBlockedError before an abort and before the deadline, or during a pause.

    ChangedMeanwhileError while a worker acts.
    """
    now = cloud.clock.now()
    if not operation.aborted_by and not operation.overdue(now):
        raise NotBlockedError(
            f"operation {operation.id} is not blocked: abort it first, and end it by force only if"
            " it then does not end"
        )
    if operation.leased(now):
        raise ChangedMeanwhileError(
            f"a worker acts on operation {operation.id}: repeat the call in a minute"
        )
    if _continues(operation, now):
        raise NotBlockedError(
            f"operation {operation.id} is not blocked: it continues by itself after a pause. Read"
            " it in a minute"
        )


def _continues(operation: Operation, now: datetime) -> bool:
    """Return whether an operation pauses, and then continues by itself."""
    return operation.paused(now) or operation.rests(now)


def _end(cloud: Cloud, kind: Kind, operation: Operation, caller: str) -> Operation:
    """Return the ended operation, or the one on record if another worker was faster."""
    inventory, _ = cloud.tables.inventory(operation.application, revision=operation.spec)
    reason = f"ended by force by {caller}"
    if operation.waiting_for:
        reason = f"{reason}, while it waited for: {operation.waiting_for}"
    aborted_by = operation.aborted_by or caller
    # The reasons for a return or a rollback remain.
    reasons = operation.reasons or (f"aborted by {aborted_by}",)
    forced = replace(operation, aborted_by=aborted_by, reasons=reasons)
    state = State(forced, inventory, Observed())
    recorded = kind._replace(rows=partial(_rows_with_drift, kind))
    try:
        return give_up(cloud, recorded, Run(operation, state), reason)
    except LostClaimError:
        return recorded_operation(cloud, operation.application, operation.id)


def _rows_with_drift(
    kind: Kind, state: State, held: Sequence[Row], now: datetime, *, keep_rows: bool
) -> RowChanges:
    """Return the rows of a kind, with a drift that the next drift check replaces."""
    changes = kind.rows(state, held, now, keep_rows=keep_rows)
    drift = f"operation {state.operation.id} was ended by force: AWS may differ from this row"
    return changes._replace(kept=[replace(row, drift=drift) for row in changes.kept])
