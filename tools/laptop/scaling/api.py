"""Answers the calls of the API for ECS services; other services are refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from tools.laptop.scaling import policies, schedules, targets
from tools.laptop.scaling.records import DIMENSION, NAMESPACE, Account, Members, invalid
from tools.laptop.scaling.service_model import faults

_RESOURCE = re.compile(r"service/[A-Za-z0-9_-]{1,255}/[A-Za-z0-9_-]{1,255}")
OPERATIONS: Mapping[str, Callable[[Account, Members], Members]] = {
    "DeleteScalingPolicy": policies.delete,
    "DeleteScheduledAction": schedules.delete,
    "DeregisterScalableTarget": targets.deregister,
    "DescribeScalableTargets": targets.describe,
    "DescribeScalingActivities": targets.describe_activities,
    "DescribeScalingPolicies": policies.describe,
    "DescribeScheduledActions": schedules.describe,
    "ListTagsForResource": targets.list_tags,
    "PutScalingPolicy": policies.put,
    "PutScheduledAction": schedules.put,
    "RegisterScalableTarget": targets.register,
    "TagResource": targets.tag,
    "UntagResource": targets.untag,
}


def call(account: Account, operation: str, parameters: Members) -> Members:
    """Return the members of the response to a call.

    Raises:
        ScalingError: the call is refused.

    """
    if operation not in OPERATIONS:
        raise invalid(f"The laptop cloud does not emulate {operation}")
    found = faults(operation, parameters)
    if found:
        noun = "error" if len(found) == 1 else "errors"
        raise invalid(f"{len(found)} validation {noun} detected: {'; '.join(found)}")
    resources = parameters.get("ResourceIds", [parameters.get("ResourceId", "service/a/b")])
    if (
        parameters.get("ServiceNamespace", NAMESPACE) != NAMESPACE
        or parameters.get("ScalableDimension", DIMENSION) != DIMENSION
        or not all(_RESOURCE.fullmatch(each) for each in resources)
    ):
        raise invalid("Unsupported service namespace, resource type or scalable dimension")
    return OPERATIONS[operation](account, parameters)
