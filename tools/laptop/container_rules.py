"""The rules of ECS for the containers of a task definition on Fargate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MOST_CONTAINERS = 10  # containers in a task definition (Amazon ECS service quotas)


def faults(definition: Mapping[str, Any]) -> Iterator[str]:
    """Yield a message for each rule that a RegisterTaskDefinition request breaks.

    The rules are those of the ECS API (ContainerDefinition, ContainerDependency and
    FirelensConfiguration) and of its quotas; the wording is ours.
    """
    containers = definition.get("containerDefinitions") or []
    named = {each.get("name"): each for each in containers}
    if len(containers) > MOST_CONTAINERS:
        yield f"A task definition has at most {MOST_CONTAINERS} containers."
    if len(named) < len(containers):
        yield "The names of the containers of a task definition must be unique."
    for each in containers:
        yield from _dependency_faults(each, named)
    drivers = {(each.get("logConfiguration") or {}).get("logDriver") for each in containers}
    if "awsfirelens" in drivers and not any(
        each.get("firelensConfiguration") for each in containers
    ):
        yield "The log driver awsfirelens needs a container with a firelensConfiguration."
    for size in ("cpu", "memory"):
        limit, used = number(definition.get(size)), sum(number(c.get(size)) for c in containers)
        if limit and used > limit:
            yield f"The {size} of the containers, {used}, is above that of the task, {limit}."


def _dependency_faults(container: Mapping[str, Any], named: Mapping[Any, Any]) -> Iterator[str]:
    for dependency in container.get("dependsOn") or ():
        name, condition = dependency["containerName"], dependency["condition"]
        awaited = named.get(name)
        if awaited is None:
            yield f"{container.get('name')} depends on {name}, which is not in the task definition."
        elif condition in ("COMPLETE", "SUCCESS") and awaited.get("essential", True):
            yield f"{condition} is not possible for {name}, because it is essential."
        elif condition == "HEALTHY" and not awaited.get("healthCheck"):
            yield f"HEALTHY is not possible for {name}, because it has no health check."


def number(value: Any) -> int:
    """Return CPU units or MiB; 0 for a missing value and for one with a unit."""
    return int(value) if str(value).isdigit() else 0
