"""The record of a repair: corrected rows and an operation that has ended, in one transaction."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from devops_core.drift.comparison import Finding
from devops_core.engine import events, telemetry
from devops_core.errors import ChangedMeanwhileError
from devops_core.model.claims import Closing
from devops_core.model.inventory import Inventory, Row
from devops_core.model.operation import Operation, Progress, Status
from devops_core.naming import service_name
from devops_core.ports import Cloud

# The kind of a repair in the contract. It ends with its record, so it needs no further rules.
KIND = "repair"
# The caller on record.
CALLER = "the drift check of this service"


def record_repair(cloud: Cloud, inventory: Inventory, finding: Finding) -> Operation | None:
    """Write the corrected rows of a finding and return the repair, None if nothing was written."""
    if finding.empty:
        return None
    now = cloud.clock.now()
    repair = _repair_operation(cloud, inventory, finding, now)
    _, changes = events.with_changes(replace(repair, progress=()), repair, now)
    closing = Closing(
        operation=repair,
        event=events.end(repair, now),
        events=[events.drift_found(repair), *changes],
        kept=[row.updated(repair, now) for row in finding.rows],
        freed=finding.freed,
    )
    try:
        cloud.tables.correct(closing)
    except ChangedMeanwhileError:
        # An operation has changed the rows. The next check finds the remaining drift.
        return None
    telemetry.operation_ended(cloud, repair, timed=False)
    return repair


def _repair_operation(
    cloud: Cloud, inventory: Inventory, finding: Finding, now: datetime
) -> Operation:
    """Return the repair as an operation; it is FAILED if a person must correct AWS."""
    progress = tuple(_corrected(inventory, row) for row in finding.rows)
    failed = any(part.status is Status.FAILED for part in progress)
    return Operation(
        id=cloud.new_id(),
        kind=KIND,
        application=inventory.existing_application("").name,
        caller=CALLER,
        requested_at=now,
        deadline=now,
        status=Status.FAILED if failed else Status.SUCCEEDED,
        ended_at=now,
        progress=progress,
        reasons=finding.reasons,
    )


def _corrected(inventory: Inventory, row: Row) -> Progress:
    before, service = inventory.service(row.environment), row.service
    return Progress(
        environment=row.environment,
        service=service.name if service else service_name(row.environment),
        status=Status.FAILED if row.drift else Status.SUCCEEDED,
        url=row.url,
        image=service.image if service else None,
        digest=service.digest if service else None,
        version=service.version if service else None,
        previous_version=before.version if before else None,
        reason=row.drift,
    )
