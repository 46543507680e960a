"""Log lines and metrics of operations, in CloudWatch's embedded metric format.

CloudWatch Logs extracts the metrics from the log lines, so a function needs neither a call nor a
permission for them. A failure to write a line never fails an operation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from devops_core.errors import AwsError, ForbiddenError, ThrottledError, redact
from devops_core.model.operation import Operation
from devops_core.ports import Cloud

if TYPE_CHECKING:
    from devops_core.model.listing import OpenOperation

NAMESPACE = "devops-ecs"
# The dimension of every metric. An account and region have one installation for each stage.
STAGE = "Stage"


class Metric(NamedTuple):
    """A metric: its name, its unit as CloudWatch spells it, its dimensions beside the stage.

    The value of a dimension is the member of the log line with its name in lower case.
    """

    name: str
    unit: str
    dimensions: tuple[str, ...] = ()


OPERATIONS = Metric("Operations", "Count", ("Kind", "Outcome"))
OPERATION_DURATION = Metric("OperationDuration", "Seconds", ("Kind",))
OPEN_OPERATIONS = Metric("OpenOperations", "Count")
OVERDUE_OPERATIONS = Metric("OverdueOperations", "Count")
OLDEST_OPERATION = Metric("OldestOperation", "Seconds")
PROCESSED_OPERATIONS = Metric("ProcessedOperations", "Count")
UNREACHED_OPERATIONS = Metric("UnreachedOperations", "Count")
RECONCILE_ERRORS = Metric("ReconcileErrors", "Count")
THROTTLES = Metric("Throttles", "Count")
REFUSALS = Metric("Refusals", "Count")
ALL = (
    OPERATIONS,
    OPERATION_DURATION,
    OPEN_OPERATIONS,
    OVERDUE_OPERATIONS,
    OLDEST_OPERATION,
    PROCESSED_OPERATIONS,
    UNREACHED_OPERATIONS,
    RECONCILE_ERRORS,
    THROTTLES,
    REFUSALS,
)


def measure(cloud: Cloud, message: str, values: Mapping[Metric, float], **facts: Any) -> None:
    """Write a log line with metrics; without `values` it is an ordinary log line."""
    members: dict[str, Any] = {}
    # A metric without the fact of a dimension must not fail the operation.
    with suppress(KeyError):
        members = metric_members(cloud.settings.api_stage, cloud.clock.now(), values, facts)
    cloud.log(message, **facts, **members)


def metric_members(
    stage: str, now: datetime, values: Mapping[Metric, float], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the members that turn a log line with `facts` into metrics; none without `values`.

    Each set of dimensions has its own directive (Amazon CloudWatch User Guide, "Specification:
    Embedded metric format").
    """
    if not values:
        return {}
    dimension_values, directives = {STAGE: stage}, []
    for dimensions in dict.fromkeys(metric.dimensions for metric in values):
        dimension_values |= {name: facts[name.lower()] for name in dimensions}
        alike = [metric for metric in values if metric.dimensions == dimensions]
        directive = {
            "Namespace": NAMESPACE,
            "Dimensions": [[STAGE, *dimensions]],
            "Metrics": [{"Name": metric.name, "Unit": metric.unit} for metric in alike],
        }
        directives.append(directive)
    return {
        **dimension_values,
        **{metric.name: value for metric, value in values.items()},
        "_aws": {"Timestamp": int(now.timestamp() * 1000), "CloudWatchMetrics": directives},
    }


def operation_ended(cloud: Cloud, operation: Operation, *, timed: bool = True) -> None:
    """Count an operation after the write of its end; `timed` measures its duration too."""
    values: dict[Metric, float] = {OPERATIONS: 1}
    duration = operation.seconds_until(operation.ended_at)
    if timed and duration is not None:
        values[OPERATION_DURATION] = duration
    facts = {**operation.facts, "outcome": operation.status.value}
    if operation.reasons:
        facts["reason"] = redact("; ".join(operation.reasons))
    measure(cloud, "ended", values, **facts)


def operation_interrupted(cloud: Cloud, operation: Operation, errors: Sequence[AwsError]) -> None:
    """Log the AWS errors that stop an operation for now."""
    error = "; ".join(dict.fromkeys(each.message for each in errors))
    measure(cloud, "interrupted", throttles(*errors), **operation.facts, error=error)


def reconcile_failed(cloud: Cloud, message: str, error: Exception, **facts: Any) -> None:
    """Count an operation that cannot be reconciled, or an application that cannot be checked."""
    values = {RECONCILE_ERRORS: 1, **throttles(error)}
    measure(cloud, message, values, **facts, error=redact(repr(error)))


def caller_refused(cloud: Cloud, error: ForbiddenError, facts: Mapping[str, Any]) -> None:
    """Count a refused caller, also that of a dry run or of a create, which have no event."""
    measure(cloud, "refused", {REFUSALS: 1}, **facts, reason=error.message)


def sweep_finished(
    cloud: Cloud, still_open: Sequence[OpenOperation], *, processed: int, found: int
) -> None:
    """Count the open operations after a run of the schedule that `found` a number of them.

    `still_open` includes the operations that the run did not reach. The metrics also show that the
    schedule runs, so zero is a value.
    """
    now = cloud.clock.now()
    overdue = [each for each in still_open if each.deadline is not None and each.deadline <= now]
    ages = [now - time for each in still_open if (time := _start(each))]
    values: dict[Metric, float] = {
        OPEN_OPERATIONS: len(still_open),
        OVERDUE_OPERATIONS: len(overdue),
        OLDEST_OPERATION: max(0.0, *(age.total_seconds() for age in ages)) if ages else 0,
        PROCESSED_OPERATIONS: processed,
        UNREACHED_OPERATIONS: found - processed,
        RECONCILE_ERRORS: 0,
    }
    measure(cloud, "swept", values)


def _start(operation: OpenOperation) -> datetime | None:
    """Return the time in an operation's id, None if the id is not valid."""
    from devops_core.operation_id import operation_time

    try:
        return operation_time(operation.id)
    except (OverflowError, ValueError):
        return None


def throttles(*errors: Exception) -> dict[Metric, float]:
    """Return the number of throttling errors as a metric value, nothing for none."""
    count = sum(isinstance(error, ThrottledError) for error in errors)
    return {THROTTLES: count} if count else {}
