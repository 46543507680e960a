"""The rollout of a task definition in one ECS service, shared by several kinds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from devops_core.kinds import scaling
from devops_core.kinds.sources import ECS_DELAY
from devops_core.model.decisions import Act, After, Decision, Done, Fail, Wait
from devops_core.model.inventory import NOT_STARTED
from devops_core.model.observed import Deployment, Observed, RunningService
from devops_core.model.operation import Operation, Progress, Status
from devops_core.model.steps import ApplyScaling, Deregister, Register, Step, UpdateService


class Advance(NamedTuple):
    """The updated progress of a service, its next step, and the condition it waits for."""

    part: Progress
    step: Step | None = None
    waiting_for: str | None = None


def decide(operation: Operation, observed: Observed, now: datetime) -> Decision:
    """Each environment has its own outcome; the operation succeeds only if all succeed."""
    advances = [advance(part, operation, observed, now) for part in operation.progress]
    operation = replace(operation, progress=tuple(each.part for each in advances))
    decision = next_decision(operation, advances)
    if decision:
        return decision
    failed = [part for part in operation.progress if part.status is Status.FAILED]
    remarks = [
        part for part in operation.progress if part not in failed and (part.reason or part.remark)
    ]
    warnings = (*operation.warnings, *map(_labelled_reason, remarks))
    operation = replace(operation, warnings=tuple(dict.fromkeys(warnings)))
    if not failed:
        return Done(operation)
    aborted = (f"aborted by {operation.aborted_by}",) if operation.aborted_by else ()
    reasons = (*aborted, *map(_labelled_reason, failed))
    return Fail(replace(operation, reasons=reasons))


def _labelled_reason(part: Progress) -> str:
    release = f"{part.environment} {part.version}" if part.version else part.environment
    return f"{release}: {part.reason or part.remark}"


def advance(part: Progress, operation: Operation, observed: Observed, now: datetime) -> Advance:
    """Return the updated progress of one service and its next step.

    A service that fails, is aborted or exceeds the time limit ends FAILED with its previous task
    definition; usually ECS's circuit breaker has restored it already. If the previous one is
    INACTIVE, the service keeps its target.
    """
    limit = _limit(operation, now)
    if part.status is not Status.IN_PROGRESS:
        return Advance(part, deregistration(part))
    part = replace(part, target=part.target or observed.registered.get(part.service))
    if part.target is None:
        if limit:
            return _failed_rollout(part, f"the task definition was not registered {limit}")
        return Advance(part, Register(part.service))
    service = observed.services.get(part.service)
    missing = service is None and (part.sent or part.service in observed.services)
    if missing or (service and not service.active):
        return _failed_rollout(part, "the ECS service does not exist any more")
    if service is None or not (part.sent or _received(part, service)):
        return _update(part, limit, now)
    return _follow(replace(part, sent=True), operation, service, observed, now)


def next_decision(operation: Operation, advances: Sequence[Advance]) -> Act | Wait | None:
    """Return the next decision for all services of an operation, None if all have ended."""
    steps = tuple(each.step for each in advances if each.step)
    if steps and not all(map(_only_updates, advances)):
        # The record must name each scalable target before it is registered.
        scales = any(not part.scaled for part in operation.progress)
        return Act(operation, steps, After.SAVE if scales else After.CONTINUE)
    waiting = [each.waiting_for for each in advances if each.waiting_for]
    if not waiting:
        return None
    operation = replace(operation, waiting_for="; ".join(waiting))
    return Act(operation, steps, After.RELEASE) if steps else Wait(operation)


def _only_updates(advance: Advance) -> bool:
    """Return whether a service needs no step but the update to its target."""
    step, target = advance.step, advance.part.target
    return step is None or (
        isinstance(step, UpdateService) and step.task_definition in (None, target)
    )


def deregistration(part: Progress) -> Deregister | None:
    """Return the step that deregisters the unused task definition of an ended rollout, if any.

    A failed service without a previous task definition still runs its target.
    """
    if part.deregistered or (part.status is Status.FAILED and part.previous is None):
        return None
    if part.status is Status.SUCCEEDED or part.unrestored:
        unused = part.obsolete if part.obsolete != part.target else None
    else:
        unused = part.target if part.target != part.previous else None
    return Deregister(part.service, unused) if unused else None


def _update(part: Progress, limit: str | None, now: datetime) -> Advance:
    """Send the update to ECS, unless an earlier call may still take effect."""
    waiting_for = f"{part.environment}: ECS to show the update"
    if part.update_in_flight(now):
        return Advance(part, waiting_for=waiting_for)
    if limit:
        return _failed_rollout(part, f"the update was not sent to ECS {limit}")
    target = None if part.only_counts else part.target
    step = UpdateService(part.service, target, part.count_to_send, part.start_seconds)
    return Advance(replace(part, asked_at=now), step, waiting_for)


def _limit(operation: Operation, now: datetime) -> str | None:
    """Return the limit that a rollout has exceeded, None before it."""
    if operation.aborted_by:
        return "before the abort"
    return "within the time limit" if operation.overdue(now) else None


def _received(part: Progress, service: RunningService) -> bool:
    """Return whether ECS accepted the update, even if the worker crashed before recording it."""
    if part.target and service.failed(part.target):
        return True
    primary = service.primary
    # A service can keep its task definition, and change only these values.
    expected_count = part.count_to_send in (None, service.desired)
    expected_start = part.start_seconds in (None, service.start_seconds)
    expected = expected_count and expected_start
    return primary is not None and primary.task_definition == part.target and expected


def _follow(
    part: Progress,
    operation: Operation,
    service: RunningService,
    observed: Observed,
    now: datetime,
) -> Advance:
    """Follow a rollout that ECS has accepted."""
    primary, limit = service.primary, _limit(operation, now)
    if primary is None:
        if limit:
            return _failed_rollout(part, f"ECS started no deployment {limit}")
        return Advance(part, waiting_for=f"{part.environment}: a deployment")
    if part.only_counts and part.scales:
        # The tasks need not be complete: under load, or without health, the change is urgent.
        advance = _scaled(part, service, overdue=operation.overdue(now))
        if advance or part.scaling:
            return advance or _ended(replace(part, status=Status.SUCCEEDED))
    if primary.task_definition == part.target:
        if service.completed(part.target):
            advance = _scaled(part, service, overdue=operation.overdue(now))
            digests = observed.digests.get(part.service)
            return advance or _completed(part, service, digests, limit)
        active = observed.previous_active.get(part.service)
        return _follow_rollout(part, service, primary, active, limit)
    if _outdated(part, service, primary, now):
        return Advance(part, waiting_for=f"{part.environment}: ECS to show the update")
    return _follow_rollback(part, service, primary, overdue=operation.overdue(now))


def _scaled(part: Progress, service: RunningService, *, overdue: bool) -> Advance | None:
    """Return the next step of the scaling of a complete rollout, None if there is none left.

    An abort does not prevent it, because the release runs already.
    """
    completed = part.target is not None and service.completed(part.target)
    part = replace(part, completed=completed and service.desired > 0)
    if not part.scaled and overdue:
        reason = "the release runs, but its scaling was not changed within the time limit"
        return _failed_rollout(replace(part, unrestored=True), reason)
    step = scaling.next_step(part, service)
    applies = isinstance(step, ApplyScaling)
    return Advance(replace(part, scalable=part.scalable or applies), step) if step else None


def _completed(
    part: Progress, service: RunningService, digests: tuple[str, ...] | None, limit: str | None
) -> Advance:
    """End a complete rollout; `digests` are those of its tasks, None if they were not observed.

    They matter only for an image without a digest; a create needs none. ListTasks can omit a new
    task for a short time ("eventual consistency model", ECS API, RunTask), so no digest means that
    the tasks are not listed yet. After the limit the rollout ends without digests.
    """
    if not service.desired:
        return _ended(replace(part, status=Status.SUCCEEDED, reason=NOT_STARTED))
    if part.image and part.digest is None and not part.keeps_image:
        if not digests and not limit:
            return Advance(part, waiting_for=f"{part.environment}: the digest of the new tasks")
        part = _with_reported_digest(part, digests or ())
    return _ended(replace(part, status=Status.SUCCEEDED))


def _with_reported_digest(part: Progress, digests: tuple[str, ...]) -> Progress:
    """Return the progress with the one digest of all tasks, or with the reason for none."""
    if len(digests) == 1 and digests[0]:
        return replace(part, digest=digests[0], digest_reported=True)
    cause = "ECS did not report the digest of the image for all new tasks"
    if len(digests) > 1 and all(digests):
        cause = f"the new tasks run images with different digests: {', '.join(digests)}"
    return replace(
        part,
        remark=f"{cause}. A promote refuses this version: deploy it again, with the digest in"
        " repouri",
    )


def _follow_rollout(
    part: Progress,
    service: RunningService,
    primary: Deployment,
    active: bool | None,
    limit: str | None,
) -> Advance:
    if primary.state == "FAILED" or limit:
        part, reason = _explained(part, service, limit)
        if part.previous is None or part.previous == part.target:
            return _failed_rollout(part, reason)
        return _roll_back(part, reason, active)
    counts = f"{primary.running} of {service.desired} new tasks running, {service.pending} pending"
    return Advance(part, waiting_for=f"{part.environment}: rollout {primary.state}, {counts}")


def _roll_back(part: Progress, reason: str, active: bool | None) -> Advance:
    """Return to the previous task definition if it is ACTIVE; `active` None is not observed.

    ECS refuses an INACTIVE one (ECS API, DeregisterTaskDefinition).
    """
    if active is None:
        return Advance(part, waiting_for=f"{part.environment}: the previous task definition")
    if active:
        return Advance(part, UpdateService(part.service, part.previous))
    return _failed_rollout(
        replace(part, unrestored=True, deregistered=part.obsolete == part.previous),
        f"{reason}. No rollback: the previous task definition is INACTIVE, because another tool"
        f" deregistered it. The service keeps {part.version or 'the new one'} until its next"
        " rollout",
    )


def _outdated(part: Progress, service: RunningService, primary: Deployment, now: datetime) -> bool:
    """Return whether the response shows the service before the update.

    For a short time ECS can return a state from before a call that it accepted ("eventual
    consistency model", ECS API, RunTask). A rollback is a deployment that ECS changed later.
    """
    changed, asked = primary.updated_at, part.asked_at
    if part.reason or service.failed(part.target or "") or changed is None or asked is None:
        return False
    return changed < asked and now < asked + ECS_DELAY


def _follow_rollback(
    part: Progress, service: RunningService, primary: Deployment, *, overdue: bool
) -> Advance:
    part, reason = _explained(part, service)
    if primary.state == "IN_PROGRESS" and not overdue:
        return Advance(
            part, waiting_for=f"{part.environment}: ECS rolling back to the previous version"
        )
    return _failed_rollout(part, reason)


def _explained(
    part: Progress, service: RunningService, limit: str | None = None
) -> tuple[Progress, str]:
    """Return a failed rollout with its reason and the log of a container, and the reason."""
    if part.reason:
        return part, part.reason
    reason = _failure_reason(part, service, limit)
    return replace(part, reason=reason, log=service.log), reason


def _failure_reason(part: Progress, service: RunningService, limit: str | None = None) -> str:
    """Return the reason of a failed rollout; the stop reasons of its tasks come first."""
    failed = service.failed(part.target or "")
    primary = service.primary
    reasons = [failed.reason] if failed and failed.reason else []
    if limit and not failed:
        reasons.append(f"the rollout did not complete {limit}")
    if not reasons and primary and primary.reason and primary.task_definition != part.target:
        reasons.append(primary.reason)
    if not reasons:
        known = primary is None or primary.task_definition in (part.target, part.previous)
        reasons.append(
            "ECS rolled back to the previous version"
            if known
            else "a rollout outside of this service replaced the task definition"
        )
    return ". ".join([*service.stopped, *reasons])


def _failed_rollout(part: Progress, reason: str) -> Advance:
    return _ended(replace(part, status=Status.FAILED, reason=reason))


def _ended(part: Progress) -> Advance:
    return Advance(part, deregistration(part))
