"""Bugs that the bounded form of the state machine must find."""

# ruff: noqa: ARG001 - a faulty function has the parameters of the original function

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction

from devops_core.details.swap import SwapDetails
from devops_core.drift.comparison import RowsByEnvironment
from devops_core.engine import reconcile
from devops_core.engine.run import Outcome, RequestContext, Run
from devops_core.kinds.kind import Kind
from devops_core.kinds.specification_change import Change
from devops_core.model import swap_policy
from devops_core.model.claims import IdempotencyRecord
from devops_core.model.decisions import Decision, Plan, State
from devops_core.model.inventory import Inventory, Service
from devops_core.model.observed import Observed, Stack
from devops_core.model.operation import LEASE, Operation, Progress
from devops_core.model.traffic import Minute, Monitored, Requests
from devops_core.naming import Environment
from devops_core.ports import Cloud
from devops_core.requests.update import UpdateRequest
from tests.lab.planted import bugs_among, planted_in


@planted_in(
    "devops_core.engine.accept:_repeated",
    why="a key that was used with another request returns the operation of that request",
)
def request_with_a_known_key_counts_as_a_repetition(
    original: Callable[..., Outcome],
    cloud: Cloud,
    record: IdempotencyRecord,
    context: RequestContext,
    inventory: Inventory,
) -> Outcome:
    return original(cloud, record, context._replace(fingerprint=record.fingerprint), inventory)


@planted_in(
    "devops_core.engine.accept:_claim",
    why="a retry of a pipeline deploys twice",
)
def idempotency_key_is_not_recorded(
    original: Callable[..., Outcome],
    cloud: Cloud,
    plan: Plan,
    operation: Operation,
    context: RequestContext,
    inventory: Inventory,
) -> Outcome:
    return original(cloud, plan, operation, context._replace(key=None), inventory)


@planted_in(
    "devops_core.engine.reconcile:_take_lease",
    why="a worker that crashes blocks an application for most of a day",
)
def lease_is_a_thousand_times_too_long(
    original: Callable[..., Run], cloud: Cloud, kind: Kind, run: Run
) -> Run:
    until = cloud.clock.now() + 1000 * LEASE
    leased = replace(run.state.operation, lease_until=until, revision=run.saved.revision)
    saved = reconcile._save(cloud, kind, run.saved, leased)
    return run._replace(saved=saved, state=run.state._replace(operation=saved))


@planted_in(
    "devops_core.kinds.stacks:created_service",
    why="the first swap cannot be reversed",
)
def first_live_slot_is_not_recorded(
    original: Callable[..., Service], state: State, part: Progress, stack: Stack
) -> Service:
    return replace(original(state, part, stack), was_live=False)


@planted_in(
    "devops_core.drift.comparison:_follow_listener",
    why="both rows of production name the same slot",
)
def rows_follow_the_listener_only_partly(
    original: Callable[..., tuple[RowsByEnvironment, list[str]]],
    rows: RowsByEnvironment,
    observed: Observed,
) -> tuple[RowsByEnvironment, list[str]]:
    corrected, reasons = original(rows, observed)
    blue = Environment.PROD_BLUE
    return ({**corrected, blue: rows[blue]} if reasons else corrected), reasons


@planted_in(
    "devops_core.kinds.specification_change:change",
    why="a caller overwrites a revision that this caller has not read",
)
def expected_revision_is_ignored(
    original: Callable[..., Change],
    request: UpdateRequest,
    inventory: Inventory,
    digests: Mapping[str, str] | None = None,
) -> Change:
    return original(request._replace(revision=None), inventory, digests)


@planted_in(
    "devops_core.kinds.releases:_released",
    why="the next rollout keeps variables that the specification no longer has",
)
def row_keeps_the_names_of_its_previous_settings(
    original: Callable[..., Service], state: State, service: Service, part: Progress, now: datetime
) -> Service:
    return replace(original(state, service, part, now), owned=service.owned)


_SWAPS = ("--machine", "swaps")


@planted_in(
    "devops_core.kinds.judge:_accepted_rate",
    why="a release with the errors of the live one rolls back",
    arguments=_SWAPS,
)
def judge_ignores_the_rate_of_the_live_release(
    original: Callable[..., Fraction],
    policy: swap_policy.Judge,
    start: datetime,
    live: Sequence[Minute],
    baseline: Requests | None,
) -> Fraction:
    return original(policy, start, (), None)


@planted_in(
    "devops_core.kinds.swap_checks:alarming",
    why="the end of the waits gives all customers a release against which there is an alarm",
    arguments=_SWAPS,
)
def finish_ignores_the_alarms(
    original: Callable[..., list[str]], details: SwapDetails, monitored: Monitored | None = None
) -> list[str]:
    return [] if details.finished_by else original(details, monitored)


@planted_in(
    "devops_core.kinds.swap_phases:_complete",
    why="nothing watches the release after all customers have it",
    arguments=_SWAPS,
)
def swap_ends_before_its_bake(
    original: Callable[..., Decision], operation: Operation, observed: Observed, now: datetime
) -> Decision:
    return original(operation, observed, now + timedelta(days=1))


BUGS = bugs_among(list(globals().values()))
