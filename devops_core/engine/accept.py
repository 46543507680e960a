"""Accept a request: check it, then claim its rows in one transaction.

Nothing in AWS is changed before the claim is durable. A request that loses a race is checked again,
and the checks then name the operation that holds the rows.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from devops_core import kinds
from devops_core.engine import events
from devops_core.engine.run import Outcome, RequestContext, Run
from devops_core.errors import (
    AlreadyEndedError,
    AwsError,
    BusyError,
    ChangedMeanwhileError,
    ConflictError,
    ForbiddenError,
    IdempotencyMismatchError,
    RefusedError,
    UnknownApplicationError,
    no_application,
)
from devops_core.kinds.kind import Kind
from devops_core.model.claims import AlreadyClaimedError, Claim, IdempotencyRecord
from devops_core.model.decisions import After, Plan, State, claimed_record
from devops_core.model.inventory import Inventory
from devops_core.model.operation import LEASE, Operation, Status
from devops_core.model.specification import ApplicationRecord
from devops_core.observe import Controller
from devops_core.ports import Cloud

# Number of checks of a request that loses races, before its caller must repeat it.
_MAX_CHECKS = 3
# Validity of an Idempotency-Key after the deadline of its operation.
IDEMPOTENCY_VALIDITY = timedelta(hours=24)


def accept(cloud: Cloud, controller: Controller, request: Any, context: RequestContext) -> Outcome:
    """Return the operation that a request starts or repeats, or the plan of a dry run.

    `request.application` is the name of the application. Raises ForbiddenError, ConflictError if
    the request cannot be fulfilled, IdempotencyMismatchError, and AwsError.
    """
    name, kind = request.application, controller.kind
    checks = 0
    while True:
        checks += 1
        # The claim finds an existing application and a repetition of its creation.
        inventory, repeated = (
            (Inventory({}), None) if kind.creates else cloud.tables.inventory(name, context.key)
        )
        if repeated:
            return _repeated(cloud, repeated, context, inventory)
        try:
            plan = _checked_plan(cloud, controller, request, context, inventory)
            if plan.aborts:
                return _abort(cloud, plan.aborts, context, inventory)
            if context.dry_run:
                # Only a dry run needs this module.
                from devops_core.engine import dry_run

                return Outcome(dry_run=dry_run.of_request(cloud, kind, name, plan))
            if plan.operation is None:
                return Outcome(message=plan.message)
            return _claim(cloud, plan, plan.operation, context, inventory)
        except ChangedMeanwhileError:
            if kind.creates or checks == _MAX_CHECKS:
                raise


def _abort(
    cloud: Cloud, operation: Operation, context: RequestContext, inventory: Inventory
) -> Outcome:
    """Abort the operation that a request rolls back; ChangedMeanwhileError if it has ended."""
    # Only such a request needs this module.
    from devops_core.engine.abort import abort

    key = operation.application, operation.id
    used = _used_key(context, operation, _creation(inventory), aborts=True)
    try:
        return abort(cloud, *key, context.caller, dry_run=context.dry_run, idempotency=used)
    except AlreadyClaimedError as earlier:
        return _repeated(cloud, earlier.record, context, inventory)
    except AlreadyEndedError as error:
        raise ChangedMeanwhileError(
            f"operation {operation.id} ended at the same moment: repeat the call"
        ) from error


def _checked_plan(
    cloud: Cloud,
    controller: Controller,
    request: Any,
    context: RequestContext,
    inventory: Inventory,
) -> Plan:
    """Return the plan for an inventory; ChangedMeanwhileError if the inventory was outdated.

    AWS may show the effects of an operation that was faster. They must not refuse this request,
    because the next check names that operation.
    """
    kind, name = controller.kind, request.application
    try:
        team = (
            request.tags["technicalTeam"]
            if kind.creates
            else inventory.existing_application(name).technical_team
        )
        permit(cloud, kind, name, team, context.caller)
        observed = controller.before(cloud, request, inventory)
        plan = kind.plan(request, inventory, observed, _draft(cloud, kind, name, context))
        return _approvable(cloud, plan, team, context.caller)
    except BusyError:
        raise
    except ForbiddenError as refusal:
        # An application that does not exist has no log: its name would get events of others.
        if not context.dry_run and not kind.creates:
            record_refusal(cloud, kind, name, context.caller, refusal)
        raise
    except (ConflictError, RefusedError) as error:
        if not kind.creates and cloud.tables.inventory(name)[0] != inventory:
            raise ChangedMeanwhileError(
                f"the inventory of {name} changed at the same moment: repeat the call"
            ) from error
        if isinstance(error, UnknownApplicationError):
            raise _unknown_application(cloud, name) from error
        raise


def _draft(cloud: Cloud, kind: Kind, name: str, context: RequestContext) -> Operation:
    """Return the members of a new operation that do not depend on the plan."""
    return Operation(
        id=cloud.new_id(),
        kind=kind.name,
        application=name,
        caller=context.caller,
        requested_at=context.asked_at,
        deadline=context.asked_at + kind.limit,
        lease_until=cloud.clock.now() + LEASE,
    )


def _unknown_application(cloud: Cloud, name: str) -> UnknownApplicationError:
    """Return the error for a missing application, with the one that differs only in case."""
    return UnknownApplicationError(no_application(name, cloud.tables.reserved(name)))


def _approvable(cloud: Cloud, plan: Plan, team: str | None, caller: str) -> Plan:
    """Return a plan; ForbiddenError if the caller must not approve it, or not its own release."""
    operation, access = plan.operation, cloud.settings.access
    if operation and operation.needs_approver:
        missing = access.missing_lists(caller, team, production=True)
        if missing:
            raise ForbiddenError(
                f"not allowed to change production of {operation.application}: requires"
                f" {' and '.join(missing)}"
            )
    if operation and cloud.settings.access.approves_own(caller, plan.deployers):
        raise ForbiddenError(
            f"not allowed to {operation.kind} {operation.application}: this caller deployed or"
            " promoted the release of the idle slot, or changed its settings, and selfapproval is"
            f" false: another caller must {operation.kind}"
        )
    return plan


def _claim(
    cloud: Cloud,
    plan: Plan,
    operation: Operation,
    context: RequestContext,
    inventory: Inventory,
) -> Outcome:
    """Claim the rows of a plan for an inventory; the lease begins with the claim."""
    held = [replace(row, claim=operation.id, revision=row.revision + 1) for row in plan.taken]
    rows = {row.environment: row for row in (*held, *plan.new)}
    claimed = Inventory(rows, _held_record(plan, operation))
    # An operation can claim no rows, and a create has read none.
    creation = _creation(inventory) or _creation(claimed)
    claim = Claim(
        operation=operation,
        event=events.acceptance(operation),
        taken=plan.taken,
        corrected=plan.corrected,
        new=plan.new,
        unchanged=plan.unchanged,
        record=plan.record,
        idempotency=_used_key(context, operation, creation),
    )
    try:
        cloud.tables.claim(claim)
    except AlreadyClaimedError as earlier:
        if plan.new:
            # A create has not read the inventory.
            inventory, _ = cloud.tables.inventory(operation.application)
        return _repeated(cloud, earlier.record, context, inventory)
    state = State(operation, claimed, plan.observed)
    return Outcome(operation, run=Run(operation, state, After.CONTINUE))


def _used_key(
    context: RequestContext, operation: Operation, creation: str | None, *, aborts: bool = False
) -> IdempotencyRecord | None:
    """Return the record of the request's Idempotency-Key, None without a key."""
    if not context.key:
        return None
    return IdempotencyRecord(
        key=context.key,
        fingerprint=context.fingerprint,
        application=operation.application,
        operation=operation.id,
        expires_at=int((operation.deadline + IDEMPOTENCY_VALIDITY).timestamp()),
        creation=creation,
        aborts=aborts,
    )


