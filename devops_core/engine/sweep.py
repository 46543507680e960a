"""Sweeps: advance all open operations for the schedule, or those of one application.

A run of the schedule has a time budget, and each run continues after the operations of the last
one. So every operation has its turn for any number of slow operations before it. Operations that
read load balancers begin at a steady pace (`pace`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from devops_core import observe
from devops_core.engine import outbox, telemetry
from devops_core.engine.pace import Pace
from devops_core.engine.reconcile import resume
from devops_core.errors import AwsError
from devops_core.model.listing import OpenOperation
from devops_core.model.operation import Operation
from devops_core.ports import Cloud

# Operations at the same time. Together they stay below the request rates of AWS
# (tests/proofs/rates).
WORKERS = 8
# A run takes no group of operations after this time, so that the last ones can end. Their reads can
# wait a few seconds longer.
BUDGET = timedelta(seconds=40)
# A run abandons the operations that are still in progress after this time: a call of AWS takes up
# to 30 s (`bootstrap.CLIENT_CONFIG`), and the function has 60 s.
LIMIT = timedelta(seconds=55)


class _Visit(NamedTuple):
    """An operation that was processed: None after an error, and if its record is gone."""

    entry: OpenOperation
    operation: Operation | None
    failed: bool = False

    @property
    def may_be_open(self) -> bool:
        return self.failed or (self.operation is not None and not self.operation.ended)


def sweep_open(cloud: Cloud) -> list[Operation]:
    """Advance the open operations and report their number, also of those without a turn.

    Notifications come first, because the operations can use up the time of the function.
    """
    started = cloud.clock.now()
    outbox.send_due(cloud)
    found = _open_operations(cloud)
    visit = partial(_visit, cloud, pace=Pace(cloud.clock))
    calls = _calls(cloud, visit, _in_turn(cloud, found), started + BUDGET)
    workers = min(WORKERS, len(found))
    visits = [visit for visit in cloud.work_off(calls, workers, started + LIMIT) if visit]
    closed = {visit.entry.position for visit in visits if not visit.may_be_open}
    still_open = [entry for entry in found if entry.position not in closed]
    telemetry.sweep_finished(cloud, still_open, processed=len(visits), found=len(found))
    return [visit.operation for visit in visits if visit.operation]


def sweep(cloud: Cloud, keys: Iterable[tuple[str, str]]) -> list[Operation]:
    """Advance operations by `(application, id)`; an error in one does not affect the others.

    The notification about an end follows at once, if the index has it already.
    """
    visits = [_visit(cloud, OpenOperation(*key, deadline=None), urgent=True) for key in keys]
    operations = [visit.operation for visit in visits if visit.operation]
    if any(operation.ended for operation in operations):
        outbox.send_due(cloud)
    return operations


def _open_operations(cloud: Cloud) -> list[OpenOperation]:
    """Return all open operations, the oldest first."""
    page = cloud.tables.open_operations()
    found = list(page.items)
    while page.next:
        page = cloud.tables.open_operations(page.next)
        found += page.items
    return found


def _in_turn(cloud: Cloud, found: Sequence[OpenOperation]) -> list[OpenOperation]:
    """Return operations from the stored position on, then those up to the position."""
    position = ""
    # All operations begin at once, so their order does not matter.
    if len(found) > WORKERS:
        try:
            position = cloud.tables.sweep_position() or ""
        except AwsError as error:
            telemetry.reconcile_failed(cloud, "reconcile failed", error)
    return sorted(found, key=lambda entry: (entry.position <= position, entry.position))


def _calls(
    cloud: Cloud,
    visit: Callable[[OpenOperation], _Visit],
    turn: Sequence[OpenOperation],
    until: datetime,
) -> Iterator[Callable[[], _Visit | None]]:
    """Yield the calls that advance operations, and save the position before each group of them.

    The position is saved first, so that a group that stops the function is not the first one of
    every run. A group that began before `until` is completed. So the position is exact at the end.
    """
    for start in range(0, len(turn), WORKERS):
        if cloud.clock.now() >= until:
            return
        group = turn[start : start + WORKERS]
        if len(turn) > WORKERS:
            yield partial(_save_position, cloud, group[-1].position)
        for entry in group:
            yield partial(visit, entry)


def _save_position(cloud: Cloud, position: str) -> None:
    """Save the position of the schedule; without it, the next run repeats operations."""
    try:
        cloud.tables.save_sweep_position(position)
    except AwsError as error:
        telemetry.reconcile_failed(cloud, "reconcile failed", error)


def _visit(
    cloud: Cloud, entry: OpenOperation, *, urgent: bool = False, pace: Pace | None = None
) -> _Visit:
    """Advance one operation; an error is counted and does not affect the others."""
    facts = {"operation": entry.id, "applicationName": entry.application}
    try:
        operation = cloud.tables.operation(entry.application, entry.id)
        if operation:
            facts = operation.facts
            if pace and operation.can_advance(cloud.clock.now()):
                pace.wait(observe.load_controller(operation.kind).load_balancer_reads)
            operation = resume(cloud, operation, urgent=urgent)
    except Exception as error:  # noqa: BLE001 - one broken record must not stop the others
        telemetry.reconcile_failed(cloud, "reconcile failed", error, **facts)
        return _Visit(entry, None, failed=True)
    return _Visit(entry, operation)
