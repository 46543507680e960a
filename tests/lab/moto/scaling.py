"""Application Auto Scaling beside moto, whose targets accept calls that AWS refuses.

moto accepts policies and schedules without a target, keeps them after the deregistration, and does
not move the task count of a service into the limits. Here the calls behave as the Application Auto
Scaling API Reference describes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.awsrequest import AWSResponse

from tests.lab.moto import responses
from tests.lab.moto.backends import backend
from tests.lab.moto.transport import Call
from tests.lab.snapshot import Target

SERVICE = "application-autoscaling"
_MEMBERS = {
    "ECSServiceAverageCPUUtilization": "cpuPercent",
    "ECSServiceAverageMemoryUtilization": "memoryPercent",
    "ALBRequestCountPerTarget": "requestsPerTarget",
}


@dataclass(slots=True)
class Registered:
    """A registered target, with its policies and scheduled actions by name."""

    minimum: int
    maximum: int
    suspended: Mapping[str, bool] = field(default_factory=dict)
    policies: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    actions: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def scales_in(self) -> bool:
        """Whether policies can scale in."""
        return not self.suspended.get("DynamicScalingInSuspended", False)

    @property
    def values(self) -> dict[str, int]:
        """The values to keep, by member of a scaling."""
        specifications = (
            (each["PredefinedMetricSpecification"]["PredefinedMetricType"], each["TargetValue"])
            for each in self.policies.values()
        )
        return {_MEMBERS[metric]: int(value) for metric, value in specifications}


Targets = dict[str, Registered]


def target_snapshots(targets: Targets) -> Iterator[tuple[tuple[str, str], Target]]:
    """Yield the targets by cluster and service."""
    for resource, each in targets.items():
        _, cluster, service = resource.split("/")
        yield (cluster, service), Target(each.minimum, each.maximum, each.scales_in, each.values)


def answer(targets: Targets, call: Call) -> AWSResponse:
    """Return the response to a call, and execute it on the targets by resource id."""
    params = call.params
    if call.operation == "DescribeScalableTargets":
        found = [
            _described(each, targets[each]) for each in params["ResourceIds"] if each in targets
        ]
        return responses.json_result({"ScalableTargets": found})
    resource = params["ResourceId"]
    if call.operation == "RegisterScalableTarget":
        return _register(targets, resource, params)
    target = targets.get(resource)
    if target is None:
        return _refusal("ObjectNotFoundException", f"No scalable target found for {resource}")
    if call.operation == "DeregisterScalableTarget":
        del targets[resource]
        return responses.json_result({})
    return _change(target, call)


def _change(target: Registered, call: Call) -> AWSResponse:
    """Change the policies or the scheduled actions of a target."""
    params = call.params
    match call.operation:
        case "PutScalingPolicy":
            target.policies[params["PolicyName"]] = params[
                "TargetTrackingScalingPolicyConfiguration"
            ]
            return responses.json_result(
                {"PolicyARN": f"arn:aws:autoscaling:{params['ResourceId']}"}
            )
        case "PutScheduledAction":
            target.actions[params["ScheduledActionName"]] = params["ScalableTargetAction"]
        case "DeleteScalingPolicy":
            if target.policies.pop(params["PolicyName"], None) is None:
                return _refusal("ObjectNotFoundException", "No scaling policy found")
        case "DeleteScheduledAction":
            if target.actions.pop(params["ScheduledActionName"], None) is None:
                return _refusal("ObjectNotFoundException", "No scheduled action found")
        case other:
            raise AssertionError(f"the stand does not know {other}")
    return responses.json_result({})


def _register(targets: Targets, resource: str, params: Mapping[str, Any]) -> AWSResponse:
    _, cluster, name = resource.split("/")
    service = backend("ecs").services.get(f"{cluster}:{name}")
    if service is None:
        return _refusal("ValidationException", f"ECS service doesn't exist: {resource}")
    known = targets.get(resource)
    minimum = params.get("MinCapacity", known.minimum if known else None)
    maximum = params.get("MaxCapacity", known.maximum if known else None)
    if minimum is None or maximum is None:
        return _refusal("ValidationException", "MinCapacity and MaxCapacity must be specified")
    if minimum > maximum:
        return _refusal("ValidationException", "MinCapacity must not exceed MaxCapacity")
    target = targets.setdefault(resource, Registered(minimum, maximum))
    target.minimum, target.maximum = minimum, maximum
    target.suspended = params.get("SuspendedState", target.suspended)
    service.desired_count = min(max(service.desired_count, minimum), maximum)
    return responses.json_result({})


def _described(resource: str, target: Registered) -> dict[str, Any]:
    return {
        "ServiceNamespace": "ecs",
        "ResourceId": resource,
        "ScalableDimension": "ecs:service:DesiredCount",
        "MinCapacity": target.minimum,
        "MaxCapacity": target.maximum,
        "RoleARN": "arn:aws:iam::123456789012:role/aws-service-role/scaling",
        "CreationTime": 0,
        "SuspendedState": dict(target.suspended),
    }


def _refusal(code: str, message: str) -> AWSResponse:
    return responses.failure(SERVICE, 400, code, message)
