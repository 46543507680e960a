"""The checks of a swap: its alarms at the start, its results, and the reasons for a rollback.

All functions are pure. While a swap runs, a check takes place at most once a minute
(`SwapDetails.check_due`), however often the operation is observed.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from devops_core.details.swap import MAX_VERDICTS, SwapDetails
from devops_core.errors import NotReadyError, UnreachableError
from devops_core.kinds.swap_readiness import replaced, size
from devops_core.model.listeners import LISTENER_DELAY, Listener
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation
from devops_core.model.swap_policy import ALL, Judge, SwapPolicy
from devops_core.model.traffic import BAD, MINUTE, UNREADABLE, Monitored, Requests, Verdict

# Checks in a row without a result, after which the swap rolls back.
MAX_UNREADABLE = 5
# Checks in a row with too few healthy targets, after which the swap rolls back. One check can fall
# into the moment in which ECS replaces a task.
_MAX_UNHEALTHY = 2
# Characters of a reason in a verdict, so that a record stays small with long names of alarms.
_MAX_REASON = 500


def ignored_alarms(
    policy: SwapPolicy, monitored: Monitored | None, *, ignores: bool
) -> tuple[str, ...]:
    """Return the alarms that do not count for a swap because of their state at its start.

    NotReadyError if there are such alarms, and UnreachableError if they could not be read, unless
    the request ignores them.
    """
    if monitored is None:
        return ()
    if monitored.problem and not ignores:
        raise UnreachableError(
            f"the alarms could not be read: {monitored.problem}. With alarms: [] the swap starts"
            " without them"
        )
    states = {name: monitored.alarms.get(name) for name in policy.alarms}
    failing = tuple(name for name, state in states.items() if state in ("ALARM", None))
    if failing and not ignores:
        raise NotReadyError(
            "alarms prevent the swap, unless ignoreAlarms is true",
            tuple(alarm_text(name, monitored) for name in failing),
        )
    return failing


def alarm_text(name: str, monitored: Monitored) -> str:
    """Return the fact about an alarm that prevents a swap."""
    if monitored.problem:
        return f"the alarm {name}, whose state could not be read: {monitored.problem}"
    state = "is in the state ALARM" if name in monitored.alarms else "does not exist"
    return f"the alarm {name} {state}"


def recorded(operation: Operation, observed: Observed, now: datetime) -> Operation:
    """Return the operation with the result of a check that was just made."""
    details: SwapDetails = operation.details
    if not details.check_due(now):
        return operation
    if observed.services:
        details = _with_health(details, observed)
    if details.policy.checks and observed.monitored is None:
        return operation
    monitored = observed.monitored or Monitored(now)
    if observed.problem:
        monitored = monitored._replace(problem=observed.problem)
    details = _with_monitored(details, monitored)
    return replace(operation, details=details._replace(checked_at=now))


def _with_health(details: SwapDetails, observed: Observed) -> SwapDetails:
    """Count the checks in a row with fewer than half of the healthy targets that the release had.

    Tasks that the swap or a scale-out has added do not count before they are healthy: a scaling can
    more than double the tasks at once, "the service scales out proportionally to the metric as fast
    as it can" (Amazon ECS Developer Guide, "Use a target metric to scale Amazon ECS services"). If
    the number is not on record, it is that of the tasks.
    """
    if details.weight == 0:
        return details
    new = size(observed, details.live)
    tasks = new.desired or 0
    before = min(details.healthy, tasks) if details.healthy else tasks
    unhealthy = details.unhealthy + 1 if 2 * new.healthy < before else 0
    healthy = max(before, new.healthy) if details.healthy else 0
    return details._replace(healthy=healthy, unhealthy=unhealthy)


def _with_monitored(details: SwapDetails, monitored: Monitored) -> SwapDetails:
    # An alarm counts also if the requests could not be read.
    states = {**details.alarms, **monitored.alarms}
    counting = {name: state for name, state in states.items() if name not in details.ignored}
    details = details._replace(alarms=counting)
    problem = monitored.problem or _missing_alarms(details, monitored)
    if problem:
        details = details._replace(unreadable=details.unreadable + 1)
        return _with_verdict(details, Verdict(monitored.time, UNREADABLE, reason=problem))
    details = details._replace(unreadable=0)
    policy, shifted_at = details.policy.judge, details.shifted_at
    if not monitored.traffic or policy is None or shifted_at is None:
        return details
    return _judged(details, monitored, policy, shifted_at)


def _judged(
    details: SwapDetails, monitored: Monitored, policy: Judge, shifted_at: datetime
) -> SwapDetails:
    """Add the verdict about the new release, and count its requests."""
    # Only a swap with a judge needs this module.
    from devops_core.kinds import judge

    now = monitored.time
    new, live = monitored.traffic[details.live], monitored.traffic[details.idle]
    if details.wants_baseline and details.switched_at:
        details = details._replace(baseline=judge.baseline(live, details.switched_at))
    final, recent, until = judge.new_minutes(new, details.counted_until or shifted_at, now)
    details = details._replace(
        received=details.received + final.requests,
        counted_minutes=details.counted_minutes + final.minutes,
        counted_until=until,
        recent=recent.requests,
        recent_minutes=recent.minutes,
    )
    # Requests of the test listener before the first customers do not count.
    since_shift = [each for each in new if each.start + MINUTE > shifted_at]
    baseline = details.baseline
    if details.wants_baseline:
        if details.switched_at and now - details.switched_at < judge.LONGEST_SPAN:
            # The minutes before the shift are not complete yet.
            return details
        baseline = Requests()
    return _with_verdict(details, judge.judge(policy, now, since_shift, live, baseline))


def _with_verdict(details: SwapDetails, verdict: Verdict) -> SwapDetails:
    if verdict.reason:
        verdict = verdict._replace(reason=verdict.reason[:_MAX_REASON])
    return details._replace(verdicts=(*details.verdicts, verdict)[-MAX_VERDICTS:])


def _missing_alarms(details: SwapDetails, monitored: Monitored) -> str:
    """Return the problem of alarms that were deleted during the swap."""
    expected = [name for name in details.policy.alarms if name not in details.ignored]
    missing = [name for name in expected if name not in monitored.alarms]
    return f"alarms that do not exist: {', '.join(missing)}" if missing else ""


def alarming(details: SwapDetails, monitored: Monitored | None = None) -> list[str]:
    """Return the alarms in the state ALARM that count for the swap, by its last or a new check."""
    states = monitored.alarms if monitored else details.alarms
    return [
        name for name, state in states.items() if state == "ALARM" and name not in details.ignored
    ]


def rollback_reasons(operation: Operation, observed: Observed, now: datetime) -> tuple[str, ...]:
    """Return the reasons to return all customers to the previous release, none to continue."""
    details: SwapDetails = operation.details
    reasons = [f"aborted by {operation.aborted_by}"] if operation.aborted_by else []
    reasons += [f"the alarm {name} is in the state ALARM" for name in alarming(details)]
    if details.approval_expired(now):
        reasons.append(not_approved(details))
    if details.unreadable >= MAX_UNREADABLE:
        problem = details.verdicts[-1].reason
        reasons.append(f"{details.unreadable} checks in a row had no result: {problem}")
    if details.weight:
        reasons += _of_release(details, observed) if details.policy.progressive else []
    reasons += _of_listener(operation, observed, now)
    return tuple(reasons)


def not_approved(details: SwapDetails) -> str:
    """Return the reason of a swap whose approval has expired."""
    minutes = details.policy.approval.timeout_minutes if details.policy.approval else 0
    return f"not approved within {minutes} minute{'s' if minutes != 1 else ''}"


def _of_release(details: SwapDetails, observed: Observed) -> list[str]:
    """Return the reasons of a release that receives customers."""
    last = details.verdicts[-1:]
    reasons = [*replaced(observed, details.live, details.task_definition)]
    reasons += [each.reason for each in last if each.verdict == BAD and each.reason]
    if observed.services:
        new = size(observed, details.live)
        if new.healthy < 1:
            reasons.append("the new release has no healthy target")
        elif details.unhealthy >= _MAX_UNHEALTHY:
            reasons.append(
                f"the new release has {new.healthy} healthy targets for {new.desired} tasks"
            )
    return reasons


def settled(details: SwapDetails, now: datetime) -> bool:
    """Return whether ELB shows the last change of the production listener.

    A lost worker can have changed it until the end of its lease.
    """
    changes = (details.changed_at, details.lost_at)
    return all(now - change >= LISTENER_DELAY for change in changes if change)


def _of_listener(operation: Operation, observed: Observed, now: datetime) -> list[str]:
    """Return the reasons of a production listener that was changed outside of the service."""
    details: SwapDetails = operation.details
    reasons = []
    if _has_foreign_weights(operation, observed, now) and settled(details, now):
        share = observed.share_of(details.live)
        found = "other weights" if share in (None, details.weight) else f"weight {share}"
        reasons.append(
            f"the production listener was changed outside of the service: {found} instead of"
            f" {details.weight} for {details.live}"
        )
    rules = observed.listeners.get(Listener.PRODUCTION)
    if 0 < details.weight < ALL and rules and rules.sticky:
        reasons.append(
            "the production listener has group stickiness, which keeps clients on one release"
        )
    return reasons


def _has_foreign_weights(operation: Operation, observed: Observed, now: datetime) -> bool:
    """Return whether the production listener has other weights than those of the swap.

    Before the first shift they can be those of this shift, which then changes nothing. A listener
    that cannot forward delays it (`Observed.listener_problems`). Soon after the request, ELB can
    still show the state before an earlier swap.
    """
    details: SwapDetails = operation.details
    share = observed.share_of(details.live)
    if details.weight:
        return share != details.weight
    rules = observed.listeners.get(Listener.PRODUCTION)
    recent = now - operation.requested_at < LISTENER_DELAY
    if recent or rules is None or not rules.forwards or share == details.next_weight:
        return False
    return observed.share_of(details.idle) != ALL
