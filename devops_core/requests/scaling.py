"""The scaling of an environment in a specification: the limits, and the values to keep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from devops_core.requests import fields, schema

# A rolling deployment doubles the tasks for a while, and Fargate starts with a quota of a few
# dozen vCPU per account: more than this is a typing mistake rather than a service.
MAX_TASKS = 100
# Application Auto Scaling accepts 0, but without a task no metric asks for the first one
# (Application Auto Scaling API, RegisterScalableTarget, `MinCapacity`).
_TASKS = schema.Integer(range(1, MAX_TASKS + 1))
_PERCENT = schema.Integer(range(1, 101))
# Requests of one minute. The API has no limit; this is 16,000 requests a second and task.
_REQUESTS = schema.Integer(range(1, 1_000_001))
# The members with the values that scaling keeps.
TARGETS = ("cpuPercent", "memoryPercent", "requestsPerTarget")


def _scaling_faults(data: Mapping[str, Any], context: Mapping[str, Any]) -> Iterator[schema.Fault]:
    """Yield the faults of limits in the wrong order, and of scaling without a value to keep."""
    del context
    least, most = data.get("min"), data.get("max")
    if least is not None and most is not None and least > most:
        yield "max", f"must be at least {least}, the value of min"
    if not data.keys() & set(TARGETS):
        first, *others = TARGETS
        yield first, f"is required without {' and '.join(others)}"


SCALING = schema.Object(
    fields.named,
    {
        "min": schema.Member(_TASKS, "The smallest number of tasks.", required=True),
        "max": schema.Member(_TASKS, "The largest number of tasks, at least `min`.", required=True),
        "cpuPercent": schema.Member(
            _PERCENT, "The average CPU utilization of the tasks, in percent of `cpu`."
        ),
        "memoryPercent": schema.Member(
            _PERCENT, "The average memory utilization of the tasks, in percent of `memory`."
        ),
        "requestsPerTarget": schema.Member(
            _REQUESTS, "The average number of requests that each task receives in a minute."
        ),
    },
    check=_scaling_faults,
    sparse=True,
    name="Scaling",
    description="The limits of the number of tasks, and at least one value that Application Auto "
    "Scaling keeps near its target. With several values the largest number of tasks counts.",
)
