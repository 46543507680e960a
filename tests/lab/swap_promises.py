"""The promises of swaps with steps, waits and checks; `tests.lab.promises` lists and checks them.

A swap in steps has more than one change of the production listener, or a bake after it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from devops_core.adapters.dynamodb import items
from devops_core.details.swap import SwapDetails
from devops_core.model.operation import Operation, Status
from devops_core.model.scaling import SCALE_IN_EVALUATION
from devops_core.model.swap_policy import ALL
from devops_core.model.traffic import BAD
from tests.lab.snapshot import (
    SCALING_ACTIONS,
    Action,
    Change,
    Snapshot,
    Target,
    receiving,
    service_of,
)

if TYPE_CHECKING:
    from tests.lab.promises import Acting, Context

# The part of a warning about a call of Application Auto Scaling that AWS refused.
REFUSED_SCALING = "the scaling of"
# Bytes of the item of an operation.
_LARGEST_RECORD = 32 * 1024
_MOST_ENTRIES = 10
# The time after a change of a listener in which targets still receive requests: ELB applies
# changes gradually, and requests in flight complete.
_IN_FLIGHT = timedelta(seconds=120)


# --- at any moment ---


def testers_see_the_new_release_until_the_last_step(snapshot: Snapshot, context: Context) -> None:
    """Until all customers have the new release, the test listener of a swap in steps keeps it."""
    for operation, details in _swaps_in_steps(snapshot):
        application = operation.application
        all_moved = details.weight == ALL or _last_step(snapshot, operation)
        if all_moved or details.returning or application in context.moved:
            continue
        groups = receiving(snapshot.weights(application, "test") or {})
        slots = [service_of(application, group) for group in groups]
        assert slots in ([], [details.live]), f"the test listener forwards to {slots}"


def both_slots_keep_their_tasks_from_the_first_shift_to_the_end(
    snapshot: Snapshot, context: Context
) -> None:
    """Neither alarm nor schedule can take the tasks that a return or the next shift needs.

    With all customers, the new release scales by its own alarms.
    """
    del context
    for operation, details in _swaps_in_steps(snapshot):
        if details.shifted_at is None or details.returning or _refused(operation):
            continue
        slots = (details.idle,) if details.switched_at else (details.live, details.idle)
        for slot in slots:
            target = snapshot.targets.get((operation.application, slot))
            if target is None or not target.scales_in:
                continue
            needed = _needed(snapshot, operation, slot)
            keeps = target.minimum >= needed
            assert keeps, f"{slot} can lose tasks: it needs {needed}, and has {target}"


def _needed(snapshot: Snapshot, operation: Operation, slot: str) -> int:
    """Return the tasks that a slot must keep: the new release at most those of the other slot."""
    details: SwapDetails = operation.details
    running = {
        name: snapshot.services[operation.application, name].running
        for name in (slot, details.idle)
        if (operation.application, name) in snapshot.services
    }
    return min(running.values(), default=0)


def a_swap_keeps_ten_verdicts(snapshot: Snapshot, context: Context) -> None:
    del context
    for operation, details in _swaps(snapshot):
        count = len(details.verdicts)
        assert count <= _MOST_ENTRIES, f"swap {operation.id} has {count} verdicts"


# --- after all operations have ended ---


def each_record_is_small(snapshot: Snapshot, context: Context) -> None:
    """The size of a record does not depend on the duration of its operation."""
    del context
    for operation in snapshot.operations.values():
        size = len(json.dumps(items.operation_item(operation, "")))
        assert size < _LARGEST_RECORD, f"{operation.kind} {operation.id} has {size} bytes"


def production_has_the_weights_100_and_0(snapshot: Snapshot, context: Context) -> None:
    """A swap and a return end with these weights; the template has them too."""
    for application in {row.application.name for row in snapshot.rows} - {*context.excused}:
        weights = snapshot.weights(application, "production")
        if weights is not None:
            values = sorted(weights.values())
            assert values == [0, ALL], f"{application} has the weights {values}"


def a_swap_ends_after_its_waits(snapshot: Snapshot, context: Context) -> None:
    """Only the `finish` call ends the waits of a successful swap early."""
    del context
    for operation, details in _swaps(snapshot):
        if operation.status is not Status.SUCCEEDED or details.finished_by:
            continue
        shifted, switched, ended = details.shifted_at, details.switched_at, operation.ended_at
        if shifted and switched and ended:
            policy = details.policy
            steps = timedelta(minutes=(len(policy.weights) - 1) * policy.step_minutes)
            bake = timedelta(minutes=policy.bake_minutes)
            assert switched - shifted >= steps, f"swap {operation.id} took {switched - shifted}"
            assert ended - switched >= bake, f"swap {operation.id} baked {ended - switched}"


# --- before a change of AWS ---


def a_shift_has_the_next_weight_or_returns_all(acting: Acting, context: Context) -> None:
    """ModifyListener sets the complete state: that of the record, and 0 for a return."""
    del context
    change, details = acting.change, acting.operation.details
    if change.listener != "production":
        return
    shares = {service_of(change.application, arn): each for arn, each in change.weights.items()}
    assert sum(shares.values()) == ALL, f"production gets the weights {shares}"
    expected = {0} if details.returning else {details.next_weight}
    if details.finished_by and not details.returning and details.weight < ALL:
        # The call that ends the waits can be recorded after the shift began.
        expected.add(details.policy.next_weight(details.weight))
    assert shares.get(details.live) in expected, f"production gets {shares}, not {expected}"


def customers_move_only_with_approval_and_good_checks(acting: Acting, context: Context) -> None:
    """The record of a shift has its approval, no alarm that counts, and a good last check."""
    del context
    details = acting.operation.details
    if acting.change.listener != "production" or details.returning:
        return
    assert not details.needs_approval, f"no approval before {details.next_weight} percent"
    alarms = [name for name, state in details.alarms.items() if state == "ALARM"]
    counting = {*alarms} - {*details.ignored}
    assert not counting, f"the alarms {sorted(counting)} are in the state ALARM"
    assert not details.unreadable, "the last check had no result"
    last = details.verdicts[-1].verdict if details.verdicts else None
    assert last != BAD, f"the last verdict is {last}"


def the_test_listener_changes_after_the_bake(acting: Acting, context: Context) -> None:
    """A swap in steps gives it the previous release in its last step."""
    del context
    change, operation = acting.change, acting.operation
    details = operation.details
    if change.listener != "test" or not in_steps(details) or details.returning:
        return
    if _last_step(acting.snapshot, operation):
        return
    assert details.weight == ALL, f"the test listener changes at {details.weight} percent"
    bakes_until = details.changed_at + timedelta(minutes=details.policy.bake_minutes)
    over = details.finished_by or acting.snapshot.now >= bakes_until
    assert over, f"the test listener changes before {bakes_until}"


def a_swap_takes_no_tasks_soon_after_a_shift(acting: Acting, context: Context) -> None:
    """Between its first shift and its end, and for two minutes after the return of customers.

    The alarms of the new release have seen all customers after 15 minutes.
    """
    del context
    change, snapshot, operation = acting.change, acting.snapshot, acting.operation
    if operation.kind != "swap" or operation.details.shifted_at is None or _refused(operation):
        return
    returned = operation.details.returned_at
    if returned and snapshot.now - returned >= _IN_FLIGHT:
        return
    key = change.application, change.service or ""
    switched = operation.details.switched_at
    scales = switched and snapshot.now - switched >= SCALE_IN_EVALUATION
    if key not in snapshot.services or (scales and key[1] == operation.details.live):
        return
    service = snapshot.services[key]
    if change.action is Action.UPDATE_SERVICE and change.count is not None:
        assert change.count >= service.desired, f"{key[1]} gets {change.count} tasks"
    if change.action in SCALING_ACTIONS and key in snapshot.targets:
        target = _changed(snapshot.targets[key], change)
        keeps = not target.scales_in or target.minimum >= service.running
        assert keeps, f"{key[1]} with {service.running} tasks gets {target}"


def _changed(target: Target, change: Change) -> Target:
    """Return a scalable target after a change."""
    minimum = target.minimum if change.minimum is None else change.minimum
    scales_in = target.scales_in if change.scales_in is None else change.scales_in
    return Target(minimum, target.maximum, scales_in, target.policies)


# --- parts of a snapshot ---


def _swaps(snapshot: Snapshot) -> Iterator[tuple[Operation, SwapDetails]]:
    for operation in snapshot.operations.values():
        if operation.kind == "swap" and operation.details:
            yield operation, operation.details


def _swaps_in_steps(snapshot: Snapshot) -> Iterator[tuple[Operation, SwapDetails]]:
    """Yield the swaps in progress that wait after a change of the production listener."""
    for operation, details in _swaps(snapshot):
        if not operation.ended and in_steps(details):
            yield operation, details


def in_steps(details: SwapDetails) -> bool:
    """Return whether a swap waits after a change of the production listener."""
    return details.policy.weights != (ALL,) or details.policy.bake_minutes > 0


def _last_step(snapshot: Snapshot, operation: Operation) -> bool:
    """Return whether all customers have the new release, and no bake follows.

    The record gets this weight at the end of the run.
    """
    groups = receiving(snapshot.weights(operation.application, "production") or {})
    live = [service_of(operation.application, group) for group in groups]
    bakes = operation.details.policy.bake_minutes and not operation.details.finished_by
    return live == [operation.details.live] and not bakes


def _refused(operation: Operation) -> bool:
    return any(REFUSED_SCALING in warning for warning in operation.warnings)
