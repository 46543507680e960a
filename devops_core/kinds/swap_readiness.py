"""The conditions under which a slot can receive customers; pure."""

from __future__ import annotations

from typing import NamedTuple

from devops_core.model.observed import Observed, RunningService


class Size(NamedTuple):
    """The number of running tasks and healthy targets; `desired` is None without a service.

    Both numbers are at most `desired`. ECS starts additional tasks when it distributes them again
    over the availability zones, and stops others later ("Balancing an Amazon ECS service across
    Availability Zones", Amazon ECS Developer Guide). With them each swap would raise the count.
    """

    running: int
    healthy: int
    desired: int | None


def size(observed: Observed, slot: str) -> Size:
    """Return the size of a slot."""
    service = observed.services.get(slot)
    healthy = observed.healthy.get(slot, 0)
    if service is None or not service.active:
        return Size(service.running if service else 0, healthy, None)
    desired = service.desired
    return Size(min(service.running, desired), min(healthy, desired), desired)


def refusals(observed: Observed, slot: str) -> tuple[str, ...]:
    """Return the reasons against the start of a swap.

    They are those of `unready`, but a slot with no tasks is accepted, because the swap scales it.
    """
    service = observed.services.get(slot)
    if service and service.active and service.desired == 0 and _rollout(service) == "COMPLETED":
        return ()
    return unready(observed, slot)


def unready(observed: Observed, slot: str) -> tuple[str, ...]:
    """Return the conditions that a slot lacks to receive customers, none if it is ready."""
    service = observed.services.get(slot)
    if service is None or not service.active:
        return ("the idle slot has no ECS service",)
    rollout = _rollout(service)
    missing = []
    if rollout != "COMPLETED":
        missing.append(
            f"the rollout of the idle slot is {rollout}:"
            f" {service.running} of {service.desired} tasks running"
        )
    if service.running < 1:
        missing.append("the idle slot runs no task")
    if observed.healthy.get(slot, 0) < 1:
        missing.append("the idle slot has no healthy target")
    return tuple(missing)


def replaced(observed: Observed, slot: str, recorded: str | None) -> tuple[str, ...]:
    """Return the problem of a slot that runs another task definition than the recorded one.

    Another tool can deploy one at any time, and a promote that was ended by force leaves one.
    """
    service = observed.services.get(slot)
    primary = service.primary if service and service.active else None
    if recorded is None or primary is None or primary.task_definition == recorded:
        return ()
    return (
        f"the slot {slot} runs another task definition than its inventory row names: promote the"
        " release again, or wait for the next drift check",
    )


def _rollout(service: RunningService) -> str:
    """Return the rollout state of the primary deployment."""
    states = (deployment.state for deployment in service.deployments if deployment.primary)
    return next(states, "missing")


def smaller(next_live: Size, live_now: Size) -> tuple[str, ...]:
    """Return the differences in size, because customers must not meet fewer tasks after the swap.

    A task runs before its target is healthy, so tasks and healthy targets are both compared.
    """
    missing = []
    if next_live.running < live_now.running:
        missing.append(_counts("running tasks", next_live.running, live_now.running))
    if next_live.healthy < live_now.healthy:
        missing.append(_counts("healthy targets", next_live.healthy, live_now.healthy))
    return tuple(missing)


def _counts(counted: str, idle: int, live: int) -> str:
    return f"{counted}: {idle} in the idle slot, {live} in the live slot"
