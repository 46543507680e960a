"""Log lines and metrics of operations, in CloudWatch's embedded metric format.

CloudWatch Logs extracts the metrics from the log lines, so a function needs neither a call nor a
permission for them. A failure to write a line never fails an operation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

from devops_core.errors import AwsError, ForbiddenError, ThrottledError, redact
from devops_core.model.operation import Operation
from devops_core.ports import Cloud

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
RECONCILE_ERRORS = Metric("ReconcileErrors", "Count")
THROTTLES = Metric("Throttles", "Count")
REFUSALS = Metric("Refusals", "Count")
ALL = (
    OPERATIONS,
    OPERATION_DURATION,
    OPEN_OPERATIONS,
    OVERDUE_OPERATIONS,
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


def sweep_finished(cloud: Cloud, found: int, swept: Sequence[Operation]) -> None:
    """Count the open operations after a sweep that began with `found`, including failed ones.

    The metrics also show that the schedule runs, so zero is a value.
    """
    now = cloud.clock.now()
    still_open = found - sum(operation.ended for operation in swept)
    overdue = sum(not operation.ended and operation.overdue(now) for operation in swept)
    values = {OPEN_OPERATIONS: still_open, OVERDUE_OPERATIONS: overdue, RECONCILE_ERRORS: 0}
    measure(cloud, "swept", values)


def throttles(*errors: Exception) -> dict[Metric, float]:
    """Return the number of throttling errors as a metric value, nothing for none."""
    count = sum(isinstance(error, ThrottledError) for error in errors)
    return {THROTTLES: count} if count else {}
