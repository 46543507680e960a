"""Bugs that show only if two actors work at the same time; the races must find them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from devops_core import kinds
from devops_core.drift.comparison import Finding
from devops_core.engine import abort, events, reconcile
from devops_core.engine.run import Outcome, RequestContext, Run
from devops_core.errors import (
    AlreadyEndedError,
    ChangedMeanwhileError,
    ConflictError,
    IdempotencyMismatchError,
    LostClaimError,
    RefusedError,
)
from devops_core.kinds.kind import Kind
from devops_core.model.claims import IdempotencyRecord
from devops_core.model.decisions import Done, Fail, Plan
from devops_core.model.inventory import Inventory
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation, Status
from devops_core.observe import Controller
from devops_core.ports import Cloud
from devops_core.reads.operations import recorded_operation
from devops_core.requests.swap import SwapRequest
from tests.lab.planted import Bug, bugs_among, planted_in


def _bug(function: str, *, why: str, race: str) -> Callable[[Callable[..., Any]], Bug]:
    """Return a decorator for a bug that one race must find."""
    return planted_in(function, why=why, arguments=["--stop", "--race", race])


# --- workers ---


@_bug(
    "devops_core.engine.reconcile:resume",
    why="two workers execute the same step at the same time",
    race="schedule-event-deploy@1",
)
def worker_acts_under_the_lease_of_another_one(
    original: Callable[..., Operation | None],
    cloud: Cloud,
    operation: Operation,
    *,
    urgent: bool = False,
) -> Operation | None:
    return original(cloud, replace(operation, lease_until=None), urgent=urgent)


@_bug(
    "devops_core.engine.reconcile:_take_lease",
    why="a worker acts by an observation from before the steps of another worker",
    race="schedule-event-deploy@1",
)
def worker_takes_the_lease_of_a_newer_record(
    original: Callable[..., Run], cloud: Cloud, kind: Kind, run: Run
) -> Run:
    operation = run.saved
    newest = cloud.tables.operation(operation.application, operation.id) or operation
    return original(cloud, kind, run._replace(saved=newest))


@_bug(
    "devops_core.engine.reconcile:finish",
    why="a caller gets an end that the operation does not have",
    race="abort-read-deploy@6",
)
def worker_returns_an_end_that_it_could_not_write(
    original: Callable[..., Operation], cloud: Cloud, kind: Kind, run: Run, decision: Done | Fail
) -> Operation:
    try:
        return original(cloud, kind, run, decision)
    except LostClaimError:
        status = Status.FAILED if isinstance(decision, Fail) else Status.SUCCEEDED
        return replace(decision.operation, status=status, ended_at=cloud.clock.now())


@_bug(
    "devops_core.engine.reconcile:proceed",
    why="a response is 500 because another worker was faster",
    race="deploy-abort",
)
def caller_gets_an_error_after_another_worker_was_faster(
    original: Callable[..., Outcome],
    cloud: Cloud,
    controller: Controller,
    outcome: Outcome,
    until: datetime | None,
) -> Outcome:
    if outcome.run is None:
        return original(cloud, controller, outcome, until)
    operation = reconcile._run(cloud, controller, outcome.run)
    return outcome._replace(operation=reconcile.wait_for_end(cloud, operation, until))


# --- requests ---


@_bug(
    "devops_core.engine.accept:_claim",
    why="an operation follows a plan from before another operation",
    race="swap-swap",
)
def outdated_plan_is_claimed_with_the_present_rows(
    original: Callable[..., Outcome],
    cloud: Cloud,
    plan: Plan,
    operation: Operation,
    context: RequestContext,
    inventory: Inventory,
) -> Outcome:
    rows = cloud.tables.inventory(operation.application)[0].rows
    taken = tuple(rows[row.environment] for row in plan.taken)
    return original(cloud, plan._replace(taken=taken), operation, context, inventory)


@_bug(
    "devops_core.engine.accept:_checked_plan",
    why="the caller who loses a race does not learn which operation was faster",
    race="promote-swap",
)
def request_is_refused_for_effects_of_another_operation(
    original: Callable[..., Plan],
    cloud: Cloud,
    controller: Controller,
    request: Any,
    context: RequestContext,
    inventory: Inventory,
) -> Plan:
    try:
        return original(cloud, controller, request, context, inventory)
    except ChangedMeanwhileError as changed:
        refusal = changed.__cause__
        if isinstance(refusal, ConflictError | RefusedError):
            raise refusal from None
        raise


@_bug(
    "devops_core.engine.accept:_claim",
    why="an operation applies a revision of the specification that is not the present one",
    race="update-promote",
)
def operation_applies_an_outdated_revision(
    original: Callable[..., Outcome],
    cloud: Cloud,
    plan: Plan,
    operation: Operation,
    context: RequestContext,
    inventory: Inventory,
) -> Outcome:
    present, record = cloud.tables.inventory(operation.application)[0].record, plan.record
    if record and record.seen and present:
        # The condition of the transaction names the present revision.
        record = record._replace(seen=record.seen._replace(current=present.current))
    return original(cloud, plan._replace(record=record), operation, context, inventory)


# The first observation of each swap request by its id. The request is kept, so that no other
# request gets its id.
_first: dict[int, tuple[SwapRequest, Observed]] = {}


@_bug(
    "devops_core.observe.swap:before",
    why="the swap returns to the slot that another swap has just left, or changes nothing",
    race="swap-swap",
)
def swap_does_not_observe_the_listener_again(
    original: Callable[..., Observed], cloud: Cloud, request: SwapRequest, inventory: Inventory
) -> Observed:
    if id(request) not in _first:
        _first[id(request)] = request, original(cloud, request, inventory)
    return _first[id(request)][1]


@_bug(
    "devops_core.engine.accept:_claim",
    why="a caller gets an operation that does something else",
    race="deploy-deploy-other-body",
)
def key_of_a_simultaneous_request_fits_every_body(
    original: Callable[..., Outcome],
    cloud: Cloud,
    plan: Plan,
    operation: Operation,
    context: RequestContext,
    inventory: Inventory,
) -> Outcome:
    try:
        return original(cloud, plan, operation, context, inventory)
    except IdempotencyMismatchError:
        _, record = cloud.tables.inventory(operation.application, context.key)
        if record is None:
            raise
        return Outcome(cloud.tables.operation(record.application, record.operation))


@_bug(
    "devops_core.engine.accept:_creation",
    why="the Idempotency-Key of a deleted application answers for its successor",
    race="create-deploy-earlier-key",
)
def applications_of_one_name_are_not_distinguished(
    original: Callable[..., str | None], inventory: Inventory
) -> str | None:
    del original, inventory
    return None


# --- the drift check ---


@_bug(
    "devops_core.drift.repair:record_repair",
    why="the repair restores rows that an operation has just replaced",
    race="drift-deploy-changed",
)
def repair_overwrites_changed_rows(
    original: Callable[..., Operation | None], cloud: Cloud, inventory: Inventory, finding: Finding
) -> Operation | None:
    if not finding.rows:
        return None
    rows = cloud.tables.inventory(finding.rows[0].application.name)[0].rows
    corrected = tuple(
        replace(row, revision=rows[row.environment].revision)
        for row in finding.rows
        if row.environment in rows
    )
    return original(cloud, inventory, replace(finding, rows=corrected))


# --- aborts ---


@_bug(
    "devops_core.engine.abort:abort",
    why="the record loses steps that were executed",
    race="abort-schedule-deploy@1",
)
def abort_overwrites_the_record_of_a_worker(
    original: Callable[..., Outcome],
    cloud: Cloud,
    application: str,
    operation_id: str,
    caller: str,
    *,
    dry_run: bool,
    until: datetime | None = None,
    idempotency: IdempotencyRecord | None = None,
) -> Outcome:
    operation = recorded_operation(cloud, application, operation_id)
    kind = kinds.load(operation.kind)
    if not operation.aborted_by:
        abort._abort_rules(kind, operation)
        newest = recorded_operation(cloud, application, operation_id)
        aborted = replace(operation, aborted_by=caller, revision=newest.revision)
        # If this save fails, the original function tries again.
        with suppress(LostClaimError):
            cloud.tables.save(*events.with_changes(operation, aborted, cloud.clock.now()))
    options: Any = {"dry_run": dry_run, "until": until, "idempotency": idempotency}
    return original(cloud, application, operation_id, caller, **options)


@_bug(
    "devops_core.engine.abort:abort",
    why="an operation that has ended is reported as aborted",
    race="abort-schedule-deploy@6",
)
def abort_does_not_notice_that_it_is_too_late(
    original: Callable[..., Outcome],
    cloud: Cloud,
    application: str,
    operation_id: str,
    caller: str,
    *,
    dry_run: bool,
    until: datetime | None = None,
    idempotency: IdempotencyRecord | None = None,
) -> Outcome:
    operation = recorded_operation(cloud, application, operation_id)
    options: Any = {"dry_run": dry_run, "until": until, "idempotency": idempotency}
    try:
        return original(cloud, application, operation_id, caller, **options)
    except AlreadyEndedError:
        if operation.ended:
            raise
        kind, aborted = kinds.load(operation.kind), replace(operation, aborted_by=caller)
        return Outcome(aborted, message=abort._abort_message(kind, aborted))


BUGS = bugs_among(list(globals().values()))
