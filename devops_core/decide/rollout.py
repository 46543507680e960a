"""One ECS service on its way to a task definition; what deploy, promote and create share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from devops_core.decide.decision import Act, Register, Retire, Step, UpdateService, Wait
from devops_core.model import Deployment, Observed, Operation, Progress, RunningService, Status

# How long an answer of ECS may lag behind an update; also what clocks may differ by.
_SETTLED_AFTER = timedelta(seconds=30)


class Advance(NamedTuple):
    """A service's progress brought up to date, the step it needs now, and what it waits for."""

    part: Progress
    step: Step | None = None
    waiting_for: str | None = None


def advance(part: Progress, operation: Operation, observed: Observed, now: datetime) -> Advance:
    """Bring the progress of one service of an operation up to date and say what it needs next.

    A service that fails, is aborted or runs out of time ends FAILED with the task definition it
    had before; ECS's circuit breaker has usually taken it back already.
    """
    limit = _limit(operation, now)
    if part.status is not Status.IN_PROGRESS:
        return Advance(part, retirement(part))
    part = replace(part, wanted=part.wanted or observed.registered.get(part.service))
    if part.wanted is None:
        if limit:
            return _failed(part, f"was not registered {limit}")
        return Advance(part, Register(part.service))
    service = observed.services.get(part.service)
    if (service is None and (observed.looked or part.sent)) or (service and not service.active):
        return _failed(part, "its ECS service is gone")
    if service is None or not (part.sent or _received(part, service)):
        return _send(part, limit, now)
    return _follow(replace(part, sent=True), operation, service, now)


def together(operation: Operation, advances: Sequence[Advance]) -> Act | Wait | None:
    """Return what an operation does next in all its services, None when all have ended."""
    steps = tuple(each.step for each in advances if each.step)
    if steps and not all(map(_sends, advances)):
        return Act(operation, steps)
    waiting = [each.waiting_for for each in advances if each.waiting_for]
    if not waiting:
        return None
    operation = replace(operation, waiting_for="; ".join(waiting))
    return Act(operation, steps, hands_over=True) if steps else Wait(operation)


def _sends(advance: Advance) -> bool:
    """Whether the only step is to give a service what it must come to run."""
    step, wanted = advance.step, advance.part.wanted
    return step is None or (isinstance(step, UpdateService) and step.task_definition == wanted)


def retirement(part: Progress) -> Retire | None:
    """Return the step that deregisters what an ended rollout has left over, if anything.

    Without a `previous` to go back to, a service that failed still runs what is `wanted`.
    """
    if part.retired or (part.status is Status.FAILED and part.previous is None):
        return None
    if part.status is Status.SUCCEEDED:
        left_over = part.obsolete if part.obsolete != part.wanted else None
    else:
        left_over = part.wanted if part.wanted != part.previous else None
    return Retire(part.service, left_over) if left_over else None


def _send(part: Progress, limit: str | None, now: datetime) -> Advance:
    """Ask ECS for what a service must come to run, unless somebody's call may still land."""
    waiting_for = f"{part.environment}: ECS to show the update"
    if part.under_way(now):
        return Advance(part, waiting_for=waiting_for)
    if limit:
        return _failed(part, f"was not given to ECS {limit}")
    step = UpdateService(part.service, part.wanted, part.desired_count)
    return Advance(replace(part, asked_at=now), step, waiting_for)


def _limit(operation: Operation, now: datetime) -> str | None:
    """Return by when a rollout should have been complete, when it is too late for it."""
    if operation.aborted_by:
        return "before the abort"
    return "within the time limit" if operation.overdue(now) else None


def _received(part: Progress, service: RunningService) -> bool:
    """Whether ECS has got the update, though nobody lived to write that down."""
    if part.wanted and service.failed(part.wanted):
        return True
    primary = service.primary
    right_count = part.desired_count in (None, service.desired)
    return primary is not None and primary.task_definition == part.wanted and right_count


def _follow(
    part: Progress, operation: Operation, service: RunningService, now: datetime
) -> Advance:
    """Follow what ECS makes of an update that it has accepted."""
    primary, limit = service.primary, _limit(operation, now)
    if primary is None:
        if limit:
            return _failed(part, f"has had no deployment {limit}")
        return Advance(part, waiting_for=f"{part.environment}: a deployment")
    if primary.task_definition == part.wanted:
        return _follow_on(part, service, primary, limit)
    if _stale(part, service, primary, now):
        return Advance(part, waiting_for=f"{part.environment}: ECS to show the update")
    return _follow_back(part, service, primary, overdue=operation.overdue(now))


def _follow_on(
    part: Progress, service: RunningService, primary: Deployment, limit: str | None
) -> Advance:
    if primary.state == "COMPLETED" and service.running >= service.desired:
        idle = None if service.desired else "no task was started: the service is scaled to 0"
        return _ended(replace(part, status=Status.SUCCEEDED, reason=idle))
    if primary.state == "FAILED" or limit:
        reason = part.reason or _reason(part, service, limit)
        if part.previous is None or part.previous == part.wanted:
            return _failed(part, reason)
        part = replace(part, reason=reason)
        return Advance(part, UpdateService(part.service, part.previous))
    counts = f"{primary.running} of {service.desired} new tasks running, {service.pending} pending"
    return Advance(part, waiting_for=f"{part.environment}: rollout {primary.state}, {counts}")


def _stale(part: Progress, service: RunningService, primary: Deployment, now: datetime) -> bool:
    """Whether this is the service as it was before it was updated.

    What ECS answers may be older than what it accepted ("eventual consistency model", ECS API,
    RunTask), but not for long. A rollback is a deployment that ECS has changed since.
    """
    changed, asked = primary.updated_at, part.asked_at
    if part.reason or service.failed(part.wanted or "") or changed is None or asked is None:
        return False
    return changed < asked and now < asked + _SETTLED_AFTER


def _follow_back(
    part: Progress, service: RunningService, primary: Deployment, *, overdue: bool
) -> Advance:
    reason = part.reason or _reason(part, service)
    part = replace(part, reason=reason)
    if primary.state == "IN_PROGRESS" and not overdue:
        return Advance(
            part, waiting_for=f"{part.environment}: ECS going back to the version before"
        )
    return _failed(part, reason)


def _reason(part: Progress, service: RunningService, limit: str | None = None) -> str:
    """Return ECS's own words for why the rollout did not come to be."""
    failed = service.failed(part.wanted or "")
    primary = service.primary
    words = [failed.reason] if failed and failed.reason else []
    if limit and not failed:
        words.append(f"the rollout did not complete {limit}")
    if not words and primary and primary.reason and primary.task_definition != part.wanted:
        words.append(primary.reason)
    if not words:
        known = primary is None or primary.task_definition in (part.wanted, part.previous)
        words.append(
            "ECS went back to the version before" if known else "something else replaced it"
        )
    # Why a task stopped tells more than that the circuit breaker counted it.
    return ". ".join([*service.stopped, *words])


def _failed(part: Progress, reason: str) -> Advance:
    return _ended(replace(part, status=Status.FAILED, reason=reason))


def _ended(part: Progress) -> Advance:
    return Advance(part, retirement(part))
