"""One ECS service on its way to a task definition; what deploy, promote and create share."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from devops_core.decide.decision import Register, Retire, Step, UpdateService
from devops_core.model import Observed, Progress, RunningService, Status


class Advance(NamedTuple):
    """A service's progress brought up to date, the step it needs now, and what it waits for."""

    part: Progress
    step: Step | None = None
    waiting_for: str | None = None


def advance(part: Progress, observed: Observed, *, overdue: bool) -> Advance:
    """Bring the progress of one service up to date and say what it needs next.

    A service that fails or runs out of time ends FAILED with the task definition it had before;
    ECS's circuit breaker has usually taken it back already.
    """
    if part.status is not Status.IN_PROGRESS:
        return Advance(part, retirement(part))
    part = replace(part, wanted=part.wanted or observed.registered.get(part.service))
    if part.wanted is None:
        if overdue:
            return _failed(part, "was not registered within the time limit")
        return Advance(part, Register(part.service))
    service = observed.services.get(part.service)
    if not part.sent and (service is None or not _received(part, service)):
        if observed.looked and service is None:
            return _failed(part, "its ECS service is gone")
        return Advance(part, UpdateService(part.service, part.wanted, part.desired_count))
    part = replace(part, sent=True)
    if service is None or not service.active:
        return _failed(part, "its ECS service is gone")
    return _follow(part, service, overdue=overdue)


def retirement(part: Progress) -> Retire | None:
    """Return the step that deregisters what an ended rollout has left over, if anything."""
    if part.retired:
        return None
    if part.status is Status.SUCCEEDED:
        left_over = part.obsolete if part.obsolete != part.wanted else None
    else:
        left_over = part.wanted if part.wanted != part.previous else None
    return Retire(part.service, left_over) if left_over else None


def _received(part: Progress, service: RunningService) -> bool:
    """Whether ECS has got the update, though nobody lived to write that down."""
    if part.wanted and service.failed(part.wanted):
        return True
    primary = service.primary
    right_count = part.desired_count in (None, service.desired)
    return primary is not None and primary.task_definition == part.wanted and right_count


def _follow(part: Progress, service: RunningService, *, overdue: bool) -> Advance:
    primary = service.primary
    if primary is None:
        return Advance(part, waiting_for=f"{part.environment}: a deployment")
    if primary.task_definition != part.wanted:
        return _follow_back(part, service, overdue=overdue)
    if primary.state == "COMPLETED" and service.running >= service.desired:
        return _ended(replace(part, status=Status.SUCCEEDED, reason=None))
    if primary.state == "FAILED" or overdue:
        reason = part.reason or _reason(part, service, overdue=overdue)
        if part.previous is None or part.previous == part.wanted:
            return _failed(part, reason)
        part = replace(part, reason=reason)
        return Advance(part, UpdateService(part.service, part.previous))
    counts = f"{service.running} of {service.desired} tasks running, {service.pending} pending"
    return Advance(part, waiting_for=f"{part.environment}: rollout {primary.state}, {counts}")


def _follow_back(part: Progress, service: RunningService, *, overdue: bool) -> Advance:
    part = replace(part, reason=part.reason or _reason(part, service, overdue=False))
    if service.primary and service.primary.state == "IN_PROGRESS" and not overdue:
        return Advance(
            part, waiting_for=f"{part.environment}: ECS going back to the version before"
        )
    return _failed(part, part.reason or "")


def _reason(part: Progress, service: RunningService, *, overdue: bool) -> str:
    """Return ECS's own words for why the rollout did not come to be."""
    failed = service.failed(part.wanted or "")
    primary = service.primary
    words = [failed.reason] if failed and failed.reason else []
    if overdue and not failed:
        words.append("the rollout did not complete within the time limit")
    if not words and primary and primary.reason and primary.task_definition != part.wanted:
        words.append(primary.reason)
    if not words:
        words.append("ECS went back to the version before")
    return " ".join([*words, *(f"Stopped task: {reason}" for reason in service.stopped)])


def _failed(part: Progress, reason: str) -> Advance:
    return _ended(replace(part, status=Status.FAILED, reason=reason))


def _ended(part: Progress) -> Advance:
    return Advance(part, retirement(part))
