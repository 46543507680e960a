"""Resize: set the task count of dev, and wait for the tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from devops_core.details.resize import (  # type: ignore[import-not-found] # the toy's
    ResizeDetails,
)

from devops_core.kinds.kind import Kind, RowChanges
from devops_core.kinds.releases import ABORT
from devops_core.model.decisions import Act, Decision, Done, Fail, Plan, State, Wait
from devops_core.model.inventory import Inventory, Row
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation, Progress, Status
from devops_core.model.steps import ScaleService
from devops_core.naming import Environment


def plan(request: Any, inventory: Inventory, observed: Observed, draft: Operation) -> Plan:
    """Take the row of dev."""
    ((row, service),) = inventory.usable(Environment.DEV)
    part = Progress(environment=row.environment, service=service.name, url=row.url)
    details = ResizeDetails(request.tasks)
    return Plan(replace(draft, progress=(part,), details=details), observed, taken=(row,))


def decide(operation: Operation, observed: Observed, now: datetime) -> Decision:
    """Scale the service once, then wait for its tasks."""
    count, service = operation.details.tasks, observed.services.get("dev")
    if service is None or service.desired != count:
        return Act(operation, (ScaleService("dev", count),))
    if service.running >= count:
        return Done(operation.with_progress("dev", status=Status.SUCCEEDED))
    if operation.overdue(now) or operation.aborted_by:
        progress = operation.failed_everywhere("the tasks did not start")
        return Fail(replace(operation, progress=progress, reasons=("the tasks did not start",)))
    return Wait(replace(operation, waiting_for=f"{service.running} of {count} tasks running"))


def rows_after(state: State, held: Sequence[Row], now: datetime, *, keep_rows: bool) -> RowChanges:
    """Return the row with the operation's name."""
    del keep_rows
    return RowChanges([row.updated(state.operation, now) for row in held])


KIND = Kind(
    name="resize",
    limit=timedelta(minutes=5),
    plan=plan,
    decide=decide,
    rows=rows_after,
    abort=ABORT,
)
