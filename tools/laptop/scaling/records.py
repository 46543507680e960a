"""The scalable targets of an account, with their policies, scheduled actions and activities."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from tools.laptop.scaling.tracking import Count, Limits

NAMESPACE, DIMENSION = "ecs", "ecs:service:DesiredCount"
Members = dict[str, Any]  # with the names of the API; times are seconds since 1970


class ScalingError(Exception):
    """An error of the API: its code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Services(Protocol):
    """The services of ECS."""

    def count(self, cluster: str, service: str) -> Count | None:
        """Return the tasks of a service; None if it does not exist or is not ACTIVE."""

    def scale(self, cluster: str, service: str, desired: int) -> None:
        """Set the desired count of a service."""

    def has_target_group(self, cluster: str, service: str, label: str) -> bool:
        """Return whether the load balancer and the target group of a label are of the service."""


@dataclass(frozen=True)
class Account:
    """The scaling of an account in a region at the time `now`.

    `state` has `targets`, by resource id, and `activities`, the newest first.
    """

    state: dict[str, Any]
    services: Services
    now: float
    region: str
    number: str

    @property
    def targets(self) -> dict[str, Members]:
        """The records of the scalable targets: `target`, `tags`, `policies` and `actions`."""
        targets: dict[str, Members] = self.state.setdefault("targets", {})
        return targets

    @property
    def activities(self) -> list[Members]:
        """The activities of all targets; they remain when a target is deregistered."""
        activities: list[Members] = self.state.setdefault("activities", [])
        return activities

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource in this account and region."""
        return f"arn:aws:{service}:{self.region}:{self.number}:{resource}"

    def record(self, resource: str) -> Members:
        """Return the record of a registered target."""
        try:
            return self.targets[resource]
        except KeyError:
            raise not_found("scalable target", resource) from None

    def count(self, resource: str) -> Count | None:
        """Return the tasks of a service; None if it is not active."""
        return self.services.count(*service_of(resource))


def not_found(kind: str, resource: str, name: str = "") -> ScalingError:
    """Return the error for a record that does not exist."""
    of = f", name: {name}" if name else ""
    return ScalingError(
        "ObjectNotFoundException",
        f"No {kind} found for service namespace: {NAMESPACE}, resource ID: {resource}, "
        f"scalable dimension: {DIMENSION}{of}",
    )


def invalid(message: str) -> ScalingError:
    """Return the error for a request that is not valid."""
    return ScalingError("ValidationException", message)


def key(resource: str) -> Members:
    """Return the members that identify a scalable target."""
    return {
        "ServiceNamespace": NAMESPACE,
        "ResourceId": resource,
        "ScalableDimension": DIMENSION,
    }


def service_of(resource: str) -> tuple[str, str]:
    """Return the cluster and the service of a resource id such as `service/Shop/dev`."""
    _, cluster, service = resource.split("/")
    return cluster, service


def limits(record: Members) -> Limits:
    """Return the range of a target and its suspended activities."""
    target, suspended = record["target"], record["target"]["SuspendedState"]
    return Limits(
        target["MinCapacity"],
        target["MaxCapacity"],
        out_suspended=suspended["DynamicScalingOutSuspended"],
        in_suspended=suspended["DynamicScalingInSuspended"],
    )


def move_into_range(account: Account, resource: str, cause: str) -> None:
    """Change a desired count that is outside of the range of its target."""
    count, bounds = account.count(resource), limits(account.record(resource))
    if count is None:
        return
    if count.desired < bounds.minimum:
        change = f"minimum capacity was set to {bounds.minimum}"
        scale(account, resource, bounds.minimum, cause or change)
    elif count.desired > bounds.maximum:
        change = f"maximum capacity was set to {bounds.maximum}"
        scale(account, resource, bounds.maximum, cause or change)


def scale(account: Account, resource: str, desired: int, cause: str) -> None:
    """Set the desired count of a service, and add the activity."""
    activity = key(resource) | {
        "ActivityId": str(uuid.uuid4()),
        "Description": f"Setting desired count to {desired}.",
        "Cause": cause,
        "StartTime": account.now,
        "StatusCode": "InProgress",
        "StatusMessage": f"Successfully set desired count to {desired}. Waiting for change to be "
        "fulfilled by ecs.",
    }
    account.activities.insert(0, activity)
    account.services.scale(*service_of(resource), desired)


def fulfil_activities(account: Account) -> None:
    """End the activities whose services run the desired count, or have another one by now."""
    for activity in account.activities:
        if activity["StatusCode"] != "InProgress":
            continue
        count = account.count(activity["ResourceId"])
        wanted = activity["Description"].rpartition(" ")[2].rstrip(".")
        message = f"Successfully set desired count to {wanted}."
        if count is None or str(count.desired) != wanted:
            activity |= {"StatusCode": "Overridden", "StatusMessage": message}
        elif count.running == count.desired:
            message += " Change successfully fulfilled by ecs."
            activity |= {"StatusCode": "Successful", "StatusMessage": message}
        if activity["StatusCode"] != "InProgress":
            activity["EndTime"] = account.now


def page(listed: list[Members], parameters: Members, most: int, name: str) -> Members:
    """Return a page of a list; `most` is the largest and default number of entries."""
    size, token = parameters.get("MaxResults", most), parameters.get("NextToken", "0")
    if not 1 <= size <= most:
        raise invalid(f"MaxResults must be between 1 and {most}")
    if not token.isdigit() or int(token) > len(listed):
        raise ScalingError("InvalidNextTokenException", "The NextToken is not valid")
    start = int(token)
    more = {"NextToken": str(start + size)} if start + size < len(listed) else {}
    return {name: listed[start : start + size], **more}


def of_request(parameters: Members) -> Callable[[Members], bool]:
    """Return a filter for the resource id and the dimension of a Describe call."""
    resource = parameters.get("ResourceId")
    if "ScalableDimension" in parameters and not resource:
        raise invalid("A scalable dimension requires a resource ID")
    return lambda each: not resource or each["ResourceId"] == resource
