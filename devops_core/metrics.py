"""The metrics of the service, in CloudWatch's embedded metric format.

CloudWatch Logs extracts data points from log lines with these members, so a function needs neither
a call nor a permission to publish metrics.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

NAMESPACE = "devops-ecs"
# The dimension of all metrics. An installation in an account and region has one stage.
STAGE = "Stage"


class Metric(NamedTuple):
    """A metric with its CloudWatch unit, and its dimensions in addition to the stage.

    The value of a dimension is the member of the log line with the dimension's name in lower case.
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
    """Return the members of a log line with `facts` and the values of metrics, if any.

    Each set of dimensions has its own directive (Amazon CloudWatch User Guide, "Specification:
    Embedded metric format").
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
