"""What the log and the metrics are told of operations. Nothing depends on whether it arrives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from devops_core.errors import AwsError, ThrottledError, redact
from devops_core.metrics import (
    OPEN_OPERATIONS,
    OPERATION_DURATION,
    OPERATIONS,
    OVERDUE_OPERATIONS,
    RECONCILE_ERRORS,
    THROTTLES,
    Metric,
)
from devops_core.model import Kind, Operation
from devops_core.ports import Cloud


def ended(cloud: Cloud, operation: Operation) -> None:
    """Count an operation whose end has just been written. Who finds it ended says nothing."""
    values: dict[Metric, float] = {OPERATIONS: 1}
    # A repair is over when it begins.
    if operation.kind is not Kind.REPAIR and operation.ended_at:
        values[OPERATION_DURATION] = operation.seconds_until(operation.ended_at)
    facts = {**operation.facts, "outcome": operation.status.value}
    if operation.reasons:
        facts["reason"] = redact("; ".join(operation.reasons))
    cloud.measure("ended", values, **facts)


def interrupted(cloud: Cloud, operation: Operation, troubles: Sequence[AwsError]) -> None:
    """Say what an operation has to wait for that is none of its own doing."""
    error = "; ".join(dict.fromkeys(trouble.message for trouble in troubles))
    cloud.measure("interrupted", throttles(*troubles), **operation.facts, error=error)


def failed(cloud: Cloud, message: str, error: Exception, **facts: Any) -> None:
    """Count an operation that cannot be reconciled, or an application that cannot be checked."""
    values = {RECONCILE_ERRORS: 1, **throttles(error)}
    cloud.measure(message, values, **facts, error=redact(repr(error)))


def swept(cloud: Cloud, found: int, moved: Sequence[Operation]) -> None:
    """Say how many of the `found` open operations are left, those that failed among them.

    It is also the sign that the schedule is at work, so nothing to tell is told as zero.
    """
    now = cloud.clock.now()
    left = found - sum(operation.ended for operation in moved)
    overdue = sum(not operation.ended and operation.overdue(now) for operation in moved)
    values = {OPEN_OPERATIONS: left, OVERDUE_OPERATIONS: overdue, RECONCILE_ERRORS: 0}
    cloud.measure("swept", values)


def throttles(*errors: Exception) -> dict[Metric, float]:
    """Return how many of the errors are AWS's throttling, to be measured; nothing when none is."""
    count = sum(isinstance(error, ThrottledError) for error in errors)
    return {THROTTLES: count} if count else {}
