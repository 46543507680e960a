"""The end of an operation: its status, its last events and the rows from then on."""

from __future__ import annotations

from dataclasses import replace

from devops_core.engine import events, telemetry
from devops_core.engine.run import Run
from devops_core.kinds.kind import Kind
from devops_core.model.decisions import Done, Fail
from devops_core.model.operation import Operation, Status
from devops_core.ports import Closing, Cloud


def finish(cloud: Cloud, kind: Kind, run: Run, decision: Done | Fail) -> Operation:
    """Write the end of an operation in one transaction and return it; raises LostClaimError."""
    saved, now = run.saved, cloud.clock.now()
    operation = decision.operation
    last_wait = saved.waiting_for if isinstance(decision, Fail) and saved.overdue(now) else None
    if last_wait and last_wait not in "; ".join(operation.reasons):
        reason = f"it last waited for: {last_wait}"
        operation = replace(operation, reasons=(*operation.reasons, reason))
    operation = replace(
        operation,
        status=Status.FAILED if isinstance(decision, Fail) else Status.SUCCEEDED,
        ended_at=now,
        lease_until=None,
        waiting_for=None,
        revision=saved.revision,
    )
    # Another worker may have ended the operation, so that it holds no rows.
    held = run.state.inventory.held_by(operation.id)
    own = kind.events(saved, operation)
    keep_rows = isinstance(decision, Fail) and decision.keep_rows
    rows = kind.rows(run.state._replace(operation=operation), held, now, keep_rows=keep_rows)
    operation, changes = events.with_changes(saved, operation, now, own)
    closing = Closing(
        operation=operation,
        event=events.end(operation, now),
        events=changes,
        kept=rows.kept,
        removed=rows.removed,
    )
    cloud.tables.close(closing)
    telemetry.operation_ended(cloud, operation)
    return operation


def give_up(cloud: Cloud, kind: Kind, run: Run, reason: str) -> Operation:
    """End an operation that AWS blocks permanently; all rows remain."""
    operation = run.state.operation
    failed = replace(
        operation,
        progress=operation.failed_everywhere(reason),
        reasons=tuple(dict.fromkeys((*operation.reasons, reason))),
    )
    return finish(cloud, kind, run, Fail(failed, keep_rows=True))
