"""The IAM permissions that the calls of Application Auto Scaling require; no I/O.

Sources: AWS Service Authorization Reference; Application Auto Scaling User Guide, "Permissions
validation for Application Auto Scaling API calls on target resources" and "Service-linked roles";
Amazon ECS Developer Guide, "IAM permissions required for Amazon ECS service auto scaling".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tools.laptop.calls import Call, Permission, tag_keys

_LINKED = "ecs.application-autoscaling.amazonaws.com"
_ROLE = f"role/aws-service-role/{_LINKED}/AWSServiceRoleForApplicationAutoScaling_ECSService"
_KEYS = {
    "ServiceNamespace": "application-autoscaling:service-namespace",
    "ScalableDimension": "application-autoscaling:scalable-dimension",
}
_ON_SERVICE = ("ecs:DescribeServices", "ecs:UpdateService")
# Application Auto Scaling makes these calls with the permissions of the caller (IAM User Guide,
# "Forward access sessions").
_ON_ALARMS = ("cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms")
_FORWARDED = {"aws:ViaAWSService": "true"}
ADDITIONAL_SCALING_ACTIONS = (*_ON_SERVICE, *_ON_ALARMS, "iam:CreateServiceLinkedRole")


def _any_resource(call: Call) -> Iterable[Permission]:
    yield Permission(call.action)


def _change(call: Call) -> Iterable[Permission]:
    yield Permission(call.action, _target(call), _keys(call))


def _register(call: Call) -> Iterable[Permission]:
    """Application Auto Scaling checks the permissions for the service before it registers it.

    It also checks those for alarms, by calls without the name of an alarm. Stricter than AWS: each
    call needs the permission to create the service-linked role.
    """
    tags = tag_keys((call.parameters.get("Tags") or {}).items())
    yield Permission(call.action, _target(call), _keys(call) | tags)
    if tags:
        yield Permission("application-autoscaling:TagResource", _target(call), tags)
    for action in _ON_SERVICE:
        name = str(call.parameters.get("ResourceId"))
        cluster = name.split("/")[1] if "/" in name else ""
        yield Permission(action, _arn(call, "ecs", name), _cluster_key(call, cluster))
    yield from _alarms(call, "")
    role = f"arn:aws:iam::{call.account}:{_ROLE}"
    yield Permission("iam:CreateServiceLinkedRole", role, {"iam:AWSServiceName": _LINKED})


def _put_policy(call: Call) -> Iterable[Permission]:
    """Application Auto Scaling creates, reads and deletes the alarms of a policy."""
    yield from _change(call)
    yield from _alarms(call, f"TargetTracking-{call.parameters.get('ResourceId')}-*")


def _alarms(call: Call, name: str) -> Iterable[Permission]:
    for action in _ON_ALARMS:
        yield Permission(action, _arn(call, "cloudwatch", f"alarm:{name}"), _FORWARDED)


def _tags(call: Call) -> Iterable[Permission]:
    tags = tag_keys((call.parameters.get("Tags") or {}).items())
    yield Permission(call.action, str(call.parameters.get("ResourceARN")), tags)


def _untag(call: Call) -> Iterable[Permission]:
    keys = {"aws:TagKeys": list(call.parameters.get("TagKeys") or ())}
    yield Permission(call.action, str(call.parameters.get("ResourceARN")), keys)


def _target(call: Call) -> str:
    """Return the ARN of a target; its id is not known before its registration."""
    known = call.target_arn(str(call.parameters.get("ResourceId")))
    return known or call.arn("scalable-target/*")


def _keys(call: Call) -> dict[str, Any]:
    return {key: call.parameters[name] for name, key in _KEYS.items() if name in call.parameters}


def _cluster_key(call: Call, cluster: str) -> dict[str, Any]:
    return {"ecs:cluster": _arn(call, "ecs", f"cluster/{cluster}")}


def _arn(call: Call, service: str, resource: str) -> str:
    return f"arn:aws:{service}:{call.region}:{call.account}:{resource}"


SCALING_RULES: Mapping[str, Callable[[Call], Iterable[Permission]]] = {
    "application-autoscaling:DeleteScalingPolicy": _change,
    "application-autoscaling:DeleteScheduledAction": _change,
    "application-autoscaling:DeregisterScalableTarget": _change,
    "application-autoscaling:DescribeScalableTargets": _any_resource,
    "application-autoscaling:DescribeScalingActivities": _any_resource,
    "application-autoscaling:DescribeScalingPolicies": _any_resource,
    "application-autoscaling:DescribeScheduledActions": _any_resource,
    "application-autoscaling:ListTagsForResource": _tags,
    "application-autoscaling:PutScalingPolicy": _put_policy,
    "application-autoscaling:PutScheduledAction": _change,
    "application-autoscaling:RegisterScalableTarget": _register,
    "application-autoscaling:TagResource": _tags,
    "application-autoscaling:UntagResource": _untag,
}
