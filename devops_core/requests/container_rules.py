"""The rules between the containers of a task: names, ports, dependencies, log router and sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from devops_core.requests import schema

# The conditions that ask for the end of a container, which an essential one does not survive (ECS
# API, ContainerDependency).
_ENDS = ("COMPLETE", "SUCCESS")


def container_faults(merged: Mapping[str, Any], port: int | None) -> Iterator[schema.Fault]:
    """Yield the faults between the containers of an environment, without those of their sizes.

    `merged` are its effective settings, in which faulty values are None; `port` is the container
    port.
    """
    sidecars = known_sidecars(merged)
    names = set()
    for number, each in sidecars:
        name = each.get("name")
        if name and name in names:
            yield f"sidecars.{number}.name", "must differ from the names of the other sidecars"
        names.add(name)
    yield from _port_faults(sidecars, port)
    yield from _dependency_faults(merged, sidecars)
    yield from _log_faults(merged, sidecars)


def size_faults(merged: Mapping[str, Any], size: tuple[int, int]) -> Iterator[schema.Fault]:
    """Yield the faults of sidecars that leave nothing of the task for the application.

    `size` has the CPU units and the memory of the present tasks. ECS requires that all containers
    together need less than the task (ECS API, ContainerDefinition).
    """
    for member, present, unit in (("cpu", size[0], "CPU units"), ("memory", size[1], "MiB")):
        whole = merged.get(member, present)
        needed = sum(each.get(member) or 0 for _, each in known_sidecars(merged))
        # A faulty number is None.
        if whole is not None and needed >= max(whole, 1):
            message = (
                f"must need less {member} together than the task: less than {whole} {unit}, not"
                f" {needed}"
            )
            yield "sidecars", message


def known_sidecars(merged: Mapping[str, Any]) -> list[tuple[int, Mapping[str, Any]]]:
    """Return the sidecars that are objects, with their positions."""
    return [(n, each) for n, each in enumerate(merged.get("sidecars") or ()) if each]


def _port_faults(
    sidecars: Sequence[tuple[int, Mapping[str, Any]]], port: int | None
) -> Iterator[schema.Fault]:
    """Yield the faults of ports that two containers of a task would listen on.

    All containers of a Fargate task have one network interface (ECS Developer Guide, "Allocate a
    network interface for an Amazon ECS task").
    """
    taken: dict[int, str] = {} if port is None else {port: "the application's container"}
    for number, each in sidecars:
        for own in each.get("ports") or ():
            if own in taken:
                yield (
                    f"sidecars.{number}.ports",
                    f"must not contain {own}, the port of {taken[own]}",
                )
            taken.setdefault(own, f"{each.get('name')}")


def _dependency_faults(
    merged: Mapping[str, Any], sidecars: Sequence[tuple[int, Mapping[str, Any]]]
) -> Iterator[schema.Fault]:
    named = {each["name"]: each for _, each in sidecars if each.get("name")}
    for field, waiting in (
        ("dependsOn", merged),
        *((f"sidecars.{number}.dependsOn", each) for number, each in sidecars),
    ):
        for name, condition in (waiting.get("dependsOn") or {}).items():
            message = _dependency_fault(named.get(name), condition)
            if message:
                yield f"{field}.{name}", message
    for number, each in sidecars:
        own = each.get("name")
        if own and own in _reached(named, named[own]):
            yield f"sidecars.{number}.dependsOn", "must not wait for itself, also through others"


def _dependency_fault(sidecar: Mapping[str, Any] | None, condition: str | None) -> str | None:
    """Return the fault of a dependency, None without one; a faulty condition is None."""
    if sidecar is None:
        return "is not the name of a sidecar of this environment"
    if condition == "HEALTHY" and "healthCheck" not in sidecar:
        return "must have a healthCheck for HEALTHY"
    if condition in _ENDS and sidecar.get("essential"):
        return f"must not be essential for {condition}, because its end stops the task"
    return None


def _reached(named: Mapping[str, Mapping[str, Any]], start: Mapping[str, Any]) -> set[str]:
    """Return the names of the sidecars that one waits for, also through others."""
    found: set[str] = set()
    waiting = [*(start.get("dependsOn") or {})]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += named.get(name, {}).get("dependsOn") or {}
    return found


def _log_faults(
    merged: Mapping[str, Any], sidecars: Sequence[tuple[int, Mapping[str, Any]]]
) -> Iterator[schema.Fault]:
    """Yield the faults of log routers.

    ECS refuses a log router without a container whose logs it receives ("at least one container has
    to be configured with the awsfirelens log driver": message of RegisterTaskDefinition,
    aws/amazon-cloudwatch-logs-for-fluent-bit issue 20), and the driver without a router (ECS
    Developer Guide, "Example Amazon ECS task definition: Route logs to FireLens").
    """
    routers = [number for number, each in sidecars if "logRouter" in each]
    for number in routers[1:]:
        yield f"sidecars.{number}.logRouter", "must be the only log router of the task"
    logs = merged.get("logs", {})
    # Faulty values are None.
    if logs is None or merged.get("sidecars", ()) is None or None in merged.get("sidecars", ()):
        return
    routes = logs.get("driver", "awslogs")
    if routes == "awsfirelens" and not routers:
        yield "logs", "needs a sidecar with logRouter for awsfirelens"
    if routes == "awslogs" and routers:
        field = f"sidecars.{routers[0]}.logRouter"
        yield field, "needs logs.driver awsfirelens, because no container uses it otherwise"
