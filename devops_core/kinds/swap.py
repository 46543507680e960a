"""Swap: exchange the live and the idle slot of production."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from devops_core.access import account_principal
from devops_core.details.swap import SwapDetails, policy_view
from devops_core.errors import AmbiguousError, ConflictError, NotDeployableError, NotReadyError
from devops_core.kinds import swap_checks
from devops_core.kinds.kind import Abort, Advance, Kind, RowChanges
from devops_core.kinds.swap_phases import LIMIT, decide
from devops_core.kinds.swap_readiness import refusals, replaced
from devops_core.model.decisions import Plan, State
from devops_core.model.expectation import Expectation, release_text
from devops_core.model.inventory import Inventory, Row, Service, other_slot, require_live_slot
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation, Progress, shortened
from devops_core.model.specification import RecordClaim
from devops_core.model.swap_policy import ALL, ALL_AT_ONCE, SwapPolicy
from devops_core.model.traffic import Monitored
from devops_core.naming import PRODUCTION, Environment
from devops_core.requests.swap import SwapRequest
from devops_core.requests.swap_policy import effective_policy


def plan(request: SwapRequest, inventory: Inventory, observed: Observed, draft: Operation) -> Plan:
    """Take both rows of production; the idle slot must be ready to become live.

    A request that names the previously live release of a swap in progress rolls that swap back.
    """
    if observed.holder:
        return Plan(None, observed, aborts=observed.holder)
    usable, slots = inventory.usable(*PRODUCTION), inventory.slots
    idle = require_live_slot(inventory, observed.production, draft.requested_at)
    live = other_slot(idle)
    rows = [row for row, _ in usable]
    if len(slots) < len(PRODUCTION):
        raise ConflictError(
            "the inventory lacks a production slot: delete the application and create it again"
        )
    live_now, next_live = slots[idle], slots[live]
    expected = Expectation(request.version, request.digest, request.spec)
    if expected != Expectation() and expected.matches(live_now):
        _require_unambiguous(expected, live_now, next_live)
        named = request.version or request.digest or f"revision {request.spec}"
        message = f"{named} is already live; the swap changed nothing"
        return Plan(None, observed, message)
    _require_expected(expected, live_now, next_live, inventory)
    _require_ready(next_live, observed)
    policy = policy_of(request, inventory, next_release(inventory, idle))
    ignored = swap_checks.ignored_alarms(policy, observed.monitored, ignores=request.ignore_alarms)
    operation = _operation(draft, inventory, next_live, live_now, policy)
    return Plan(
        _with_alarms(operation, observed.monitored, ignored),
        observed,
        taken=tuple(rows),
        production=(idle, live),
        deployers=next_live.deployers,
        record=RecordClaim(inventory.record),
        policy=policy_view(policy) if policy.progressive or policy.checks else {},
    )


def _operation(
    draft: Operation,
    inventory: Inventory,
    next_live: Service,
    live_now: Service,
    policy: SwapPolicy,
) -> Operation:
    """Return the operation that exchanges the services of production."""
    urls = {role: inventory.rows[role].url for role in PRODUCTION}
    details = SwapDetails(
        live=next_live.name,
        idle=live_now.name,
        policy=policy,
        warmup=_warmup(inventory),
        spec=next_live.spec,
        scaling=next_live.scaling,
        idle_scaling=live_now.scaling,
        task_definition=next_live.task_definition,
    )
    return replace(
        draft,
        progress=(
            _exchange(Environment.PROD_GREEN, urls, next_live, live_now),
            _exchange(Environment.PROD_BLUE, urls, live_now, next_live),
        ),
        details=details,
        version=next_live.version,
        deadline=draft.deadline + policy.waits,
    )


def _with_alarms(
    operation: Operation, monitored: Monitored | None, ignored: tuple[str, ...]
) -> Operation:
    """Return the operation with the first check of its alarms, if it has some."""
    if monitored is None:
        return operation
    warnings = shortened(f"ignored: {swap_checks.alarm_text(name, monitored)}" for name in ignored)
    alarms = {name: state for name, state in monitored.alarms.items() if name not in ignored}
    return replace(operation, warnings=warnings).with_details(
        checked_at=operation.requested_at, alarms=alarms, ignored=ignored
    )


def next_release(inventory: Inventory, live_now: str | None) -> Service:
    """Return the service that becomes live; `live_now` is the live slot, None if it is not known.

    A person can have exchanged the slots since their rows were written. The drift check then writes
    the same state.
    """
    (_, blue), (_, green) = inventory.usable(*PRODUCTION)
    return blue if live_now in (None, green.name) else green.replaced_by(blue)


def policy_of(request: SwapRequest, inventory: Inventory, next_live: Service) -> SwapPolicy:
    """Return the policy of a swap: that of the specification, with the members of the request.

    A swap back to the release that the last swap replaced has only the members of the request: in
    an emergency it must not wait, nor ask the alarms that the present release raised.
    InvalidRequestError for members that do not fit together.
    """
    record = inventory.record
    if record is None or next_live.has_live_release:
        return effective_policy({}, request.policy)
    return effective_policy(record.specification.production, request.policy)


def _warmup(inventory: Inventory) -> tuple[str, ...]:
    """Return the paths of the warm-up; a swap does not need the specification otherwise."""
    record = inventory.record
    return record.specification.settings(Environment.PROD_BLUE).warmup if record else ()


def _require_unambiguous(expected: Expectation, live_now: Service, next_live: Service) -> None:
    """Raise AmbiguousError if the slots run different releases that both are expected."""
    same = release_text(live_now) == release_text(next_live)
    same = same and live_now.spec_hash == next_live.spec_hash
    if expected.matches(next_live) and not (same and live_now.digest):
        raise AmbiguousError(
            f"both slots run {expected}; repeat the swap with the version, the digest and the spec"
            " that must become live",
            (
                f"the live slot runs {_with_revision(live_now)}",
                f"the idle slot runs {_with_revision(next_live)}",
            ),
        )


def _with_revision(service: Service) -> str:
    """Return the release of a slot, with the revision of its specification if it is on record."""
    release = release_text(service)
    return f"{release} with revision {service.spec}" if service.spec else release


def _require_expected(
    expected: Expectation, live_now: Service, next_live: Service, inventory: Inventory
) -> None:
    """Raise NotDeployableError if the idle slot has another release or another revision.

    An update that does not change the settings of production leaves the revision of the slots.
    """
    if expected.matches(next_live):
        return
    difference = f"the idle slot runs {expected.actual(next_live)}, not {expected}"
    only_revision = expected._replace(spec=None).matches(next_live) and _was_deployed(next_live)
    if only_revision and _has_present_settings(next_live, expected.spec, inventory):
        raise NotDeployableError(
            f"{difference}: both revisions have the same settings of production, so it needs no"
            f" promote. Repeat the swap {_naming(expected, live_now, next_live)}"
        )
    raise NotDeployableError(f"{difference}: promote {expected} first")


def _naming(expected: Expectation, live_now: Service, next_live: Service) -> str:
    """Return the members of a request that name the release of the idle slot."""
    actual = expected._replace(spec=next_live.spec)
    if actual.matches(live_now):
        actual = Expectation(next_live.version, next_live.digest, next_live.spec)
    if actual.matches(live_now) and not next_live.digest:
        # The request would be ambiguous.
        return "without version, digest and spec"
    members = [f"{name} {value}" for name, value in actual._asdict().items() if value]
    return f"with {', '.join(members)}"


def _has_present_settings(service: Service, revision: int | None, inventory: Inventory) -> bool:
    """Return whether a revision is the present one, and a slot has its settings."""
    record = inventory.record
    if record is None or service.spec is None or revision != record.specification.revision:
        return False
    return service.spec_hash == record.specification.settings(Environment.PROD_BLUE).hash


def _was_deployed(service: Service) -> bool:
    """Return whether a slot has a promoted release, or was live before."""
    return bool(service.version or service.was_live)


def _require_ready(next_live: Service, observed: Observed) -> None:
    """Raise NotReadyError if the idle slot cannot become live."""
    never_deployed = ("the idle slot has no promoted version: promote one first",)
    slot = next_live.name
    missing = refusals(observed, slot) + replaced(observed, slot, next_live.task_definition)
    if not _was_deployed(next_live):
        missing = never_deployed + missing
    if missing:
        raise NotReadyError("the idle slot is not ready", missing)
    problems = observed.listener_problems
    if problems:
        raise NotReadyError("the listeners of production do not allow a swap", problems)


def _exchange(
    role: Environment, urls: dict[Environment, str | None], new: Service, old: Service
) -> Progress:
    return Progress(
        environment=role,
        service=new.name,
        url=urls[role],
        image=new.image,
        digest=new.digest,
        version=new.version,
        previous_version=old.version,
    )


def rows_after(state: State, held: Sequence[Row], now: datetime, *, keep_rows: bool) -> RowChanges:
    """Return the held rows after the end; they follow the production listener."""
    del keep_rows
    operation, details = state.operation, state.operation.details
    # If the listener could not be observed, the operation knows its own switch.
    switched = details.live if details.weight == ALL else None
    if (state.observed.production or switched) != details.live:
        return RowChanges(held)
    slots = state.inventory.slots
    next_live, before = slots.get(details.live), slots.get(details.idle)
    services = {
        Environment.PROD_GREEN: next_live.live() if next_live else None,
        Environment.PROD_BLUE: before.replaced_by(next_live) if before and next_live else before,
    }
    rows = [row.updated(operation, now, service=services[row.environment]) for row in held]
    return RowChanges(rows)


def events(before: Operation, after: Operation) -> list[dict[str, Any]]:
    """Return the events of the changes of the production listener, and of calls about the swap."""
    old: SwapDetails = before.details
    new: SwapDetails = after.details
    part = next(each for each in after.progress if each.environment is Environment.PROD_GREEN)
    found: list[dict[str, Any]] = []
    if new.approved_by and not old.approved_by:
        found.append({"outcome": "APPROVED", "caller": new.approved_by})
    if new.finished_by and not old.finished_by:
        found.append({"outcome": "FINISHING", "caller": new.finished_by})
    if new.weight > old.weight:
        outcome = "SWITCHED" if new.weight == ALL else "SHIFTED"
        found.append({"outcome": outcome, "part": part, "reason": _share_text(new)})
    if new.awaiting_at != old.awaiting_at:
        found.append({"outcome": "AWAITING_APPROVAL", "part": part})
    if new.returning and not old.returning:
        found.append({"outcome": "RETURNING", "reason": "; ".join(new.returning)})
    if new.returned_at and not old.returned_at:
        found.append({"outcome": "RETURNED", "part": part})
    return found


def _share_text(details: SwapDetails) -> str | None:
    """Return a description of a share, None for all requests."""
    if details.weight == ALL:
        return None
    return f"the new release receives {details.weight} percent of the requests"


def _continued(operation: Operation, caller: str, now: datetime) -> Operation:
    """Return the operation with an approval; the next run checks the release before it shifts."""
    details: SwapDetails = operation.details
    _require_no_return(operation, "continue")
    if details.approved_by:
        return operation
    if details.phase != "AWAITING_APPROVAL":
        later = f"its phase is {details.phase}; repeat the call in the phase AWAITING_APPROVAL"
        never = "its policy has none; finish ends its waits"
        raise ConflictError(
            f"operation {operation.id} does not wait for an approval:"
            f" {later if details.policy.approval else never}"
        )
    _require_time_for_approval(operation, now)
    approved = operation.with_details(approved_by=caller, approved_at=now, checked_at=None)
    return _with_remaining_waits(approved, details.policy._replace(approval=None).waits, now)


def _finished(operation: Operation, caller: str, now: datetime) -> Operation:
    """Return the operation without its remaining waits, also without that for an approval."""
    details: SwapDetails = operation.details
    _require_no_return(operation, "finish")
    if details.finished_by:
        return operation
    _require_time_for_approval(operation, now)
    details = details._replace(finished_by=caller, finished_at=now, checked_at=None)
    # The next shift is now the last one, which can need an approval.
    if details.needs_approval:
        details = details._replace(approved_by=caller, approved_at=now)
    return _with_remaining_waits(replace(operation, details=details), timedelta(), now)


def _with_remaining_waits(operation: Operation, waits: timedelta, now: datetime) -> Operation:
    """Return the operation with a deadline after its remaining waits.

    The rest of a long wait that a call has ended would delay the alarm for a blocked swap.
    """
    return replace(operation, deadline=min(operation.deadline, now + LIMIT + waits))


def _require_time_for_approval(operation: Operation, now: datetime) -> None:
    """Raise ConflictError if the next run returns all customers without an approval."""
    details: SwapDetails = operation.details
    if details.approval_expired(now):
        raise ConflictError(
            f"operation {operation.id} was {swap_checks.not_approved(details)}: all customers"
            " receive the previous release; start the swap again after its end"
        )


def _require_no_return(operation: Operation, action: str) -> None:
    """Raise ConflictError if all customers return: no call stops a return."""
    if operation.details.returning or operation.aborted_by:
        raise ConflictError(
            f"operation {operation.id} cannot {action}: all customers return to the previous"
            " release"
        )


def _deployers(operation: Operation, inventory: Inventory) -> tuple[str, ...]:
    """Return the callers of the release, and the one of a swap that needs an approval."""
    details: SwapDetails = operation.details
    slot = inventory.slots.get(details.live)
    starter = (account_principal(operation.caller),) if details.policy.approval else ()
    return (*(slot.deployers if slot else ()), *starter)


def _holds(operation: Operation) -> bool:
    """Return whether the production listener may forward to both slots, or must return.

    A worker can have crashed before it recorded the first shift, also before a return.
    """
    details: SwapDetails = operation.details
    if details.returning or (operation.aborted_by and details.weight):
        return details.weight > 0 or details.lost_at is not None
    return details.policy.strategy != ALL_AT_ONCE and details.weight < ALL


KIND = Kind(
    name="swap",
    limit=LIMIT,
    needs_approver=True,
    plan=plan,
    decide=decide,
    rows=rows_after,
    events=events,
    holds=_holds,
    advance={
        "continue": Advance(
            _continued, _deployers, lambda operation: bool(operation.details.approved_by)
        ),
        "finish": Advance(
            _finished, _deployers, lambda operation: bool(operation.details.finished_by)
        ),
    },
    abort=Abort(
        planned="all customers would have the previous release",
        running="all customers get the previous release",
        done="all customers have the previous release",
        restored=lambda _operation, _inventory: (),
        live_slot=lambda operation: operation.details.idle,
        limit=LIMIT,
    ),
)
