"""What in AWS is not as inventory says, and inventory as it should be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from devops_core.model import (
    Deployment,
    Inventory,
    Observed,
    Row,
    RowStatus,
    Service,
    other_slot,
)
from devops_core.naming import Environment, Image

# Inventory that is younger than this is left alone: AWS may still answer what was before.
SETTLED_AFTER = timedelta(minutes=2)
# What Docker shows of a digest; it stands for the version of an image that has no tag.
_SHORT_DIGEST = 12

Rows = Mapping[Environment, Row]


@dataclass(frozen=True, slots=True)
class Finding:
    """The rows that must change, as they should be, and why; no reasons when all is right."""

    rows: tuple[Row, ...] = ()
    reasons: tuple[str, ...] = ()


def settled(inventory: Inventory, now: datetime) -> bool:
    """Whether an application can be checked: complete, in nobody's hands, and not just changed."""
    rows = inventory.rows.values()
    return bool(rows) and all(
        row.claim is None
        and row.status is RowStatus.ACTIVE
        and (row.updated_at is None or now - row.updated_at >= SETTLED_AFTER)
        for row in rows
    )


def stack_is_gone(observed: Observed) -> bool:
    """Whether the application's stack does not exist any more."""
    return observed.stack is None or observed.stack.status == "DELETE_COMPLETE"


def moved(service: Service, observed: Observed) -> Deployment | None:
    """Return the complete deployment of a task definition that inventory does not know."""
    running = observed.services.get(service.name)
    primary = running.primary if running and running.active else None
    if primary is None or primary.state != "COMPLETED":
        return None
    return primary if primary.task_definition != service.task_definition else None


def find(inventory: Inventory, observed: Observed) -> Finding:
    """Compare a settled application with what was seen of it.

    Production's rows follow the listener, and each row follows what its service runs. What rows
    cannot follow is noted in their `drift`, until it is over.
    """
    if stack_is_gone(observed):
        return _without_stack(inventory)
    if observed.stack and observed.stack.status == "DELETE_IN_PROGRESS":
        return Finding()
    rows, moves = _following_the_listener(inventory.rows, observed)
    rows, changes = _following_the_services(rows, observed)
    rows, notes = _noted(rows, observed)
    changed = tuple(row for name, row in rows.items() if row != inventory.rows[name])
    return Finding(changed, (*moves, *changes, *notes))


def _without_stack(inventory: Inventory) -> Finding:
    rows = tuple(replace(row, status=RowStatus.STACK_DELETED) for row in inventory.rows.values())
    return Finding(rows, ("the application's stack was deleted outside of this service",))


def _following_the_listener(rows: Rows, observed: Observed) -> tuple[Rows, list[str]]:
    # Somebody may have removed a row by hand.
    green, blue = rows.get(Environment.PROD_GREEN), rows.get(Environment.PROD_BLUE)
    live = observed.production
    if not green or not blue or green.service is None or blue.service is None:
        return rows, []
    if live in (None, green.service.name):
        return rows, []
    now_live = replace(blue.service, was_live=True)
    exchanged = {
        Environment.PROD_GREEN: replace(green, service=now_live),
        Environment.PROD_BLUE: replace(blue, service=green.service),
    }
    reason = f"production forwards to {live}, inventory said {green.service.name}"
    return {**rows, **exchanged}, [reason]


def _following_the_services(rows: Rows, observed: Observed) -> tuple[Rows, list[str]]:
    changed, reasons = dict(rows), []
    for environment, row in rows.items():
        deployment = moved(row.service, observed) if row.service else None
        if row.service is None or deployment is None:
            continue
        service = _running(row.service, deployment, rows.values(), observed)
        changed[environment] = replace(row, service=service)
        reasons.append(
            f"{environment} runs {service.version} ({service.image}),"
            f" inventory said {row.service.version or 'the first image'}"
        )
    return changed, reasons


def _running(
    service: Service, deployment: Deployment, rows: Iterable[Row], observed: Observed
) -> Service:
    """Return a service as it is after somebody else gave it a task definition."""
    blueprint = observed.blueprints[service.name]
    uri = str(blueprint["containerDefinitions"][0]["image"])
    version, digest = _version(uri, rows)
    return replace(
        service,
        task_definition=deployment.task_definition,
        blueprint=blueprint,
        image=uri,
        digest=digest,
        version=version,
        deployed_at=deployment.updated_at,
        deployed_by=None,
    )


def _version(uri: str, rows: Iterable[Row]) -> tuple[str, str | None]:
    """Return version and digest of an image: its tag, or what inventory calls that digest."""
    try:
        image = Image.parse(uri)
    except ValueError:
        return uri, None
    services = (row.service for row in rows if row.service)
    called = (each.version for each in services if each.version and each.digest == image.digest)
    known = next(called, None) if image.digest else None
    short = (image.digest or "").removeprefix("sha256:")[:_SHORT_DIGEST]
    return known or image.tag or short or "latest", image.digest


def _noted(rows: Rows, observed: Observed) -> tuple[Rows, list[str]]:
    """Return the rows with what they cannot follow, and what of it is new or over."""
    changed, reasons = dict(rows), []
    for environment, row in rows.items():
        note = _note(row, observed)
        if note == row.drift:
            continue
        changed[environment] = replace(row, drift=note)
        reasons.append(f"{environment}: {note or 'is as it should be again'}")
    return changed, reasons


def _note(row: Row, observed: Observed) -> str | None:
    service = row.service
    running = observed.services.get(service.name) if service else None
    if running is None or not running.active:
        return "its ECS service is gone: delete the application and create it again"
    if row.environment is Environment.PROD_GREEN and observed.production is None:
        return (
            "the production listener does not forward to exactly one of the slots prod-1 and"
            " prod-2: point it at one of their target groups"
        )
    if row.environment is Environment.PROD_BLUE and observed.production:
        idle = other_slot(observed.production)
        if observed.test != idle:
            return f"the test listener does not forward to {idle}: the next swap sets it right"
    return None
