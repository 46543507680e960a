"""What the service counts, as CloudWatch's embedded metric format has it.

A line of the log that holds such members becomes data points of metrics: CloudWatch Logs reads them
out of it, so that a function needs neither a call nor a permission for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

NAMESPACE = "devops-ecs"
# Every metric has it; one installation in an account and region has one stage.
STAGE = "Stage"


class Metric(NamedTuple):
    """A metric: its unit as CloudWatch spells it, its dimensions beside the stage.

    The value of a dimension is the member of the line that has its name in lower case.
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
ALL = (
    OPERATIONS,
    OPERATION_DURATION,
    OPEN_OPERATIONS,
    OVERDUE_OPERATIONS,
    RECONCILE_ERRORS,
    THROTTLES,
)


def members(
    stage: str, now: datetime, values: Mapping[Metric, float], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the members of a line that says `facts` and, if there are `values`, counts them.

    Each set of dimensions has a directive of its own (Amazon CloudWatch User Guide,
    "Specification: Embedded metric format").
    """
    if not values:
        return dict(facts)
    named, directives = {STAGE: stage}, []
    for dimensions in dict.fromkeys(metric.dimensions for metric in values):
        named |= {name: facts[name.lower()] for name in dimensions}
        alike = [metric for metric in values if metric.dimensions == dimensions]
        directive = {
            "Namespace": NAMESPACE,
            "Dimensions": [[STAGE, *dimensions]],
            "Metrics": [{"Name": metric.name, "Unit": metric.unit} for metric in alike],
        }
        directives.append(directive)
    return {
        **facts,
        **named,
        **{metric.name: value for metric, value in values.items()},
        "_aws": {
            "Timestamp": int(now.timestamp() * 1000),
            "CloudWatchMetrics": directives,
        },
    }
