"""Abort: end an operation early and restore the previous state, if its kind allows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from devops_core import kinds
from devops_core.engine import events
from devops_core.engine.accept import permit, record_refusal
from devops_core.engine.reconcile import try_reconcile, wait_for_end
from devops_core.engine.run import Outcome
from devops_core.errors import (
    AlreadyEndedError,
    ChangedMeanwhileError,
    ForbiddenError,
    LostClaimError,
    NotAbortableError,
)
from devops_core.kinds.kind import Abort, Kind
from devops_core.model.claims import IdempotencyRecord
from devops_core.model.operation import Operation, Status
from devops_core.ports import Cloud
from devops_core.reads.operations import recorded_operation

# Number of attempts to save a change while a worker moves the operation.
_MAX_ATTEMPTS = 5


def abort(
    cloud: Cloud,
    application: str,
    operation_id: str,
    caller: str,
    *,
    dry_run: bool,
    until: datetime | None = None,
    idempotency: IdempotencyRecord | None = None,
) -> Outcome:
    """Request the abort of an operation and advance it, until a time if it has not ended.

    A repeated abort is safe. The abort requires the right to start such an operation.
    `idempotency` is the key of the request, recorded with the abort. Raises NotFoundError,
    ForbiddenError, AlreadyEndedError, NotAbortableError, and AlreadyClaimedError for a used key.
    """
    operation = recorded_operation(cloud, application, operation_id)
    # An ended operation can be a repair, which has no rules.
    require_in_progress(operation)
    kind = kinds.load(operation.kind)
    permit_change(cloud, kind, operation, caller, "abort", record=not dry_run)
    if dry_run:
        # Only a dry run needs this module.
        from devops_core.engine.dry_run import of_abort

        return Outcome(dry_run=of_abort(cloud, operation, caller))
    operation = _record_abort(cloud, kind, operation, caller, idempotency)
    operation = wait_for_end(cloud, try_reconcile(cloud, operation), until)
    return abort_outcome(operation)


def abort_outcome(operation: Operation) -> Outcome:
    """Return the outcome of an abort, with its effect so far."""
    message = _abort_message(kinds.load(operation.kind), operation)
    return Outcome(operation, message=message, aborts=True)


def _record_abort(
    cloud: Cloud,
    kind: Kind,
    operation: Operation,
    caller: str,
    idempotency: IdempotencyRecord | None,
) -> Operation:
    """Save the caller of the abort, and the deadline of the rollback.

    The waits of a swap would delay the alarm for a rollback that AWS blocks.
    """

    def aborted(present: Operation) -> Operation:
        if present.aborted_by:
            return present
        deadline, limit = present.deadline, _abort_rules(kind, present).limit
        if limit:
            deadline = min(deadline, cloud.clock.now() + limit)
        return replace(present, aborted_by=caller, deadline=deadline)

    return recorded_change(cloud, kind, operation, aborted, idempotency)


def recorded_change(
    cloud: Cloud,
    kind: Kind,
    operation: Operation,
    change: Callable[[Operation], Operation],
    idempotency: IdempotencyRecord | None = None,
) -> Operation:
    """Save a change that a caller requests; ChangedMeanwhileError if workers are faster every time.

    A worker that acts now cannot save any more. Its lease remains, so that no other worker acts
    before it has ended.
    """
    for _ in range(_MAX_ATTEMPTS):
        changed = change(operation)
        if changed == operation:
            return operation
        changed = replace(changed, throttles=0, paused_until=None, rests_until=None)
        own, now = kind.events(operation, changed), cloud.clock.now()
        try:
            saved, new = events.with_changes(operation, changed, now, own)
            return cloud.tables.save(saved, new, idempotency)
        except LostClaimError:
            operation = recorded_operation(cloud, operation.application, operation.id)
    raise ChangedMeanwhileError(
        f"operation {operation.id} changed at the same moment: repeat the call"
    )


def _abort_message(kind: Kind, operation: Operation) -> str:
    """Return the effect of an abort, so far."""
    rules = kind.abort
    if rules is None or operation.status is Status.SUCCEEDED or rules.committed(operation):
        return "too late for an abort: the operation is completed"
    return rules.effect(rules.done if operation.ended else rules.running, operation)


def permit_change(
    cloud: Cloud, kind: Kind, operation: Operation, caller: str, verb: str, *, record: bool
) -> None:
    """Raise ForbiddenError without the right to start the operation, also for a repeated call.

    After an aborted create or a delete there is no application, and so no team; the call changes
    nothing then, and its response has only the parts that each caller may see.
    """
    if not cloud.settings.access.refuses:
        return
    application = cloud.tables.inventory(operation.application)[0].application
    if operation.ended and application is None:
        return
    team = application.technical_team if application else None
    name = operation.application
    try:
        permit(cloud, kind, name, team, caller, change=(verb, operation))
    except ForbiddenError as refusal:
        if record:
            record_refusal(cloud, kind, name, caller, refusal, operation.id)
        raise


def require_in_progress(operation: Operation) -> None:
    """Raise AlreadyEndedError for an ended operation, except for a repetition of its abort."""
    if not operation.aborted_by:
        require_open(operation)


def require_open(operation: Operation) -> None:
    """Raise AlreadyEndedError for an ended operation."""
    if operation.ended:
        raise AlreadyEndedError(
            f"operation {operation.id} has already ended: its status is {operation.status}"
        )


def _abort_rules(kind: Kind, operation: Operation) -> Abort:
    """Return the rules of an abort; AlreadyEndedError or NotAbortableError without one."""
    require_in_progress(operation)
    if kind.abort is None:
        raise NotAbortableError(kind.abort_refusal)
    return kind.abort
