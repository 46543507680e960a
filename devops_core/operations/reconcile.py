"""Move an operation forward: load, observe, decide, act, save.

Level-triggered: it may run any number of times, at once, late or never again. One worker acts at
a time, because it must hold the lease, which is taken by a save that names the revision it has
seen; who finds the lease taken leaves the operation alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from devops_core.decide import decide
from devops_core.decide.decision import Act, Done, Fail, Wait
from devops_core.errors import AwsError, LostClaimError, UnreachableError, trace
from devops_core.model import LEASE, Inventory, Observed, Operation, Status
from devops_core.operations import audit, report
from devops_core.operations.act import State, after, attempts, perform
from devops_core.operations.close import closing
from devops_core.operations.observe import observe
from devops_core.operations.repair import check
from devops_core.ports import Cloud

# How long after its deadline an operation is given up that AWS lets neither be seen nor moved on.
GRACE = timedelta(minutes=30)
# More turns than any operation needs (a promote that fails and is taken back needs six).
_MAX_TURNS = 50
# How often a waiting caller's operation is looked at, in seconds.
_POLL = 1.0


def reconcile(cloud: Cloud, application: str, operation_id: str) -> Operation | None:
    """Move an operation as far as it goes now and return it, or None when there is none."""
    operation = cloud.tables.operation(application, operation_id)
    return operation and moved_on(cloud, operation)


def moved_on(cloud: Cloud, operation: Operation) -> Operation | None:
    """Move an operation that was just read as far as it goes now; None when it is gone by then."""
    if operation.ended or operation.leased(cloud.clock.now()):
        return operation
    key = operation.application, operation.id
    inventory, _ = cloud.tables.inventory(operation.application)
    if not inventory.held_by(operation.id):
        # It has ended since it was read, and what it was about may be gone.
        again = cloud.tables.operation(*key)
        if again is None or again.ended:
            return again
        operation = again
    try:
        return _look_and_drive(cloud, operation, inventory)
    except LostClaimError:
        return cloud.tables.operation(*key)


def onward(cloud: Cloud, operation: Operation) -> Operation:
    """Reconcile what was accepted: it is not refused because AWS stumbles at this moment."""
    try:
        return reconcile(cloud, operation.application, operation.id) or operation
    except AwsError as error:
        report.interrupted(cloud, operation, [error])
        return operation


def wait_for_end(cloud: Cloud, operation: Operation, end: datetime) -> Operation:
    """Reconcile an operation until it has ended or the time is up; return it as it is then."""
    while not operation.ended and cloud.clock.now() + timedelta(seconds=_POLL) <= end:
        cloud.clock.wait(_POLL)
        operation = onward(cloud, operation)
    return operation


def wake(cloud: Cloud, application: str) -> list[Operation]:
    """Reconcile the operations that hold rows of an application: something happened in AWS.

    When nobody is at work on it, somebody else may have done it: the application is checked.
    """
    inventory, _ = cloud.tables.inventory(application)
    claims = {row.claim for row in inventory.rows.values() if row.claim}
    if claims:
        return sweep(cloud, ((application, claim) for claim in sorted(claims)))
    repair = check(cloud, inventory)
    return [repair] if repair else []


def sweep(cloud: Cloud, open_operations: Iterable[tuple[str, str]]) -> list[Operation]:
    """Reconcile operations one by one; trouble with one leaves the others alone."""
    moved = []
    for application, operation_id in open_operations:
        facts = {"operation": operation_id, "applicationName": application}
        try:
            operation = cloud.tables.operation(application, operation_id)
            if operation:
                facts = operation.facts
                operation = moved_on(cloud, operation)
        except Exception as error:  # noqa: BLE001 - one broken record must not stop the others
            report.failed(cloud, "reconcile failed", error, **facts)
            continue
        if operation:
            moved.append(operation)
    return moved


def sweep_all(cloud: Cloud) -> list[Operation]:
    """Reconcile all open operations and say how many are left."""
    found = cloud.tables.open_operations()
    moved = sweep(cloud, found)
    report.swept(cloud, len(found), moved)
    return moved


def drive(
    cloud: Cloud,
    operation: Operation,
    inventory: Inventory,
    observed: Observed,
    *,
    held: bool = False,
) -> Operation:
    """Decide and act until there is nothing to do now; return the operation as it is then.

    `held` says that the lease is ours already (the claim takes it). Raises LostClaimError.
    """
    written, handed_over = operation, False
    state = State(operation, inventory, observed)
    for _ in range(_MAX_TURNS):
        decision = decide(state.operation, state.observed, cloud.clock.now())
        state = state._replace(operation=decision.operation)
        if isinstance(decision, Done | Fail):
            return _end(cloud, written, state, decision)
        if isinstance(decision, Wait):
            break
        if not held:
            written = _lease(cloud, written, state.operation)
            state = state._replace(operation=written)
        handed_over = decision.hands_over
        held = not (handed_over or decision.looks)
        written, state, troubles = _act(cloud, written, state, decision)
        if troubles:
            return _interrupted(cloud, written, state, troubles)
    return _release(cloud, written, state.operation, handed_over=handed_over)


def _act(
    cloud: Cloud, written: Operation, state: State, act: Act
) -> tuple[Operation, State, list[AwsError]]:
    """Do steps; the last ones while the operation is left to whoever looks next.

    Raises LostClaimError when those are done, but somebody else has written the operation.
    """
    if not act.hands_over:
        return written, *perform(cloud, state, act.steps)
    left = replace(state.operation, lease_until=None, revision=written.revision)
    *outcomes, saved = cloud.together(
        [*attempts(cloud, state, act.steps), partial(_save, cloud, written, left)]
    )
    return saved, *after(state._replace(operation=saved), act.steps, outcomes)


def _look_and_drive(cloud: Cloud, operation: Operation, inventory: Inventory) -> Operation:
    try:
        observed = observe(cloud, operation, inventory)
    except AwsError as error:
        return _blind(cloud, operation, inventory, error)
    try:
        return drive(cloud, operation, inventory, observed)
    except (AwsError, LostClaimError):
        raise
    except Exception:
        # A fault of ours must not hold an application's rows for ever.
        if not operation.overdue(cloud.clock.now() - GRACE):
            raise
        cloud.log("given up", **operation.facts, error=trace())
        state = State(operation, inventory, observed)
        return _give_up(cloud, operation, state, "the service is at fault; its log says why")


def _lease(cloud: Cloud, written: Operation, operation: Operation) -> Operation:
    """Write down that this worker acts from now on, before it does."""
    leased = replace(operation, lease_until=cloud.clock.now() + LEASE, revision=written.revision)
    return _save(cloud, written, leased)


def _release(
    cloud: Cloud, written: Operation, operation: Operation, *, handed_over: bool = False
) -> Operation:
    """Leave an operation to whoever looks next; after a hand-over only news are worth a write."""
    if handed_over and not audit.is_news(written, operation):
        return operation
    released = replace(operation, lease_until=None, revision=written.revision)
    return written if released == written else _save(cloud, written, released)


def _interrupted(
    cloud: Cloud, written: Operation, state: State, troubles: list[AwsError]
) -> Operation:
    """Stop after trouble. A call without an answer may still land: its lease runs out instead."""
    report.interrupted(cloud, written, troubles)
    waiting = "; ".join(dict.fromkeys(error.message for error in troubles))
    if state.operation.overdue(cloud.clock.now() - GRACE):
        return _give_up(cloud, written, state, waiting)
    stopped = replace(state.operation, waiting_for=waiting, revision=written.revision)
    if any(isinstance(error, UnreachableError) for error in troubles):
        return _save(cloud, written, stopped)
    return _save(cloud, written, replace(stopped, lease_until=None))


def _save(cloud: Cloud, written: Operation, operation: Operation) -> Operation:
    counted, events = audit.news(written, operation, cloud.clock.now())
    return cloud.tables.save(counted, events)


def _end(cloud: Cloud, written: Operation, state: State, decision: Done | Fail) -> Operation:
    status = Status.SUCCEEDED if isinstance(decision, Done) else Status.FAILED
    keep_rows = isinstance(decision, Fail) and decision.keep_rows
    now = cloud.clock.now()
    ended = replace(decision.operation, status=status)
    last_wait = written.waiting_for if written.overdue(now) else None
    if status is Status.FAILED and last_wait and last_wait not in "; ".join(ended.reasons):
        reasons = (*ended.reasons, f"it last waited for: {last_wait}")
        ended = replace(ended, reasons=reasons)
    last = closing(written, state._replace(operation=ended), now, keep_rows=keep_rows)
    cloud.tables.close(last)
    report.ended(cloud, last.operation)
    return last.operation


def _blind(cloud: Cloud, operation: Operation, inventory: Inventory, error: AwsError) -> Operation:
    """Note why AWS cannot be seen."""
    report.interrupted(cloud, operation, [error])
    if operation.overdue(cloud.clock.now() - GRACE):
        state = State(operation, inventory, Observed())
        return _give_up(cloud, operation, state, error.message)
    return _release(cloud, operation, replace(operation, waiting_for=error.message))


def _give_up(cloud: Cloud, written: Operation, state: State, reason: str) -> Operation:
    """End an operation that AWS does not let come to its end; all rows stay."""
    parts = tuple(
        part
        if part.status is not Status.IN_PROGRESS
        else replace(part, status=Status.FAILED, reason=reason)
        for part in state.operation.progress
    )
    reasons = tuple(dict.fromkeys((*state.operation.reasons, reason)))
    failed = replace(state.operation, progress=parts, reasons=reasons)
    return _end(cloud, written, state, Fail(failed, keep_rows=True))
