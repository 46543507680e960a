"""Reconcile: load an operation, observe AWS, decide, execute the steps, save, finish.

It is level-triggered, so it can run any number of times, concurrently and late
(docs/decisions/0007-no-step-functions.md). Only the worker that holds the lease decides and acts
(docs/decisions/0003-lease.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from devops_core import observe
from devops_core.engine import events, steps, telemetry
from devops_core.engine.pauses import paused, without_pause
from devops_core.engine.run import Outcome, Run
from devops_core.errors import (
    AwsError,
    ChangedMeanwhileError,
    DevOpsError,
    LostClaimError,
    NotFoundError,
    ThrottledError,
    UnreachableError,
    trace,
)
from devops_core.kinds.kind import Kind, RowChanges
from devops_core.model.claims import Closing
from devops_core.model.decisions import Act, After, Decision, Done, Fail, State, Wait
from devops_core.model.inventory import Inventory, Row
from devops_core.model.observed import Observed
from devops_core.model.operation import GRACE, LEASE, Operation, Status
from devops_core.observe import Controller
from devops_core.ports import Cloud

# Upper bound of the decisions of one run; a failed promote with its rollback takes six.
_MAX_DECISIONS = 50
# Interval between two reads of the record for a waiting caller. AWS is observed less often with the
# age of the operation: after a tenth of the age, at most after _LONGEST_POLL, in seconds.
POLL = timedelta(seconds=1)
_LONGEST_POLL = 5.0


def proceed(
    cloud: Cloud, controller: Controller, outcome: Outcome, until: datetime | None
) -> Outcome:
    """Advance an accepted operation as far as possible, and until a time if it has not ended."""
    operation = outcome.operation
    if operation is None:
        return outcome
    if outcome.run is None:
        resumed = resume(cloud, operation)
        if resumed is None:
            raise ChangedMeanwhileError(f"operation {operation.id} is not on record: use a new key")
        operation = resumed
    else:
        try:
            operation = _run(cloud, controller, outcome.run)
        except LostClaimError:
            operation = cloud.tables.operation(operation.application, operation.id) or operation
        except AwsError as error:
            # The operation is on record: the next worker continues when the lease has expired.
            telemetry.operation_interrupted(cloud, operation, [error])
    if until:
        operation = wait_for_end(cloud, operation, until)
    return outcome._replace(operation=operation, run=None)


def reconcile(cloud: Cloud, application: str, operation_id: str) -> Operation | None:
    """Advance an operation as far as possible and return it, None if it does not exist."""
    operation = cloud.tables.operation(application, operation_id)
    return operation and resume(cloud, operation)


def resume(cloud: Cloud, operation: Operation, *, urgent: bool = False) -> Operation | None:
    """Advance an operation that was just read; None if it was removed meanwhile."""
    now = cloud.clock.now()
    if not operation.can_advance(now, urgent=urgent):
        return operation
    key = operation.application, operation.id
    inventory, _ = cloud.tables.inventory(operation.application, revision=operation.spec)
    if operation.id not in inventory.claims:
        # The operation has ended since it was read, and its application may be deleted.
        reread = cloud.tables.operation(*key)
        if reread is None or reread.ended or reread.leased(now):
            return reread
        operation = reread
    run = Run(operation, State(operation, inventory, Observed()))
    try:
        return _run(cloud, observe.load_controller(operation.kind), run)
    except LostClaimError:
        return cloud.tables.operation(*key)


def refresh(cloud: Cloud, operation: Operation, until: datetime | None) -> Operation:
    """Advance an operation that was just read, and until a time; raises NotFoundError."""
    resumed = resume(cloud, operation)
    if resumed is None:
        raise NotFoundError(f"application {operation.application} has no operation {operation.id}")
    return wait_for_end(cloud, resumed, until)


def try_reconcile(cloud: Cloud, operation: Operation) -> Operation:
    """Reconcile an accepted operation; an AWS error is logged and does not reach the caller."""
    try:
        return reconcile(cloud, operation.application, operation.id) or operation
    except AwsError as error:
        telemetry.operation_interrupted(cloud, operation, [error])
        return operation


def wait_for_end(cloud: Cloud, operation: Operation, until: datetime | None) -> Operation:
    """Reconcile an operation until it ends or the time is reached; None returns at once.

    It also returns at once if too many calls wait already.
    """
    if until is None or operation.ended or cloud.clock.now() + POLL > until:
        return operation
    # Only calls that wait need this module.
    from devops_core.engine.waiting import admission

    with admission(cloud) as admitted:
        return _poll_until(cloud, operation, until) if admitted else operation


def _poll_until(cloud: Cloud, operation: Operation, until: datetime) -> Operation:
    """Reconcile an operation repeatedly until it ends or the time is reached.

    Between two observations of AWS only the record is read: another worker can end the operation.
    """
    observe_at = _next_observation(operation, cloud.clock.now())
    while not operation.ended and cloud.clock.now() + POLL <= until:
        cloud.clock.wait(POLL.total_seconds())
        if cloud.clock.now() < observe_at:
            operation = _try_read(cloud, operation)
            continue
        operation = try_reconcile(cloud, operation)
        observe_at = _next_observation(operation, cloud.clock.now())
    return operation


def _next_observation(operation: Operation, now: datetime) -> datetime:
    """Return the time of the next observation for a waiting caller (tests/lab/rates.py)."""
    age = operation.seconds_until(now) or 0.0
    return now + timedelta(seconds=min(max(age / 10, POLL.total_seconds()), _LONGEST_POLL))


def _try_read(cloud: Cloud, operation: Operation) -> Operation:
    """Return the recorded operation, and the known one after an AWS error."""
    try:
        return cloud.tables.operation(operation.application, operation.id) or operation
    except AwsError as error:
        telemetry.operation_interrupted(cloud, operation, [error])
        return operation


def _run(cloud: Cloud, controller: Controller, run: Run) -> Operation:
    """Observe AWS unless the claim did so just now, then decide and act until a wait or the end.

    Raises LostClaimError. Any other unexpected error ends the operation after its grace period.
    Otherwise a fault of the service would hold the application's rows forever.
    """
    kind = controller.kind
    try:
        if run.after is None:
            observed = _try_observation(cloud, controller, run)
            if isinstance(observed, AwsError):
                return _not_observed(cloud, kind, run, observed)
            run = run._replace(state=run.state._replace(observed=observed))
        for _ in range(_MAX_DECISIONS):
            decision = _decide(cloud, kind, run)
            run = run._replace(state=run.state._replace(operation=decision.operation))
            if isinstance(decision, Done | Fail):
                return finish(cloud, kind, run, decision)
            if isinstance(decision, Wait):
                run = _resting(run, decision)
                break
            if run.after is not After.CONTINUE:
                run = _take_lease(cloud, kind, run)
            run, errors = _act(cloud, kind, run, decision)
            if errors:
                return _interrupted(cloud, kind, run, errors)
        return _release_lease(cloud, kind, run)
    except (AwsError, LostClaimError):
        raise
    except Exception as fault:  # noqa: BLE001 - raised again before the end of the grace period
        return _give_up_after_fault(cloud, kind, run, fault)


def _resting(run: Run, wait: Wait) -> Run:
    operation = replace(wait.operation, rests_until=wait.rests_until)
    return run._replace(state=run.state._replace(operation=operation))


def _decide(cloud: Cloud, kind: Kind, run: Run) -> Decision:
    """Return the next decision; a wait for the schedule if this function cannot execute it."""
    decision = kind.decide(run.state.operation, run.state.observed, cloud.clock.now())
    if isinstance(decision, Act) and not steps.permitted(cloud, decision.steps):
        return Wait(run.state.operation)
    return decision


def _try_observation(cloud: Cloud, controller: Controller, run: Run) -> Observed | AwsError:
    try:
        return controller.during(cloud, run.saved, run.state.inventory)
    except AwsError as error:
        return error


def _give_up_after_fault(cloud: Cloud, kind: Kind, run: Run, fault: Exception) -> Operation:
    """End an operation after its grace period that this version cannot advance.

    The record can be newer than the run, because a save and the fault can be simultaneous. If the
    fault is in the rows of the kind, they end unchanged, and the drift check corrects them.
    """
    if not _may_give_up(cloud, kind, run.saved):
        raise fault
    recorded = cloud.tables.operation(run.saved.application, run.saved.id)
    if recorded is None or recorded.ended:
        return recorded or run.saved
    if recorded.revision != run.saved.revision and recorded.leased(cloud.clock.now()):
        raise fault
    error = trace()
    reason = "the service has a fault: its log has the cause"
    if isinstance(fault, DevOpsError):
        reason = fault.message
    last = Run(recorded, run.state._replace(operation=recorded))
    try:
        ended = give_up(cloud, kind, last, reason)
    except (AwsError, LostClaimError):
        raise
    except Exception:  # noqa: BLE001 - the log has the first fault
        ended = give_up(cloud, kind._replace(rows=_unchanged_rows), last, reason)
    cloud.log("given up", **recorded.facts, error=error)
    return ended


def _unchanged_rows(
    _state: State, held: Sequence[Row], _now: datetime, *, keep_rows: bool
) -> RowChanges:
    del keep_rows
    return RowChanges(held)


def _act(cloud: Cloud, kind: Kind, run: Run, act: Act) -> tuple[Run, list[AwsError]]:
    """Execute steps; with RELEASE the record is saved and released at the same time.

    Raises LostClaimError after the steps if another worker has written the operation.
    """
    saved, state = run.saved, run.state
    step_calls = steps.calls(cloud, kind, state, act.steps)
    if act.after is After.RELEASE:
        released = replace(
            state.operation, lease_until=None, rests_until=None, revision=saved.revision
        )
        # The first calls of a run can be throttled again, so the pause must become longer.
        released = without_pause(released) if run.after else replace(released, paused_until=None)
        *results, saved = cloud.gather([*step_calls, partial(_save, cloud, kind, saved, released)])
        state = state._replace(operation=saved)
    else:
        results = cloud.gather(step_calls)
    state, errors = steps.applied(state, act.steps, results, cloud.clock.now())
    return Run(saved, state, act.after), errors


def _take_lease(cloud: Cloud, kind: Kind, run: Run) -> Run:
    """Record the decision and the lease before the first step."""
    leased = replace(
        run.state.operation, lease_until=cloud.clock.now() + LEASE, revision=run.saved.revision
    )
    saved = _save(cloud, kind, run.saved, leased)
    return run._replace(saved=saved, state=run.state._replace(operation=saved))


def _release_lease(cloud: Cloud, kind: Kind, run: Run) -> Operation:
    """Save the changes without a lease, and return the operation."""
    saved, operation = run.saved, run.state.operation
    # After RELEASE the record is complete; only new events require another save.
    own = kind.events(saved, operation)
    if run.after is After.RELEASE and not events.has_changes(saved, operation, own):
        return operation
    released = without_pause(replace(operation, lease_until=None, revision=saved.revision))
    return saved if released == saved else _save(cloud, kind, saved, released)


def _interrupted(cloud: Cloud, kind: Kind, run: Run, errors: list[AwsError]) -> Operation:
    """Stop after AWS errors.

    A call without a response can still take effect, so its lease remains until it expires.
    """
    saved, operation = run.saved, run.state.operation
    telemetry.operation_interrupted(cloud, saved, errors)
    waiting_for = "; ".join(dict.fromkeys(error.message for error in errors))
    if _may_give_up(cloud, kind, operation):
        return give_up(cloud, kind, run, waiting_for)
    stopped = replace(operation, waiting_for=waiting_for, rests_until=None, revision=saved.revision)
    if not any(isinstance(error, UnreachableError) for error in errors):
        stopped = replace(stopped, lease_until=None)
    if any(isinstance(error, ThrottledError) for error in errors):
        stopped = paused(stopped, cloud.clock.now())
    return _save(cloud, kind, saved, stopped)


def _not_observed(cloud: Cloud, kind: Kind, run: Run, error: AwsError) -> Operation:
    """Record the error that prevents an observation.

    Production can be split then, and no check sees a bad release. So the deadline is soon, and the
    alarm for overdue operations does not wait for the waits of a swap. The next decision about the
    swap extends the deadline.
    """
    telemetry.operation_interrupted(cloud, run.saved, [error])
    if _may_give_up(cloud, kind, run.saved):
        return give_up(cloud, kind, run, error.message)
    # An expired lease remains: the next decision must know that its worker was lost.
    now, deadline = cloud.clock.now(), run.saved.deadline
    if kind.holds(run.saved):
        deadline = min(deadline, now + kind.limit)
    waiting = replace(run.saved, waiting_for=error.message, deadline=deadline)
    if isinstance(error, ThrottledError):
        waiting = paused(waiting, now)
    return run.saved if waiting == run.saved else _save(cloud, kind, run.saved, waiting)


def _may_give_up(cloud: Cloud, kind: Kind, operation: Operation) -> bool:
    """Return whether an operation can end that AWS blocks: production must not be split."""
    return operation.overdue(cloud.clock.now() - GRACE) and not kind.holds(operation)


def _save(cloud: Cloud, kind: Kind, saved: Operation, operation: Operation) -> Operation:
    own = kind.events(saved, operation)
    return cloud.tables.save(*events.with_changes(saved, operation, cloud.clock.now(), own))


def finish(cloud: Cloud, kind: Kind, run: Run, decision: Done | Fail) -> Operation:
    """Write the end of an operation in one transaction and return it; raises LostClaimError."""
    saved, now = run.saved, cloud.clock.now()
    operation = decision.operation
    last_wait = saved.waiting_for if isinstance(decision, Fail) and saved.overdue(now) else None
    if last_wait and last_wait not in "; ".join(operation.reasons):
        reason = f"the operation last waited for: {last_wait}"
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
        ends_application=rows.ends_application,
        releases_record=_holds_record(run.state.inventory, operation),
        stack=rows.stack,
        specification=rows.specification,
    )
    cloud.tables.close(closing)
    telemetry.operation_ended(cloud, operation)
    return operation


def _holds_record(inventory: Inventory, operation: Operation) -> bool:
    """Return whether an operation holds the record of its application."""
    return inventory.record is not None and inventory.record.claim == operation.id


def give_up(cloud: Cloud, kind: Kind, run: Run, reason: str) -> Operation:
    """End an operation that AWS blocks permanently; all rows remain."""
    operation = run.state.operation
    failed = replace(
        operation,
        progress=operation.failed_everywhere(reason),
        reasons=tuple(dict.fromkeys((*operation.reasons, reason))),
    )
    return finish(cloud, kind, run, Fail(failed, keep_rows=True))
