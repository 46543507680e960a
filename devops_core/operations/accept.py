"""Accept an operation: look, check, claim in one transaction; then the first steps.

Nothing in AWS is touched before the claim is durable. Who loses a race looks again and is told
by the checks who holds the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from devops_core.errors import (
    AwsError,
    BusyError,
    ChangedMeanwhileError,
    ConflictError,
    IdempotencyMismatchError,
    LostClaimError,
    NotDeployableError,
    RefusedError,
    UnknownApplicationError,
    UnknownEnvironmentError,
)
from devops_core.model import (
    LEASE,
    TIME_LIMITS,
    Application,
    Inventory,
    Kind,
    Operation,
    Row,
    RowStatus,
    Service,
)
from devops_core.naming import Environment
from devops_core.operations import audit, report
from devops_core.operations.origin import Origin
from devops_core.operations.permit import permit
from devops_core.operations.plan import Plan
from devops_core.operations.reconcile import drive, reconcile
from devops_core.ports import AlreadyClaimedError, Claim, Cloud, IdempotencyRecord

if TYPE_CHECKING:
    from devops_core.operations.preview import Preview

# How often a claim that lost a race looks again before the caller is told to.
_LOOKS = 3
# How long an Idempotency-Key stands for its operation (DESIGN: 24 h), in seconds.
IDEMPOTENCY_SECONDS = 24 * 3600


def accept(
    cloud: Cloud, kind: Kind, application: str, origin: Origin, plan: Callable[[Inventory], Plan]
) -> Operation | str | Preview:
    """Return the operation that a request starts or repeats, or why nothing needs to be done.

    Of a dry run it is what would be done. `plan` checks the inventory of an application that
    exists and that the caller may change, and raises ConflictError when the request cannot be met.
    Raises ForbiddenError.
    """

    def permitted(inventory: Inventory) -> Plan:
        team = known(inventory, application).technical_team
        permit(cloud, kind, application, team, origin.caller, record=not origin.dry_run)
        return plan(inventory)

    looks = 0
    while True:
        looks += 1
        inventory, repeated = cloud.tables.inventory(application, origin.key)
        if repeated:
            return _repeat(cloud, repeated, origin)
        try:
            planned = _planned(cloud, application, inventory, permitted)
            return _begun(cloud, kind, application, origin, planned)
        except ChangedMeanwhileError:
            if looks == _LOOKS:
                raise


def _begun(
    cloud: Cloud, kind: Kind, application: str, origin: Origin, planned: Plan
) -> Operation | str | Preview:
    """Begin what is planned, if there is anything to do; of a dry run, tell it."""
    if origin.dry_run:
        # Only a dry run has use for it.
        from devops_core.operations import preview

        return preview.planned(kind, application, planned)
    if planned.operation is None:
        return planned.message or "nothing to do"
    return claim(cloud, origin, planned, planned.operation)


def _planned(
    cloud: Cloud, application: str, inventory: Inventory, plan: Callable[[Inventory], Plan]
) -> Plan:
    """Return the plan for an inventory; ChangedMeanwhileError when it was outdated.

    What AWS showed after that may be the doing of an operation that was faster, which is no
    reason to refuse this one: who looks again is told its id.
    """
    try:
        return plan(inventory)
    except BusyError:
        raise
    except (ConflictError, RefusedError) as error:
        if cloud.tables.inventory(application)[0] != inventory:
            raise ChangedMeanwhileError(
                f"the inventory of {application} changed at the same moment"
            ) from error
        raise


def claim(cloud: Cloud, origin: Origin, planned: Plan, operation: Operation) -> Operation:
    """Claim the rows of a plan, then do what can be done at once."""
    try:
        cloud.tables.claim(
            Claim(
                operation=operation,
                event=audit.accepted(operation),
                taken=planned.taken,
                new=planned.new,
                unchanged=planned.unchanged,
                idempotency=_idempotency_record(cloud, origin, operation),
            )
        )
    except AlreadyClaimedError as repeated:
        return _repeat(cloud, repeated.record, origin)
    held = [replace(row, claim=operation.id, revision=row.revision + 1) for row in planned.taken]
    rows = {row.environment: row for row in (*held, *planned.new)}
    try:
        return drive(cloud, operation, Inventory(rows), planned.observed, held=True)
    except LostClaimError:
        return cloud.tables.operation(operation.application, operation.id) or operation
    except AwsError as error:
        # It is accepted and on record: the next trigger takes it up when our lease has run out.
        report.interrupted(cloud, operation, [error])
        return operation


def new_operation(
    cloud: Cloud, kind: Kind, application: str, origin: Origin, **details: Any
) -> Operation:
    """Return an operation that this worker will hold from its claim on."""
    return Operation(
        id=cloud.new_id(),
        kind=kind,
        application=application,
        caller=origin.caller,
        requested_at=origin.asked_at,
        deadline=origin.asked_at + TIME_LIMITS[kind],
        lease_until=cloud.clock.now() + LEASE,
        **details,
    )


def known(inventory: Inventory, application: str) -> Application:
    """Return an application that exists; UnknownApplicationError otherwise."""
    if inventory.application is None:
        raise UnknownApplicationError(f"there is no application {application}")
    return inventory.application


def row_of(inventory: Inventory, environment: Environment) -> Row:
    """Return an environment's row; UnknownEnvironmentError says which ones there are."""
    row = inventory.rows.get(environment)
    if row is None:
        there = ", ".join(name for name in Environment if name in inventory.rows)
        application = inventory.application.name if inventory.application else ""
        raise UnknownEnvironmentError(
            f"{application} was created without {environment}; it has {there}"
        )
    return row


def free(row: Row) -> Row:
    """Return a row that no operation holds; BusyError names the one that does."""
    if row.claim:
        raise BusyError(row.environment, row.application.name, row.claim)
    return row


def usable(row: Row) -> tuple[Row, Service]:
    """Return a free row and the service behind it; NotDeployableError when there is none."""
    free(row)
    if row.status is not RowStatus.ACTIVE or row.service is None:
        raise NotDeployableError(
            f"{row.environment} of {row.application.name} is {row.status}:"
            " delete the application, then create it again"
        )
    return row, row.service


def _idempotency_record(
    cloud: Cloud, origin: Origin, operation: Operation
) -> IdempotencyRecord | None:
    if origin.key is None:
        return None
    return IdempotencyRecord(
        key=origin.key,
        fingerprint=origin.fingerprint,
        application=operation.application,
        operation=operation.id,
        expires_at=int(cloud.clock.now().timestamp()) + IDEMPOTENCY_SECONDS,
    )


def _repeat(cloud: Cloud, record: IdempotencyRecord, origin: Origin) -> Operation:
    if record.fingerprint != origin.fingerprint:
        raise IdempotencyMismatchError(
            "this Idempotency-Key was used with another request: use a new key for a new request"
        )
    operation = reconcile(cloud, record.application, record.operation)
    if operation is None:
        raise ChangedMeanwhileError("the operation of this Idempotency-Key is no longer on record")
    return operation
