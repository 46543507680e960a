"""An existing ECS service as AWS describes it, and the notes of its translation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

Object = Mapping[str, Any]
# The path of a field of the document: names of members, and positions of list items.
Path = tuple[str | int, ...]
SERVICE: Path = ("service",)
_OF_TASK_SET = (
    "taskDefinition", "loadBalancers", "serviceRegistries", "launchType", "platformVersion",
    "capacityProviderStrategy", "networkConfiguration",
)  # fmt: skip


class Described(NamedTuple):
    """The descriptions of a service, with the names of the AWS APIs.

    `definition` is the task definition. `service` is empty if only that was given. `unread` has the
    reason why a part could not be read, by the name of the part. `origin` names the service in the
    file.
    """

    definition: Object
    service: Object = MappingProxyType({})
    tags: Sequence[Object] = ()
    target_groups: Sequence[Object] = ()
    load_balancers: Sequence[Object] = ()
    scalable_targets: Sequence[Object] = ()
    scaling_policies: Sequence[Object] = ()
    unread: Mapping[str, str] = MappingProxyType({})
    origin: str = "a task definition"


class Note(NamedTuple):
    """A part of a service that needs a decision of a person.

    `place` is the part with the names of AWS, `at` the field of the document to which it belongs.
    Only the file has the `value`, because it can contain ARNs.
    """

    place: str
    at: Path
    reason: str
    remedy: str
    value: Any = None


def with_task_set(service: Object) -> dict[str, Any]:
    """Return a service with the members that only its primary task set has.

    A service with the deployment controller CODE_DEPLOY or EXTERNAL has them there (ECS API,
    TaskSet).
    """
    sets = [each for each in service.get("taskSets", ()) if each.get("status") == "PRIMARY"]
    primary = sets[0] if sets else {}
    missing = {name: primary[name] for name in _OF_TASK_SET if primary.get(name)}
    return {**service, **{name: each for name, each in missing.items() if not service.get(name)}}


def scaling_resource(service: Object) -> str:
    """Return the ResourceId of a service (Application Auto Scaling API, ScalableTarget).

    Without a known cluster or service it is only the end of the ResourceId, or an empty text.
    """
    cluster = service.get("clusterArn") or service.get("cluster", "")
    name = service.get("serviceName", "")
    head = f"service/{cluster.rpartition('/')[2]}" if cluster else ""
    return f"{head}/{name}" if name else ""


class Translation(NamedTuple):
    """A document, and its notes in the order of the task definition."""

    document: dict[str, Any]
    notes: Sequence[Note]


class Region(NamedTuple):
    """The partition, region and account of a service; texts are empty if they are not known."""

    partition: str = ""
    region: str = ""
    account: str = ""

    @classmethod
    def of(cls, *arns: str) -> Region:
        """Return the region of the first ARN that has one, else only the account of an ARN."""
        found = [cls(parts[1], parts[3], parts[4]) for arn in arns if (parts := _parts(arn))]
        return next((each for each in found if each.region), (found or [cls()])[0])


def _parts(arn: str) -> list[str]:
    parts = arn.split(":", 5)
    return parts if len(parts) == 6 and parts[4] else []
