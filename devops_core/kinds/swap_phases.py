"""The phases of a swap; pure.

PREPARING gives the idle slot the live slot's size and warms it up. AWAITING_APPROVAL waits for a
caller. SHIFTED gives the new release a share of the customers' requests, in the steps of the
policy; FULL gives it all of them, BAKING watches it. In each phase, a reason for a rollback
(`swap_checks`) leads to RETURNING: all customers return to the previous release by one change of
the production listener. RETURNING has no time limit.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from devops_core.details.swap import CHECK_INTERVAL, SwapDetails
from devops_core.kinds import swap_checks
from devops_core.kinds.swap_readiness import Size, replaced, size, smaller, unready
from devops_core.model.decisions import Act, Decision, Done, Fail, Wait
from devops_core.model.listeners import Listener
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation, Status, shortened
from devops_core.model.scaling import SCALE_IN_EVALUATION
from devops_core.model.steps import AllowScaleIn, ScaleService, SetMinimum, Step, Switch, WarmUp
from devops_core.model.swap_policy import ALL

# Time limit of the preparation, and of a shift that waits for tasks.
LIMIT = timedelta(minutes=15)
# After a change of a listener, ELB still sends requests to the previous target group for a while,
# and requests in flight complete. So this slot keeps its tasks for this time.
_IN_FLIGHT = timedelta(seconds=120)


def decide(operation: Operation, observed: Observed, now: datetime) -> Decision:
    """Return the next step of a swap: prepare, shift, wait, complete or return."""
    operation = _with_lost_worker(operation, now)
    operation = _with_observed_shift(operation, observed, now)
    operation = swap_checks.recorded(operation, observed, now)
    details: SwapDetails = operation.details
    if not details.returning:
        reasons = swap_checks.rollback_reasons(operation, observed, now)
        reasons = reasons or _late(operation, observed, now)
        if reasons:
            operation = _begin_return(operation, observed, reasons, now)
    details = operation.details
    if details.returning:
        return _return(operation, observed, now)
    operation = _with_deadline(operation)
    if observed.problem:
        return _rest(operation, now, details.next_at, f"a check: {observed.problem}")
    if details.weight and observed.share_of(details.live) != details.weight:
        # A younger change than `LISTENER_DELAY` need not be visible yet.
        return Wait(replace(operation, waiting_for="ELB to show the change of the listener"))
    if details.weight < ALL:
        return _shift(operation, observed, now)
    return _complete(operation, observed, now)


def _with_lost_worker(operation: Operation, now: datetime) -> Operation:
    """Return the operation with the end of a lease that its worker did not release.

    This worker crashed, or a call had no response. During a return it could only return customers.
    """
    until = operation.lease_until
    if until is None or now < until or operation.details.returning:
        return operation
    return replace(operation.with_details(lost_at=until), lease_until=None)


def _with_observed_shift(operation: Operation, observed: Observed, now: datetime) -> Operation:
    """Return the operation with a shift by a lost worker.

    Without such a worker, ELB shows a change by others, or the state before an earlier swap. A
    lease is longer than `LISTENER_DELAY`, so after its end ELB shows no earlier swap.
    """
    details: SwapDetails = operation.details
    share = observed.share_of(details.live)
    unchanged = share is None or share <= details.weight or details.lost_at is None
    if unchanged or details.returning or details.needs_approval:
        return operation
    # A caller can have ended the waits since the shift.
    if share not in (details.policy.next_weight(details.weight), details.next_weight):
        return operation
    return replace(operation, details=details.with_shift(share, now))


def _late(operation: Operation, observed: Observed, now: datetime) -> tuple[str, ...]:
    """Return the reasons of a shift that is not possible within its time limit."""
    details: SwapDetails = operation.details
    unknown = details.phase == "AWAITING_APPROVAL" or observed.problem
    if details.weight == ALL or unknown:
        return ()
    until = _shift_until(operation)
    if now < until:
        return ()
    missing = _missing(operation, observed)
    if details.weight and not missing:
        # Only the run is late: the release can receive more customers now.
        return ()
    # The last text remains, however many conditions there are.
    missing = shortened(missing, most=8)
    if not details.weight:
        return (*missing, "production was not switched within the time limit")
    share = f"{details.next_weight} percent of the requests"
    return (*missing, f"the new release did not receive {share} within the time limit")


def _shift_until(operation: Operation) -> datetime:
    """Return the time limit of the next shift."""
    details: SwapDetails = operation.details
    begins = (operation.requested_at, details.next_at, details.approved_at)
    return max(begin for begin in begins if begin) + LIMIT


def _with_deadline(operation: Operation) -> Operation:
    """Return the operation with a deadline after its waits: each step can be late."""
    details: SwapDetails = operation.details
    if not details.policy.progressive:
        return operation
    until = _shift_until(operation) + details.later_waits
    until = max(until, details.approval_expires_at or operation.deadline)
    return replace(operation, deadline=max(operation.deadline, until))


def _missing(operation: Operation, observed: Observed) -> tuple[str, ...]:
    """Return the conditions that the new release lacks to receive more customers."""
    details: SwapDetails = operation.details
    next_live, live_now = size(observed, details.live), size(observed, details.idle)
    return (
        *observed.listener_problems,
        *unready(observed, details.live),
        *replaced(observed, details.live, details.task_definition),
        *smaller(next_live, live_now),
    )


def _shift(operation: Operation, observed: Observed, now: datetime) -> Decision:
    """Give the new release more requests when it is time and it is ready.

    Before that it gets the size of the live slot. If it has scaling, its minimum becomes this size
    first, and stays so for a while after the switch.
    """
    details: SwapDetails = operation.details
    due = details.next_at
    if renewal := _renewed_minimum(details, now):
        return Act(operation, renewal)
    if due and now < due:
        return _rest(operation, now, due)
    missing = _missing(operation, observed)
    if steps := _preparations(details, observed):
        return Act(operation, steps)
    if missing:
        return Wait(replace(operation, waiting_for="; ".join(shortened(missing))))
    # The results of the warm-up do not matter: it never delays or prevents a switch.
    to_warm_up = details.warmup and not details.warmed and not details.weight
    if to_warm_up and observed.test == details.live:
        return Act(operation, tuple(map(WarmUp, details.warmup)))
    if details.needs_approval:
        if details.awaiting_at is None:
            operation = _with_deadline(operation.with_details(awaiting_at=now))
        text = "an approval by a caller with the right to swap"
        return _rest(operation, now, operation.details.approval_expires_at, text)
    if details.unreadable:
        return _rest(operation, now, None, f"a check: {details.verdicts[-1].reason}")
    healthy = size(observed, details.live).healthy
    return Act(operation.with_details(healthy=healthy), _switches(details))


def _rest(
    operation: Operation, now: datetime, until: datetime | None, waiting_for: str | None = None
) -> Wait:
    """Return a wait in which status reads do not observe AWS, at most until the next check."""
    # An event between two checks does not delay the next one.
    check_at = (operation.details.checked_at or now) + CHECK_INTERVAL
    rests_until = check_at if until is None else min(check_at, until)
    return Wait(replace(operation, waiting_for=waiting_for), rests_until)


def _preparations(details: SwapDetails, observed: Observed) -> tuple[Step, ...]:
    """Return the steps that give the new release at least the tasks of the live one.

    While both slots receive customers, the live one keeps its tasks for the return.
    """
    next_live, live_now = size(observed, details.live), size(observed, details.idle)
    # At least one task, even if the live slot has none.
    target = max(1, live_now.running)
    # Also the present size: its alarms can ask for scale-in as soon as this is allowed.
    steps: list[Step] = _raised_minimum(details, details.live, target, next_live)
    keeps = details.idle_scaling and details.idle not in details.scale_in
    if keeps and not _at_once(details):
        steps.append(AllowScaleIn(details.idle, allowed=False))
    if not steps and next_live.desired is not None and next_live.desired < target:
        steps.append(ScaleService(details.live, target))
    return tuple(steps)


def _raised_minimum(details: SwapDetails, slot: str, target: int, present: Size) -> list[Step]:
    """Return the step that keeps at least `target` and the present tasks in a slot.

    Without it, Application Auto Scaling could take tasks from the slot right after the switch.
    """
    scaling = details.scaling if slot == details.live else details.idle_scaling
    if details.scaling_skipped or not scaling:
        return []
    target = max(target, present.desired or target)
    if target > details.minimums.get(slot, scaling["min"]):
        return [SetMinimum(slot, scaling, target)]
    return []


def _renewed_minimum(details: SwapDetails, now: datetime) -> tuple[Step, ...]:
    """Return the step that delays the end of the raised minimum, so that it outlasts the switch."""
    set_at, scaling = details.minimum_set_at, details.scaling
    if not scaling or details.scaling_skipped or not set_at or now - set_at < SCALE_IN_EVALUATION:
        return ()
    return (SetMinimum(details.live, scaling, details.minimums[details.live]),)


def _at_once(details: SwapDetails) -> bool:
    """Return whether both listeners switch together: the swap ends with its first shift."""
    return details.policy.weights == (ALL,) and not details.policy.bake_minutes


def _switches(details: SwapDetails) -> tuple[Switch, ...]:
    switch = Switch(Listener.PRODUCTION, details.live, details.next_weight)
    if not _at_once(details):
        return (switch,)
    return (switch, Switch(Listener.TEST, details.idle))


def _complete(operation: Operation, observed: Observed, now: datetime) -> Decision:
    """Wait for the end of the bake, switch the test listener if necessary, then end.

    A test listener that was changed by hand and cannot forward does not delay the end.
    """
    details: SwapDetails = operation.details
    due = details.next_at
    if details.policy.bake_minutes and due and now < due:
        return _rest(operation, now, due)
    if details.unreadable:
        return _rest(operation, now, None, f"a check: {details.verdicts[-1].reason}")
    # A return must know whether a worker can have changed the scaling.
    operation = operation.with_details(completing=True)
    details = operation.details
    idle, test = details.idle, observed.listeners.get(Listener.TEST)
    if observed.test != idle and test and test.forwards:
        return Act(operation, (Switch(Listener.TEST, idle),))
    # The idle slot keeps its tasks for the return, although it receives no requests.
    wanted = {details.live: True} if details.scaling else {}
    wanted |= {details.idle: False} if details.idle_scaling else {}
    if steps := _scale_in(details, wanted):
        return Act(operation, steps)
    done = tuple(replace(part, status=Status.SUCCEEDED) for part in operation.progress)
    return Done(_with_warnings(replace(operation, progress=done), observed))


def _with_warnings(operation: Operation, observed: Observed) -> Operation:
    """Return the operation with the present problems of the listeners that are not its reasons.

    Group stickiness, for example, keeps clients on the other release after the end.
    """
    known = (*operation.reasons, *operation.warnings)
    problems = [each for each in observed.listener_problems if each not in known]
    return replace(operation, warnings=(*operation.warnings, *shortened(problems)))


def _scale_in(details: SwapDetails, wanted: dict[str, bool]) -> tuple[Step, ...]:
    """Return the steps that allow or suspend the scale-in of slots."""
    return tuple(
        AllowScaleIn(slot, allowed=allowed)
        for slot, allowed in wanted.items()
        if details.scale_in.get(slot) is not allowed
    )


def _begin_return(
    operation: Operation, observed: Observed, reasons: tuple[str, ...], now: datetime
) -> Operation:
    """Return the operation in the phase RETURNING; reads show the reasons until the end.

    Its deadline is soon, so that the alarm for overdue operations reports a blocked return.
    """
    details: SwapDetails = operation.details
    if not details.weight and observed.services:
        reasons = (*reasons, *_missing(operation, observed))
    reasons = shortened(reasons)
    deadline = min(operation.deadline, now + LIMIT)
    operation = replace(operation, deadline=deadline, reasons=reasons)
    return operation.with_details(returning=reasons, warmup=())


def _return(operation: Operation, observed: Observed, now: datetime) -> Decision:
    """Return all customers to the previous release, and the test listener to the new one."""
    details: SwapDetails = operation.details
    switches = []
    share = observed.share_of(details.live)
    production = observed.listeners.get(Listener.PRODUCTION)
    # Uneven weights of a person: a listener that cannot forward gives the new release nothing.
    uneven = share is None and production is not None and production.forwards
    unsettled = share == 0 and not swap_checks.settled(details, now)
    if share or unsettled or uneven or (share is None and details.weight):
        if production is None or not production.forwards:
            problems = "; ".join(shortened(observed.listener_problems))
            return Wait(replace(operation, waiting_for=problems))
        switches.append(Switch(Listener.PRODUCTION, details.idle))
    # A lost worker can have changed it too.
    if observed.test == details.idle or (switches and details.lost_at and observed.test):
        switches.append(Switch(Listener.TEST, details.live))
    if switches:
        return Act(operation, (*switches, *_restart(details, observed)))
    # Customers can have moved with a lost worker, and returned with another one.
    if (details.shifted_at or details.lost_at) and not details.returned_at:
        details = details.with_shift(0, now)
        operation = replace(operation, details=details)
    if details.returned_at and (restart := _restart(details, observed)):
        return Act(operation, restart)
    keeps_until = details.returned_at + _IN_FLIGHT if details.returned_at else now
    scale_in = _scale_in_before(details)
    if (scale_in or _is_raised(details)) and now < keeps_until:
        return _rest(operation, now, keeps_until, "the end of the requests to the new release")
    unknown = not observed.services and now < operation.deadline
    if scale_in and details.returned_at and unknown:
        return Wait(replace(operation, waiting_for="ECS to respond"))
    if steps := _returned_scaling(details, observed):
        return Act(operation, steps)
    not_switched = (
        "the customers returned" if details.returned_at else "production was not switched"
    )
    progress = operation.failed_everywhere(not_switched)
    ended = replace(operation, progress=progress, reasons=details.returning)
    return Fail(_with_warnings(ended, observed))


def _restart(details: SwapDetails, observed: Observed) -> tuple[Step, ...]:
    """Return the step that starts the tasks of the previous release, if a person has stopped it.

    It gets the wanted number of the new release, whose tasks can have crashed.
    """
    stopped = size(observed, details.idle).desired == 0
    tasks = size(observed, details.live).desired or 1
    return (ScaleService(details.idle, tasks),) if stopped else ()


def _is_raised(details: SwapDetails) -> bool:
    """Return whether the minimum of the new release is still that for all customers."""
    scaling, slot = details.scaling, details.live
    return bool(scaling and details.minimums.get(slot, scaling["min"]) > scaling["min"])


def _returned_scaling(details: SwapDetails, observed: Observed) -> tuple[Step, ...]:
    """Return the steps that restore the scaling of both slots.

    The previous release had few requests, so its alarms can ask for scale-in just when all
    customers return: it keeps its tasks for a while.
    """
    if details.scaling and _is_raised(details):
        return (SetMinimum(details.live, details.scaling, details.scaling["min"]),)
    wanted = _scale_in_before(details)
    if details.idle in wanted and details.returned_at:
        present = size(observed, details.idle)
        if steps := _raised_minimum(details, details.idle, present.running, present):
            return tuple(steps)
    return _scale_in(details, wanted)


def _scale_in_before(details: SwapDetails) -> dict[str, bool]:
    """Return whether scale-in was allowed, for the slots in which the swap can have changed it.

    A worker can have changed it and crashed before it recorded this.
    """
    suspends = bool(details.returned_at) or not _at_once(details)
    wanted = {details.idle: True} if details.idle_scaling and suspends else {}
    completes = details.completing or (details.returned_at and _at_once(details))
    allows = details.scaling and completes
    return wanted | ({details.live: False} if allows else {})
