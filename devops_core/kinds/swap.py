"""Swap: exchange the live and the idle slot of production."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from devops_core.details.swap import SwapDetails
from devops_core.errors import AmbiguousError, ConflictError, NotDeployableError, NotReadyError
from devops_core.kinds.kind import Abort, Kind, RowChanges
from devops_core.model.decisions import Act, Decision, Done, Fail, Plan, State, Wait
from devops_core.model.expectation import Expectation, release_text
from devops_core.model.inventory import Inventory, Row, Service, other_slot, require_live_slot
from devops_core.model.listeners import Listener
from devops_core.model.observed import Observed, RunningService
from devops_core.model.operation import Operation, Progress, Status
from devops_core.model.specification import RecordClaim
from devops_core.model.steps import AllowScaleIn, ScaleService, SetMinimum, Switch, WarmUp
from devops_core.naming import PRODUCTION, Environment
from devops_core.requests.swap import SwapRequest


def plan(request: SwapRequest, inventory: Inventory, observed: Observed, draft: Operation) -> Plan:
    """Take both rows of production; the idle slot must be ready to become live."""
    usable, slots = inventory.usable(*PRODUCTION), inventory.slots
    idle = require_live_slot(observed.production)
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
    urls = {row.environment: row.url for row in rows}
    progress = (
        _exchange(Environment.PROD_GREEN, urls, next_live, live_now),
        _exchange(Environment.PROD_BLUE, urls, live_now, next_live),
    )
    operation = replace(
        draft,
        progress=progress,
        details=SwapDetails(
            live=live,
            idle=idle,
            warmup=_warmup(inventory),
            spec=next_live.spec,
            scaling=next_live.scaling,
            suspends=live_now.scaling is not None,
        ),
        version=next_live.version,
    )
    return Plan(
        operation,
        observed,
        taken=tuple(rows),
        production=(idle, live),
        deployers=next_live.deployers,
        record=RecordClaim(inventory.record),
    )


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
    missing = refusals(observed, next_live.name)
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


def decide(operation: Operation, observed: Observed, now: datetime) -> Decision:
    """Scale the idle slot to the live slot's size, warm it up, switch both listeners together.

    If the idle slot has scaling, its minimum becomes this size first, and stays so for a while
    after the switch.

    The production listener switches once. After that the swap is always completed, regardless of
    its deadline, because a return would move the customers twice. If only the test listener has
    switched and the swap fails, the test listener returns first.
    """
    details: SwapDetails = operation.details
    if observed.production == details.live:
        if not details.switched_at:
            operation = operation.with_details(switched_at=now)
        return _after_switch(operation, observed)
    next_live, live_now = _size(observed, details.live), _size(observed, details.idle)
    # The listeners can have been changed by hand since the claim.
    missing = (
        *observed.listener_problems,
        *unready(observed, details.live),
        *_smaller(next_live, live_now),
    )
    # After the switch, the deadline and an abort count only if the listener was switched back by
    # hand to a slot that is not ready.
    if missing or not details.switched_at:
        if operation.aborted_by:
            reasons = (f"aborted by {operation.aborted_by}", *missing)
            return _failed_swap(operation, observed, reasons)
        if operation.overdue(now):
            late = "production was not switched within the time limit"
            return _failed_swap(operation, observed, (*missing, late))
    # At least one task, even if the live slot has none.
    target = max(1, live_now.running)
    # Also the present size: its alarms can ask for scale-in as soon as this is allowed.
    if raised := _raised_minimum(details, max(target, next_live.desired or 0)):
        return Act(operation, (raised,))
    if next_live.desired is not None and next_live.desired < target:
        return Act(operation, (ScaleService(details.live, target),))
    if missing:
        return Wait(replace(operation, waiting_for="; ".join(missing)))
    # The results of the warm-up do not matter: it never delays or prevents a switch.
    if observed.test == details.live and not details.warmed and details.warmup:
        return Act(operation, tuple(map(WarmUp, details.warmup)))
    switches = (Switch(Listener.PRODUCTION, details.live), Switch(Listener.TEST, details.idle))
    return Act(operation, switches[:1] if observed.test == details.idle else switches)


def _raised_minimum(details: SwapDetails, target: int) -> SetMinimum | None:
    """Return the step that keeps at least `target` tasks in the idle slot, None if none is needed.

    Without it, Application Auto Scaling could take tasks from the slot right after the switch.
    """
    if details.scaling_skipped or not details.scaling:
        return None
    if target > (details.minimum or details.scaling["min"]):
        return SetMinimum(details.live, details.scaling, target)
    return None


class _Size(NamedTuple):
    """The number of running tasks and healthy targets; `desired` is None without a service.

    Both numbers are at most `desired`. ECS starts additional tasks when it distributes them again
    over the availability zones, and stops others later ("Balancing an Amazon ECS service across
    Availability Zones", Amazon ECS Developer Guide). With them each swap would raise the count.
    """

    running: int
    healthy: int
    desired: int | None


def _size(observed: Observed, slot: str) -> _Size:
    service = observed.services.get(slot)
    healthy = observed.healthy.get(slot, 0)
    if service is None or not service.active:
        return _Size(service.running if service else 0, healthy, None)
    desired = service.desired
    return _Size(min(service.running, desired), min(healthy, desired), desired)


def refusals(observed: Observed, slot: str) -> tuple[str, ...]:
    """Return the reasons against the start of a swap.

    They are those of `unready`, but a slot with no tasks is accepted, because the swap scales it.
    """
    service = observed.services.get(slot)
    if service and service.active and service.desired == 0 and _rollout(service) == "COMPLETED":
        return ()
    return unready(observed, slot)


def unready(observed: Observed, slot: str) -> tuple[str, ...]:
    """Return the conditions that a slot lacks to receive customers, none if it is ready."""
    service = observed.services.get(slot)
    if service is None or not service.active:
        return ("the idle slot has no ECS service",)
    rollout = _rollout(service)
    missing = []
    if rollout != "COMPLETED":
        missing.append(
            f"the rollout of the idle slot is {rollout}:"
            f" {service.running} of {service.desired} tasks running"
        )
    if service.running < 1:
        missing.append("the idle slot runs no task")
    if observed.healthy.get(slot, 0) < 1:
        missing.append("the idle slot has no healthy target")
    return tuple(missing)


def _rollout(service: RunningService) -> str:
    """Return the rollout state of the primary deployment."""
    states = (deployment.state for deployment in service.deployments if deployment.primary)
    return next(states, "missing")


def _smaller(next_live: _Size, live_now: _Size) -> tuple[str, ...]:
    """Return the differences in size, because customers must not meet fewer tasks after the swap.

    A task runs before its target is healthy, so tasks and healthy targets are both compared.
    """
    missing = []
    if next_live.running < live_now.running:
        missing.append(_counts("running tasks", next_live.running, live_now.running))
    if next_live.healthy < live_now.healthy:
        missing.append(_counts("healthy targets", next_live.healthy, live_now.healthy))
    return tuple(missing)


def _counts(counted: str, idle: int, live: int) -> str:
    return f"{counted}: {idle} in the idle slot, {live} in the live slot"


def _after_switch(operation: Operation, observed: Observed) -> Decision:
    """Switch the test listener if it does not forward to the idle slot yet, then end.

    A test listener that was changed by hand and cannot forward does not delay the end.
    """
    idle, test = operation.details.idle, observed.listeners.get(Listener.TEST)
    if observed.test != idle:
        if test and test.forwards:
            return Act(operation, (Switch(Listener.TEST, idle),))
        warnings = dict.fromkeys((*operation.warnings, *observed.listener_problems))
        operation = replace(operation, warnings=tuple(warnings))
    if steps := _scale_in(operation):
        return Act(operation, steps)
    done = tuple(replace(part, status=Status.SUCCEEDED) for part in operation.progress)
    return Done(replace(operation, progress=done))


def _scale_in(operation: Operation) -> tuple[AllowScaleIn, ...]:
    """Return the steps that allow the scale-in of the live slot, and suspend that of the idle one.

    The idle slot keeps its tasks for the return, although it receives no requests.
    """
    details: SwapDetails = operation.details
    slots = (
        *((AllowScaleIn(details.live, allowed=True),) if details.scaling else ()),
        *((AllowScaleIn(details.idle, allowed=False),) if details.suspends else ()),
    )
    return tuple(each for each in slots if each.slot not in details.scaled)


def _failed_swap(operation: Operation, observed: Observed, reasons: tuple[str, ...]) -> Act | Fail:
    details: SwapDetails = operation.details
    if observed.test == details.idle:
        return Act(operation, (Switch(Listener.TEST, details.live),))
    if details.scaling and (details.minimum or 0) > details.scaling["min"]:
        minimum = details.scaling["min"]
        return Act(operation, (SetMinimum(details.live, details.scaling, minimum),))
    progress = operation.failed_everywhere("production was not switched")
    return Fail(replace(operation, progress=progress, reasons=reasons))


def rows_after(state: State, held: Sequence[Row], now: datetime, *, keep_rows: bool) -> RowChanges:
    """Return the held rows after the end; they follow the production listener."""
    del keep_rows
    operation, details = state.operation, state.operation.details
    # If the listener could not be observed, the operation knows its own switch.
    switched = details.live if details.switched_at else None
    if (state.observed.production or switched) != details.live:
        return RowChanges(held)
    slots = state.inventory.slots
    services = {
        Environment.PROD_GREEN: slots.get(details.live),
        Environment.PROD_BLUE: slots.get(details.idle),
    }
    rows = []
    for row in held:
        service = services[row.environment]
        if service and row.environment is Environment.PROD_GREEN:
            service = replace(service, was_live=True, unverified=None, deployers=())
        rows.append(row.updated(operation, now, service=service))
    return RowChanges(rows)


def events(before: Operation, after: Operation) -> list[dict[str, Any]]:
    """Return the event of the switch."""
    if not after.details.switched_at or before.details.switched_at:
        return []
    roles = {part.environment: part for part in after.progress}
    return [{"outcome": "SWITCHED", "part": roles[Environment.PROD_GREEN]}]


def _committed(operation: Operation) -> bool:
    return operation.details.switched_at is not None and not operation.ended


KIND = Kind(
    name="swap",
    limit=timedelta(minutes=15),
    needs_approver=True,
    plan=plan,
    decide=decide,
    rows=rows_after,
    events=events,
    abort=Abort(
        planned="production would not be switched",
        running="production is not switched",
        done="production was not switched",
        restored=lambda _operation, _inventory: (),
        committed=_committed,
        live_slot=lambda operation: operation.details.live,
    ),
)
