"""Bugs of swaps in steps that the matrix must find."""

# ruff: noqa: ARG001 - a faulty function has the parameters of the original function

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from devops_core.details.swap import SwapDetails
from devops_core.kinds import judge
from devops_core.kinds.kind import Kind
from devops_core.model.decisions import Act, Decision, State
from devops_core.model.listeners import Listener
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation
from devops_core.model.steps import AllowScaleIn, Step, Switch
from devops_core.model.swap_policy import ALL
from devops_core.model.traffic import Monitored
from devops_core.ports import Cloud
from tests.lab.planted import Bug, bugs_among, in_matrix, planted_in


def _bug(
    function: str, *, why: str, story: str, kind: str | None = None
) -> Callable[[Callable[..., object]], Bug]:
    return planted_in(function, why=why, arguments=in_matrix("memory", [story], kind))


@_bug(
    "devops_core.kinds.swap_phases:_return",
    why="a rollback gives the bad release to all customers",
    story="abort-swap-shifted",
)
def customers_return_to_the_new_release(
    original: Callable[..., Decision], operation: Operation, observed: Observed, now: datetime
) -> Decision:
    decision = original(operation, observed, now)
    if not isinstance(decision, Act):
        return decision
    new = operation.details.live
    steps = (
        each._replace(slot=new)
        if isinstance(each, Switch) and each.listener is Listener.PRODUCTION
        else each
        for each in decision.steps
    )
    return decision._replace(steps=tuple(steps))


@_bug(
    "devops_core.engine.steps:_switch",
    why="a repeated step gives the new release more requests than its share",
    story="swap-steps",
)
def weight_is_added_to_the_present_one(
    original: Callable[..., datetime], cloud: Cloud, _kind: Kind, state: State, step: Switch
) -> datetime:
    if step.listener is Listener.PRODUCTION:
        step = step._replace(weight=step.weight + state.operation.details.weight)
    return original(cloud, _kind, state, step)


@_bug(
    "devops_core.kinds.judge:window",
    why="a good release rolls back, because the newest metrics are incomplete",
    story="swap-judged",
)
def judge_uses_the_newest_minutes(
    original: Callable[..., tuple[datetime, datetime]], now: datetime
) -> tuple[datetime, datetime]:
    end = judge._whole(now)
    return end - judge.WINDOW, end


@_bug(
    "devops_core.kinds.swap_checks:recorded",
    why="the record of a long swap becomes too large, and the swap cannot end",
    story="swap-judged",
)
def record_grows_with_each_read(
    original: Callable[..., Operation], operation: Operation, observed: Observed, now: datetime
) -> Operation:
    operation = original(operation, observed, now)
    verdicts = operation.details.verdicts
    return operation.with_details(verdicts=(*verdicts, *verdicts[-1:]))


@_bug(
    "devops_core.kinds.swap_checks:alarming",
    why="a caller gives a bad release to all customers, although its alarm has begun",
    story="finish-alarm",
)
def finish_ignores_the_alarm(
    original: Callable[..., list[str]], details: SwapDetails, monitored: Monitored | None = None
) -> list[str]:
    return [] if details.finished_by else original(details, monitored)


@_bug(
    "devops_core.kinds.swap_phases:_preparations",
    why="the previous release has too few tasks for the return of all customers",
    story="swap-steps-scaled",
)
def live_slot_scales_in_while_production_is_split(
    original: Callable[..., tuple[Step, ...]], details: SwapDetails, observed: Observed
) -> tuple[Step, ...]:
    return tuple(each for each in original(details, observed) if not isinstance(each, AllowScaleIn))


@_bug(
    "devops_core.kinds.swap_phases:_missing",
    why="customers have fewer tasks than before",
    story="swap-steps-raised",
)
def customers_shift_to_a_release_that_is_not_ready(
    original: Callable[..., tuple[str, ...]], operation: Operation, observed: Observed
) -> tuple[str, ...]:
    return ()


@_bug(
    "devops_core.kinds.swap:_holds",
    why="production stays split, and no operation returns the customers",
    story="swap-steps",
    kind="ACCESS_DENIED",
)
def swap_gives_up_while_production_is_split(
    original: Callable[..., bool], operation: Operation
) -> bool:
    return False


@_bug(
    "devops_core.kinds.swap_phases:decide",
    why="all customers get a release without an approval",
    story="swap-unapproved",
)
def expired_approval_counts_as_given(
    original: Callable[..., Decision], operation: Operation, observed: Observed, now: datetime
) -> Decision:
    expires_at = operation.details.approval_expires_at
    if expires_at and now >= expires_at:
        operation = operation.with_details(approved_by=operation.caller, approved_at=now)
    return original(operation, observed, now)


@_bug(
    "devops_core.kinds.swap_phases:_complete",
    why="a release that becomes bad under the load of all customers is not noticed",
    story="swap-steps",
)
def swap_ends_before_its_bake(
    original: Callable[..., Decision], operation: Operation, observed: Observed, now: datetime
) -> Decision:
    details = operation.details
    bake = timedelta(minutes=details.policy.bake_minutes)
    return original(operation.with_details(changed_at=details.changed_at - bake), observed, now)


@_bug(
    "devops_core.kinds.swap_phases:decide",
    why="the service overwrites a change that a person made in an emergency",
    story="swap-foreign-weights",
)
def foreign_weight_is_overwritten(
    original: Callable[..., Decision], operation: Operation, observed: Observed, now: datetime
) -> Decision:
    details = operation.details
    if details.weight and not details.returning:
        shares = {details.live: details.weight, details.idle: ALL - details.weight}
        observed = replace(observed, shares=shares)
    return original(operation, observed, now)


@_bug(
    "devops_core.kinds.swap_phases:_with_lost_worker",
    why="customers stay on the new release, although the record says that none moved",
    story="abort-swap-unseen",
)
def lost_worker_is_forgotten(
    original: Callable[..., Operation], operation: Operation, now: datetime
) -> Operation:
    return operation


@_bug(
    "devops_core.kinds.swap_phases:_with_observed_shift",
    why="a swap back ends without a change, because ELB still shows the state before both swaps",
    story="finish-swap-back",
)
def old_description_counts_as_a_shift(
    original: Callable[..., Operation], operation: Operation, observed: Observed, now: datetime
) -> Operation:
    return original(operation.with_details(lost_at=operation.requested_at), observed, now)


BUGS = bugs_among(list(globals().values()))