def _held_record(plan: Plan, operation: Operation) -> ApplicationRecord | None:
    """Return the record of the application after a claim."""
    record = claimed_record(plan)
    taken = plan.record is not None and plan.record.taken
    return record._replace(claim=operation.id) if record and taken else record


def _repeated(
    cloud: Cloud, record: IdempotencyRecord, context: RequestContext, inventory: Inventory
) -> Outcome:
    """Return the operation of an earlier request with the same Idempotency-Key.

    A key does not answer for a newer application of the same name, and a late repetition must not
    change that application either.
    """
    if record.fingerprint != context.fingerprint:
        raise IdempotencyMismatchError(
            "this Idempotency-Key was used with another request: use a new key for a new request"
        )
    operation = cloud.tables.operation(record.application, record.operation)
    if operation is None:
        raise ChangedMeanwhileError(
            "the operation of this Idempotency-Key is no longer on record: use a new key"
        )
    recreated = inventory.application and _creation(inventory) != record.creation
    if recreated or (_has_created(operation) and not inventory.application):
        raise IdempotencyMismatchError(
            f"this Idempotency-Key was used for an earlier application {record.application}, which"
            " was deleted: use a new key"
        )
    if record.aborts:
        # Only such a request needs this module.
        from devops_core.engine.abort import abort_outcome

        return abort_outcome(operation)
    return Outcome(operation)


def _has_created(operation: Operation) -> bool:
    """Return whether an operation has created its application."""
    creates = kinds.load(operation.kind).creates
    return creates and operation.status is Status.SUCCEEDED


def _creation(inventory: Inventory) -> str | None:
    return inventory.application.creation if inventory.application else None


def permit(
    cloud: Cloud,
    kind: Kind,
    application: str,
    team: str | None,
    caller: str,
    *,
    change: tuple[str, Operation] | None = None,
) -> None:
    """Raise ForbiddenError unless a caller has the right to start an operation of a kind.

    `team` is the application's technicalTeam, None if it is unknown. `change` is the verb for an
    operation to abort or to move on, which needs the right to start it, and this operation; None
    for a start.
    """
    verb, operation = change or ("", None)
    production = kind.needs_approver or (operation is not None and operation.needs_approver)
    missing = cloud.settings.access.missing_lists(caller, team, production=production)
    if not missing:
        return
    action = kind.verb or kind.name
    if operation:
        action = f"{verb} the {kind.name} {operation.id} of"
    raise ForbiddenError(f"not allowed to {action} {application}: requires {' and '.join(missing)}")


def record_refusal(
    cloud: Cloud,
    kind: Kind,
    application: str,
    caller: str,
    refusal: ForbiddenError,
    aborts: str | None = None,
) -> None:
    """Count a refusal in the event log; a failed write does not change the refusal."""
    reason, now = refusal.message, cloud.clock.now()
    event = events.denial(kind.name, application, caller, reason, now)
    try:
        cloud.tables.count_refusal(event)
    except AwsError as error:
        cloud.log(
            "refusal not recorded",
            **({"operation": aborts} if aborts else {}),
            applicationName=application,
            kind=kind.name,
            caller=caller,
            reason=reason,
            error=error.message,
        )
