"""The translation of a service: its port, health check, number of tasks and scaling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from devops_cli.translation import members, service_members, task_members
from devops_cli.translation.facts import SERVICE, Described, Note, Object, scaling_resource

# The time limit of a rollout without `rolloutMinutes`, and its longest value, in minutes.
_ROLLOUT, _LONGEST_ROLLOUT = 30, 180
_TARGETS = {
    "ECSServiceAverageCPUUtilization": "cpuPercent",
    "ECSServiceAverageMemoryUtilization": "memoryPercent",
    "ALBRequestCountPerTarget": "requestsPerTarget",
}


def entry(service: Object, container: str | None = None) -> Object:
    """Return the load balancer entry of a container, or the first one; empty without one."""
    entries = [each for each in service.get("loadBalancers", ()) if "containerName" in each]
    own = [each for each in entries if each["containerName"] == container]
    found: Object = next(iter(own or entries), {})
    return found


def service(described: Described, application: Object, notes: list[Note]) -> dict[str, Any]:
    """Return the settings of a service; its notes are added to `notes`."""
    own = described.service
    notes += members.notes(service_members.SERVICE, own, "service", SERVICE)
    notes += _nested_notes(own)
    return {
        **_port(own, application, notes),
        **_health(described, own, application, notes),
        **_tasks(described, own, notes),
        **_start(own, notes),
    }


def _nested_notes(own: Object) -> list[Note]:
    place = "service"
    found: list[Note] = []
    primary = [each for each in own.get("deployments", ()) if each.get("status") == "PRIMARY"]
    for table, values, name in (
        *((service_members.DEPLOYMENT, each, "deployments") for each in primary),
        (
            service_members.DEPLOYMENT_CONFIGURATION,
            own.get("deploymentConfiguration", {}),
            "deploymentConfiguration",
        ),
        (
            service_members.AWSVPC_CONFIGURATION,
            own.get("networkConfiguration", {}).get("awsvpcConfiguration", {}),
            "networkConfiguration",
        ),
    ):
        found += members.notes(table, values, f"{place}.{name}", SERVICE)
    for number, each in enumerate(own.get("loadBalancers", ())):
        inner = f"{place}.loadBalancers.{number}"
        found += members.notes(service_members.LOAD_BALANCER, each, inner, SERVICE)
        if number:
            reason = "an application has one load balancer for each environment, and one port"
            remedy = "create a second application for the other port, or leave the service"
            found.append(Note(inner, SERVICE, reason, remedy, dict(each)))
    return found


def _port(own: Object, application: Object, notes: list[Note]) -> dict[str, int]:
    balanced = entry(own, application["name"])
    mapped = [
        each["containerPort"]
        for each in application.get("portMappings", ())
        if "containerPort" in each and each.get("protocol", "tcp") == "tcp"
    ]
    is_own = balanced.get("containerName") == application["name"]
    port = balanced.get("containerPort") if is_own else next(iter(mapped), None)
    place = f"containerDefinitions.{application['name']}.portMappings"
    for number, each in enumerate(application.get("portMappings", ())):
        inner = f"{place}.{number}"
        notes += members.notes(task_members.PORT_MAPPING, each, inner, SERVICE)
        if each.get("containerPort", port) != port:
            reason = "only the container port gets requests from outside the task"
            remedy = "let sidecars use it at localhost, or create a second application"
            notes.append(Note(inner, SERVICE, reason, remedy, dict(each)))
    if port is None:
        reason = "the container has no port, but each environment has a load balancer"
        remedy = (
            "let the program return 200 at healthCheckPath on containerPort, or leave workers and"
            " jobs where they are (docs/moving.md)"
        )
        notes.append(Note(place, SERVICE, reason, remedy))
        return {}
    return {"containerPort": port}


def _health(
    described: Described, own: Object, application: Object, notes: list[Note]
) -> dict[str, str]:
    arn = entry(own, application["name"]).get("targetGroupArn")
    # Without a load balancer in a file, a single group is that of the service.
    groups = [
        each for each in described.target_groups if arn in (None, each.get("TargetGroupArn", arn))
    ]
    group: Object = groups[0] if len(groups) == 1 else {}
    notes += members.notes(service_members.TARGET_GROUP, group, "targetGroup", SERVICE)
    balancers = group.get("LoadBalancerArns", ())
    for each in described.load_balancers:
        is_only_one = not balancers and len(described.load_balancers) == 1
        if is_only_one or each.get("LoadBalancerArn") in balancers:
            notes += members.notes(service_members.ELB, each, "loadBalancer", SERVICE)
    if reason := described.unread.get("load balancer"):
        remedy = "check that it is an Application Load Balancer with IPv4 addresses"
        notes.append(Note("loadBalancer", SERVICE, reason, remedy))
    path = group.get("HealthCheckPath")
    if path is None:
        unknown = described.target_groups and not group
        reason = described.unread.get(
            "health check",
            "the target group of the service is not known from the files"
            if unknown
            else "ECS does not have the path of the health check",
        )
        remedy = "write a path that returns 200 while the container is healthy"
        notes.append(Note("targetGroup", (*SERVICE, "healthCheckPath"), reason, remedy))
    return {"healthCheckPath": path or "/health"}


def _tasks(described: Described, own: Object, notes: list[Note]) -> dict[str, Any]:
    """Return the scaling or the number of tasks."""
    if reason := described.unread.get("scaling"):
        remedy = "if the service scales, write scaling instead of desiredCount"
        notes.append(Note("scaling", (*SERVICE, "desiredCount"), reason, remedy))
    scaling = _scaling(_with_own_scaling(described, notes), notes)
    if scaling:
        return {"scaling": scaling}
    return {"desiredCount": own["desiredCount"]} if "desiredCount" in own else {}


def _with_own_scaling(described: Described, notes: list[Note]) -> Described:
    """Return descriptions without the scaling of other services, which files can have."""
    resource = scaling_resource(described.service)
    targets, policies = (
        [each for each in found if each.get("ResourceId", resource).endswith(resource)]
        for found in (described.scalable_targets, described.scaling_policies)
    )
    several = len({each.get("ResourceId") for each in (*targets, *policies)}) > 1
    if several or (described.scalable_targets and not targets):
        reason = "the files have the scaling of other services, and that of this one is not known"
        remedy = (
            "write the files again with the output of aws application-autoscaling"
            " describe-scalable-targets --service-namespace ecs --resource-ids"
            " service/CLUSTER/SERVICE, or write scaling instead of desiredCount"
        )
        notes.append(Note("scaling", (*SERVICE, "desiredCount"), reason, remedy))
        targets, policies = [], []
    return described._replace(scalable_targets=targets, scaling_policies=policies)


def _scaling(described: Described, notes: list[Note]) -> dict[str, int]:
    at = (*SERVICE, "scaling")
    targets: dict[str, int] = {}
    found: list[Note] = []
    for each in described.scaling_policies:
        place = f"scalingPolicies.{each.get('PolicyName', '')}"
        found += members.notes(service_members.SCALING_POLICY, each, place, at)
        tracking = each.get("TargetTrackingScalingPolicyConfiguration", {})
        found += members.notes(service_members.TARGET_TRACKING, tracking, place, at)
        targets |= _target(tracking, place, found)
    for scaled in described.scalable_targets:
        found += members.notes(service_members.SCALABLE_TARGET, scaled, "scalableTarget", at)
    result = {}
    if described.scalable_targets and targets:
        (scaled, *_) = described.scalable_targets
        result = {"min": scaled["MinCapacity"], "max": scaled["MaxCapacity"], **targets}
    elif (
        described.scalable_targets
        and not described.scaling_policies
        and "scaling" not in described.unread
    ):
        reason = "scaling needs a target value, and no scaling policy was found"
        remedy = "write scaling with cpuPercent, or keep desiredCount"
        found.append(Note("scalableTarget", at, reason, remedy))
    # Without a translated policy, the number of tasks has the notes.
    notes += found if result else [each._replace(at=(*SERVICE, "desiredCount")) for each in found]
    return result


def _target(tracking: Mapping[str, Any], place: str, notes: list[Note]) -> dict[str, int]:
    """Return the target value of a policy by its field."""
    metric = tracking.get("PredefinedMetricSpecification", {}).get("PredefinedMetricType")
    if metric is None:
        return {}
    if metric not in _TARGETS:
        reason = "scaling has the metrics CPU, memory and requests of a target"
        remedy = "write cpuPercent, memoryPercent or requestsPerTarget"
        notes.append(Note(place, (*SERVICE, "scaling"), reason, remedy, metric))
        return {}
    name, value = _TARGETS[metric], tracking["TargetValue"]
    if value != round(value):
        reason, remedy = "a target value is a whole number here", "check the rounded value"
        notes.append(Note(place, (*SERVICE, "scaling", name), reason, remedy, value))
    return {name: max(1, round(value))}


def _start(own: Object, notes: list[Note]) -> dict[str, int]:
    seconds = own.get("healthCheckGracePeriodSeconds")
    if seconds is None:
        return {}
    if seconds < _ROLLOUT * 60:
        return {"startSeconds": seconds}
    minutes = min(seconds // 60 + _ROLLOUT, _LONGEST_ROLLOUT)
    reason = f"a rollout with this start needs more than {_ROLLOUT} minutes"
    remedy = f"check rolloutMinutes: {minutes}"
    notes.append(
        Note("service.healthCheckGracePeriodSeconds", (*SERVICE, "startSeconds"), reason, remedy)
    )
    return {"startSeconds": seconds, "rolloutMinutes": minutes}
