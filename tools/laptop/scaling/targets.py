"""The calls for scalable targets, their tags and their activities."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from tools.laptop.scaling.records import (
    Account,
    Members,
    ScalingError,
    fulfil_activities,
    invalid,
    key,
    move_into_range,
    of_request,
    page,
)

MOST_TAGS = 50  # tags of a resource (Application Auto Scaling User Guide, "Tag restrictions")
_ROLE = (
    "role/aws-service-role/ecs.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_ECSService"
)
_SUSPENSIONS = (
    "DynamicScalingInSuspended",
    "DynamicScalingOutSuspended",
    "ScheduledScalingSuspended",
)


def register(account: Account, parameters: Members) -> Members:
    """Register or update a target, and move the desired count of its service into the range.

    An update keeps the parameters that it omits, and also moves the count (API Reference,
    RegisterScalableTarget). Stricter than AWS: the service must be ACTIVE.
    """
    resource = parameters["ResourceId"]
    if account.count(resource) is None:
        raise invalid(f"ECS service doesn't exist: {resource}")
    known = account.targets.get(resource)
    if known and parameters.get("Tags"):
        raise invalid(
            "The scalable target that you tried to tag already exists. To update tags on an "
            "existing scalable target, use the TagResource API."
        )
    _check_tags(parameters.get("Tags", {}), "ValidationException")
    target = _updated(known["target"] if known else _new(account, resource), parameters)
    if known:
        known["target"] = target
    else:
        tags = dict(parameters.get("Tags", {}))
        record: Members = {"target": target, "tags": tags, "policies": {}, "actions": {}}
        account.targets[resource] = record
    move_into_range(account, resource, "")
    return {"ScalableTargetARN": target["ScalableTargetARN"]}


def _new(account: Account, resource: str) -> Members:
    identifier = f"scalable-target/{uuid.uuid4()}"
    return key(resource) | {
        "RoleARN": f"arn:aws:iam::{account.number}:{_ROLE}",
        "CreationTime": account.now,
        "SuspendedState": dict.fromkeys(_SUSPENSIONS, False),
        "ScalableTargetARN": account.arn("application-autoscaling", identifier),
    }


def _updated(target: Members, parameters: Members) -> Members:
    named = {name: parameters[name] for name in CAPACITIES if name in parameters}
    suspended = target["SuspendedState"] | parameters.get("SuspendedState", {})
    updated = {**target, **named, "SuspendedState": suspended}
    check_range(updated)
    return updated


CAPACITIES = ("MinCapacity", "MaxCapacity")


def check_range(target: Mapping[str, int]) -> None:
    """Refuse a target without capacities, or whose range is empty or negative."""
    missing = [name for name in CAPACITIES if name not in target]
    if missing:
        raise invalid(f"{missing[0]} is required for a new scalable target")
    if target["MinCapacity"] < 0:
        raise invalid("Minimum capacity cannot be less than 0")
    if target["MaxCapacity"] < target["MinCapacity"]:
        raise invalid("Maximum capacity cannot be less than minimum capacity")


def deregister(account: Account, parameters: Members) -> Members:
    """Deregister a target with its policies and scheduled actions.

    Stricter than AWS: a target remains until this call. AWS documents no other end of a target, but
    its users report that the deletion of an ECS service also removes the target (GitHub,
    hashicorp/terraform-provider-aws, "aws_appautoscaling_policy gets removed if aws_ecs_service got
    re-created").
    """
    account.record(parameters["ResourceId"])
    del account.targets[parameters["ResourceId"]]
    return {}


def describe(account: Account, parameters: Members) -> Members:
    """Describe the targets with the named resource ids, or all; unknown ids are left out."""
    names = parameters.get("ResourceIds")
    if "ScalableDimension" in parameters and not names:
        raise invalid("A scalable dimension requires a resource ID")
    found = [each["target"] for name, each in account.targets.items() if not names or name in names]
    return page(found, parameters, 50, "ScalableTargets")


def describe_activities(account: Account, parameters: Members) -> Members:
    """Describe activities, the newest first."""
    fulfil_activities(account)
    found = [*filter(of_request(parameters), account.activities)]
    return page(found, parameters, 50, "ScalingActivities")


def list_tags(account: Account, parameters: Members) -> Members:
    """Return the tags of a target."""
    return {"Tags": dict(_tagged(account, parameters)["tags"])}


def tag(account: Account, parameters: Members) -> Members:
    """Add or change tags of a target."""
    record = _tagged(account, parameters)
    tags = record["tags"] | parameters["Tags"]
    _check_tags(tags, "TooManyTagsException")
    record["tags"] = tags
    return {}


def untag(account: Account, parameters: Members) -> Members:
    """Remove tags of a target."""
    record = _tagged(account, parameters)
    for name in parameters["TagKeys"]:
        record["tags"].pop(name, None)
    return {}


def _tagged(account: Account, parameters: Members) -> Members:
    for record in account.targets.values():
        if record["target"]["ScalableTargetARN"] == parameters["ResourceARN"]:
            return record
    raise ScalingError("ResourceNotFoundException", "The scalable target does not exist")


def _check_tags(tags: Mapping[str, str], too_many: str) -> None:
    """Refuse reserved tags, and too many with the given code."""
    if len(tags) > MOST_TAGS:
        raise ScalingError(too_many, f"A scalable target has at most {MOST_TAGS} tags")
    if any(name.lower().startswith("aws:") for name in tags):
        raise invalid("The prefix aws: of a tag key is reserved")
