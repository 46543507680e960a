"""The calls for scaling policies; only target tracking is emulated."""

from __future__ import annotations

import re
import uuid

from tools.laptop.scaling.records import (
    Account,
    Members,
    ScalingError,
    invalid,
    key,
    not_found,
    of_request,
    page,
    service_of,
)
from tools.laptop.scaling.tracking import HIGH, LOW, Policy

# Seconds for ECS services (User Guide, "Define cooldown periods").
DEFAULT_COOLDOWN = 300
# Policies of a scalable target (AWS General Reference, Application Auto Scaling quotas).
MOST_POLICIES = 50
CPU, MEMORY = "ECSServiceAverageCPUUtilization", "ECSServiceAverageMemoryUtilization"
REQUESTS = "ALBRequestCountPerTarget"
_CONFIGURATION = "TargetTrackingScalingPolicyConfiguration"
_LABEL = re.compile(r"app/[^/]+/[^/]+/targetgroup/[^/]+/[^/]+")


def put(account: Account, parameters: Members) -> Members:
    """Create or update a policy of a registered target."""
    resource, name = parameters["ResourceId"], parameters["PolicyName"]
    policies = account.record(resource)["policies"]
    known = policies.get(name, {})
    kind = parameters.get("PolicyType", known.get("PolicyType"))
    if kind != "TargetTrackingScaling":
        raise invalid(
            f"PolicyType {kind} is not emulated by the laptop cloud: use TargetTrackingScaling"
        )
    configuration = parameters.get(_CONFIGURATION, known.get(_CONFIGURATION))
    if configuration is None:
        raise invalid(f"{_CONFIGURATION} is required for a new policy")
    _check(account, resource, configuration)
    metric = _metric(configuration)
    if any(_metric(each[_CONFIGURATION]) == metric for each in policies.values() if each != known):
        raise invalid(
            "Only one TargetTrackingScaling policy for a given metric specification is allowed."
        )
    if not known and len(policies) >= MOST_POLICIES:
        raise ScalingError(
            "LimitExceededException", f"A scalable target has at most {MOST_POLICIES} policies"
        )
    policies[name] = (known or _new(account, resource, name)) | {
        "PolicyType": kind,
        _CONFIGURATION: configuration,
    }
    return {each: policies[name][each] for each in ("PolicyARN", "Alarms")}


def _new(account: Account, resource: str, name: str) -> Members:
    path = f"scalingPolicy:{uuid.uuid4()}:resource/ecs/{resource}:policyName/{name}"
    alarms = [f"TargetTracking-{resource}-{kind}-{uuid.uuid4()}" for kind in (HIGH, LOW)]
    return key(resource) | {
        "PolicyName": name,
        "PolicyARN": account.arn("autoscaling", path),
        "CreationTime": account.now,
        "Alarms": [
            {"AlarmName": each, "AlarmARN": account.arn("cloudwatch", f"alarm:{each}")}
            for each in alarms
        ],
    }


def _check(account: Account, resource: str, configuration: Members) -> None:
    """Refuse a configuration that does not fit its target (API Reference)."""
    if configuration["TargetValue"] <= 0:
        raise invalid("TargetValue must be greater than 0")
    for name in ("ScaleInCooldown", "ScaleOutCooldown"):
        if configuration.get(name, 0) < 0:
            raise invalid(f"{name} cannot be less than 0")
    metric, label = _metric(configuration), _label(configuration)
    if metric not in (CPU, MEMORY, REQUESTS):
        raise invalid(f"Metric {metric} is not emulated by the laptop cloud for ECS services")
    if metric != REQUESTS and label:
        raise invalid(f"Resource label must not be specified for metric type {metric}")
    if metric == REQUESTS and not _LABEL.fullmatch(label):
        raise invalid(
            f"Resource label must be specified for metric type {metric}, with the format "
            "app/<load-balancer-name>/<load-balancer-id>/"
            "targetgroup/<target-group-name>/<target-group-id>"
        )
    if metric == REQUESTS and not account.services.has_target_group(*service_of(resource), label):
        raise invalid(f"The target group of resource label {label} is not attached to the service")


def _metric(configuration: Members) -> str:
    specification: Members = configuration.get("PredefinedMetricSpecification", {})
    return str(specification.get("PredefinedMetricType", ""))


def _label(configuration: Members) -> str:
    return str(configuration["PredefinedMetricSpecification"].get("ResourceLabel", ""))


def metric_of(policy: Members) -> tuple[str, str]:
    """Return the metric of a policy and its resource label, or ""."""
    return _metric(policy[_CONFIGURATION]), _label(policy[_CONFIGURATION])


def tracked(policy: Members, points: tuple[float | None, ...]) -> Policy:
    """Return a policy with its data points."""
    configuration = policy[_CONFIGURATION]
    return Policy(
        policy["PolicyName"],
        configuration["TargetValue"],
        points,
        scale_out_cooldown=configuration.get("ScaleOutCooldown", DEFAULT_COOLDOWN),
        scale_in_cooldown=configuration.get("ScaleInCooldown", DEFAULT_COOLDOWN),
        scale_in_disabled=configuration.get("DisableScaleIn", False),
    )


def delete(account: Account, parameters: Members) -> Members:
    """Delete a policy with its alarms."""
    resource, name = parameters["ResourceId"], parameters["PolicyName"]
    if account.targets.get(resource, {}).get("policies", {}).pop(name, None) is None:
        raise not_found("scaling policy", resource, name)
    return {}


def describe(account: Account, parameters: Members) -> Members:
    """Describe policies, with filters; the default page has 10 entries."""
    names, selected = parameters.get("PolicyNames"), of_request(parameters)
    found = [
        policy
        for record in account.targets.values()
        for policy in record["policies"].values()
        if selected(policy) and (not names or policy["PolicyName"] in names)
    ]
    return page(found, parameters, 10, "ScalingPolicies")
