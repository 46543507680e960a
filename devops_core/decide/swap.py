"""Exchange live and idle production."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from devops_core.decide.decision import (
    Act,
    Decision,
    Done,
    Fail,
    Listener,
    Switch,
    UpdateService,
    Wait,
    WarmUp,
    aborted,
)
from devops_core.model import Observed, Operation, Status


def decide(operation: Operation, observed: Observed, now: datetime) -> Decision:
    """Raise blue to green's size, warm it up, switch production once; the test listener follows.

    After the switch it only goes forward, whatever the clock says: turning back halfway would
    move customers twice.
    """
    live, idle = _slots(operation)
    if observed.production == live:
        return _after_the_switch(
            replace(operation, switched_at=operation.switched_at or now), observed
        )
    missing = (*unready(observed, live), *_smaller(observed, live, idle))
    # After the switch neither clock nor abort count, unless somebody turned it back on a broken
    # blue.
    if missing or not operation.switched_at:
        if operation.aborted_by:
            return _failed(operation, (*aborted(operation), *missing))
        if operation.overdue(now):
            late = "production was not switched within the time limit"
            return _failed(operation, (*missing, late))
    # Not below one: also a live side of no tasks is worth a slot that answers.
    blue, target = observed.services.get(live), max(1, _running(observed, idle))
    if blue and blue.active and blue.desired < target:
        return Act(operation, (UpdateService(live, desired_count=target),))
    if missing:
        return Wait(replace(operation, waiting_for="; ".join(missing)))
    # Whatever the pages answer: customers do not wait for a warm-up, least of all on the way back.
    if observed.test == live and not operation.warmed and operation.warmup:
        return Act(operation, tuple(map(WarmUp, operation.warmup)))
    return Act(operation, (Switch(Listener.PRODUCTION, live),))


def refusals(observed: Observed, slot: str) -> tuple[str, ...]:
    """Return what speaks against starting a swap: like `unready`, but a slot may be scaled to 0.

    The swap raises it first.
    """
    service = observed.services.get(slot)
    primary = service.primary if service and service.active else None
    if service and service.desired == 0 and primary and primary.state == "COMPLETED":
        return ()
    return unready(observed, slot)


def unready(observed: Observed, slot: str) -> tuple[str, ...]:
    """Return what keeps the service of a slot from taking the customers; empty when it is ready."""
    service = observed.services.get(slot)
    if service is None or not service.active:
        return ("blue has no ECS service",)
    primary = service.primary
    missing = []
    if primary is None or primary.state != "COMPLETED":
        state = primary.state if primary else "missing"
        missing.append(
            f"blue's rollout is {state}: {service.running} of {service.desired} tasks running"
        )
    if service.running < 1:
        missing.append("blue runs no task")
    if observed.healthy.get(slot, 0) < 1:
        missing.append("blue has no healthy target")
    return tuple(missing)


def _smaller(observed: Observed, live: str, idle: str) -> tuple[str, ...]:
    """Return in what blue is smaller than green: customers must not meet fewer tasks than now.

    A task runs before the load balancer finds it healthy, so both are counted.
    """
    blue, green = _running(observed, live), _running(observed, idle)
    healthy, needed = observed.healthy.get(live, 0), observed.healthy.get(idle, 0)
    missing = [f"blue runs {blue} tasks, green {green}"] if blue < green else []
    if healthy < needed:
        missing.append(f"blue has {healthy} healthy targets, green {needed}")
    return tuple(missing)


def _after_the_switch(operation: Operation, observed: Observed) -> Decision:
    _, idle = _slots(operation)
    if observed.test != idle:
        return Act(operation, (Switch(Listener.TEST, idle),))
    done = tuple(replace(part, status=Status.SUCCEEDED) for part in operation.progress)
    return Done(replace(operation, progress=done))


def _slots(operation: Operation) -> tuple[str, str]:
    if operation.live is None or operation.idle is None:
        raise ValueError(f"swap {operation.id} names no slots")
    return operation.live, operation.idle


def _running(observed: Observed, slot: str) -> int:
    service = observed.services.get(slot)
    return service.running if service else 0


def _failed(operation: Operation, reasons: tuple[str, ...]) -> Fail:
    parts = tuple(
        replace(part, status=Status.FAILED, reason="production was not switched")
        for part in operation.progress
    )
    return Fail(replace(operation, progress=parts, reasons=reasons))
