"""Find what was changed outside of this service, and make the records say what is so.

Nothing but records is changed: a listener or a service that somebody moved stays where it is.
Each correction is one transaction, and an operation of its own that has ended with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from devops_core.decide import drift
from devops_core.errors import ChangedMeanwhileError, RefusedError
from devops_core.model import (
    Inventory,
    Kind,
    Observed,
    Operation,
    Progress,
    Row,
    Status,
)
from devops_core.naming import service_name
from devops_core.operations import audit, report
from devops_core.operations.observe import slots_behind
from devops_core.ports import Closing, Cloud, LoadBalancer

# Who is on record for a correction.
CALLER = "the drift check of this service"
# How many applications one run checks: each takes about 0.3 s, and a run has 60 s.
APPLICATIONS_AT_A_TIME = 100


def check_all(cloud: Cloud) -> list[Operation]:
    """Check the applications whose turn it is; return the repairs that were needed."""
    repairs = []
    for application in cloud.tables.applications(APPLICATIONS_AT_A_TIME):
        try:
            inventory, _ = cloud.tables.inventory(application)
            repair = check(cloud, inventory)
        except Exception as error:  # noqa: BLE001 - one broken row must not stop the others
            facts = {"applicationName": application, "caller": CALLER}
            report.failed(cloud, "check failed", error, **facts)
            continue
        if repair:
            repairs.append(repair)
    return repairs


def check(cloud: Cloud, inventory: Inventory) -> Operation | None:
    """Check an application that no operation is at work on; return the repair it needed."""
    freed = _claims_of_what_is_over(cloud, inventory)
    if freed.rows:
        return _correct(cloud, inventory, freed)
    if not drift.settled(inventory, cloud.clock.now()):
        return None
    return _correct(cloud, inventory, drift.find(inventory, _look(cloud, inventory)))


def _claims_of_what_is_over(cloud: Cloud, inventory: Inventory) -> drift.Finding:
    """Return the rows that are held by operations that have ended or are not on record."""
    held = [row for row in inventory.rows.values() if row.claim]
    claims = {(row.application.name, row.claim) for row in held if row.claim}
    over = {
        claim for application, claim in claims
        if (operation := cloud.tables.operation(application, claim)) is None or operation.ended
    }  # fmt: skip
    freed = [row for row in held if row.claim in over]
    why = [f"{row.environment} was held by operation {row.claim}, which is over" for row in freed]
    return drift.Finding(tuple(replace(row, claim=None) for row in freed), tuple(why))


def _look(cloud: Cloud, inventory: Inventory) -> Observed:
    application = inventory.application
    services = [row.service for row in inventory.rows.values() if row.service]
    if application is None or application.stack_id is None:
        raise ValueError("an application that is active has a stack")
    stacks, containers, load_balancer = cloud.stacks, cloud.containers, cloud.load_balancer
    stack, running = cloud.together(
        [
            partial(stacks.describe, application.stack_id),
            partial(containers.services, application.name, [each.name for each in services]),
        ]
    )
    seen = Observed(stack=stack, services=running)
    if drift.stack_is_gone(seen):
        return seen
    moved = {each.name: now for each in services if (now := drift.moved(each, seen))}
    (live, test), *blueprints = cloud.together(
        [
            partial(_roles, load_balancer, inventory),
            *(partial(containers.blueprint, each.task_definition) for each in moved.values()),
        ]
    )
    return replace(
        seen, production=live, test=test, blueprints=dict(zip(moved, blueprints, strict=True))
    )


def _roles(load_balancer: LoadBalancer, inventory: Inventory) -> Sequence[str | None]:
    """Return the slots that production and the test listener forward to."""
    try:
        return slots_behind(load_balancer, inventory)
    except RefusedError:
        # A listener that was deleted forwards to none.
        return None, None


def _correct(cloud: Cloud, inventory: Inventory, finding: drift.Finding) -> Operation | None:
    if not finding.rows:
        return None
    now = cloud.clock.now()
    repair = _operation(cloud, inventory, finding, now)
    _, events = audit.news(replace(repair, progress=()), repair, now)
    rows = [
        replace(row, operation=repair.id, updated_at=now, updated_by=CALLER) for row in finding.rows
    ]
    closing = Closing(
        operation=repair,
        event=audit.ended(repair, now),
        events=[audit.found(repair), *events],
        kept=rows,
    )
    try:
        cloud.tables.correct(closing)
    except ChangedMeanwhileError:
        # Somebody is at work on it: what is wrong then is found the next time.
        return None
    report.ended(cloud, repair)
    return repair


def _operation(
    cloud: Cloud, inventory: Inventory, finding: drift.Finding, now: datetime
) -> Operation:
    """Return a correction as an operation: it fails when it takes a person to set things right."""
    parts = tuple(_part(inventory, row) for row in finding.rows)
    failed = any(part.status is Status.FAILED for part in parts)
    return Operation(
        id=cloud.new_id(),
        kind=Kind.REPAIR,
        application=finding.rows[0].application.name,
        caller=CALLER,
        requested_at=now,
        deadline=now,
        status=Status.FAILED if failed else Status.SUCCEEDED,
        ended_at=now,
        progress=parts,
        reasons=finding.reasons,
    )


def _part(inventory: Inventory, row: Row) -> Progress:
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
