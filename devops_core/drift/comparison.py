"""Comparison of the inventory with AWS, and the corrected rows; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from devops_core.drift.scaling import scaling_drift
from devops_core.model.inventory import Inventory, Row, RowStatus, Service, other_slot
from devops_core.model.listeners import listener_of, missing_listener, role_problems
from devops_core.model.observed import Deployment, Observed
from devops_core.model.outside_release import followed_service, outside_deployment
from devops_core.naming import Environment

# A younger inventory is not checked, because AWS may still return an earlier state.
SETTLED_AFTER = timedelta(minutes=2)

RowsByEnvironment = Mapping[Environment, Row]


@dataclass(frozen=True, slots=True)
class Finding:
    """The corrected rows and the reasons of the corrections; both empty without drift.

    `freed` is the id of an operation whose claim of the specification must be removed.
    """

    rows: tuple[Row, ...] = ()
    reasons: tuple[str, ...] = ()
    freed: str | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing must be corrected."""
        return not self.rows and self.freed is None


def settled(inventory: Inventory, now: datetime) -> bool:
    """Return whether an application can be checked: complete, free, and unchanged for a while."""
    rows = inventory.rows.values()
    if inventory.claims:
        return False
    return bool(rows) and all(
        row.status is RowStatus.ACTIVE
        and (row.updated_at is None or now - row.updated_at >= SETTLED_AFTER)
        for row in rows
    )


def stack_deleted(observed: Observed) -> bool:
    """Return whether the application's stack does not exist any more."""
    return observed.stack is None or observed.stack.status == "DELETE_COMPLETE"


def complete_outside_deployment(service: Service, observed: Observed) -> Deployment | None:
    """Return an outside deployment whose rollout is complete."""
    deployment = outside_deployment(service, observed)
    return deployment if deployment and deployment.state == "COMPLETED" else None


def find_drift(inventory: Inventory, observed: Observed) -> Finding:
    """Return the drift of a settled application.

    The rows of production follow the listener, and each row follows the release of its service.
    The `drift` of a row describes a difference that the row cannot follow, until it ends.
    """
    if stack_deleted(observed):
        return _without_stack(inventory)
    if observed.stack and observed.stack.status == "DELETE_IN_PROGRESS":
        return Finding()
    rows, moves = _follow_listener(inventory.rows, observed)
    rows, changes = _follow_services(rows, observed)
    rows, notes = _with_drift(rows, observed, inventory.slots_by_target_group)
    changed = tuple(row for name, row in rows.items() if row != inventory.rows[name])
    return Finding(changed, (*moves, *changes, *notes))


def _without_stack(inventory: Inventory) -> Finding:
    rows = tuple(replace(row, status=RowStatus.STACK_DELETED) for row in inventory.rows.values())
    return Finding(rows, ("the application's stack was deleted outside of this service",))


def _follow_listener(
    rows: RowsByEnvironment, observed: Observed
) -> tuple[RowsByEnvironment, list[str]]:
    # A row may have been removed by hand.
    green, blue = rows.get(Environment.PROD_GREEN), rows.get(Environment.PROD_BLUE)
    live = observed.production
    if not green or not blue or green.service is None or blue.service is None:
        return rows, []
    if live in (None, green.service.name):
        return rows, []
    before = green.service.replaced_by(blue.service)
    exchanged = {
        Environment.PROD_GREEN: replace(green, service=blue.service.live()),
        Environment.PROD_BLUE: replace(blue, service=before),
    }
    reason = f"the production listener forwards to {live}; the inventory had {green.service.name}"
    return {**rows, **exchanged}, [reason]


def _follow_services(
    rows: RowsByEnvironment, observed: Observed
) -> tuple[RowsByEnvironment, list[str]]:
    changed, reasons = dict(rows), []
    for environment, row in rows.items():
        recorded = row.service
        deployment = complete_outside_deployment(recorded, observed) if recorded else None
        if recorded is None or deployment is None:
            continue
        service = followed_service(recorded, deployment, rows.values(), observed)
        changed[environment] = replace(row, service=service)
        reasons.append(
            f"{environment} runs {service.version} ({service.image});"
            f" the inventory had {recorded.version or 'the first image'}"
        )
    return changed, reasons


def _with_drift(
    rows: RowsByEnvironment, observed: Observed, slots: Mapping[str, str]
) -> tuple[RowsByEnvironment, list[str]]:
    """Return the rows with their present drift, and the reasons of the changes."""
    changed, reasons = dict(rows), []
    for environment, row in rows.items():
        note = _row_drift(row, observed) or "; ".join(
            role_problems(row.environment, observed.listeners, slots)
        )
        if (note or None) == row.drift:
            continue
        changed[environment] = replace(row, drift=note or None)
        reasons.append(f"{environment}: {note or 'the drift has ended'}")
    return changed, reasons


def _row_drift(row: Row, observed: Observed) -> str | None:
    service = row.service
    running = observed.services.get(service.name) if service else None
    if running is None or not running.active:
        return "the ECS service does not exist: delete the application and create it again"
    listener = listener_of(row.environment)
    if listener and listener not in observed.listeners:
        return missing_listener(listener)
    if row.environment is Environment.PROD_GREEN and observed.production is None:
        return (
            "the production listener does not forward to exactly one of the slots prod-1 and"
            " prod-2: forward it to one of their target groups"
        )
    if row.environment is Environment.PROD_BLUE and observed.production:
        idle = other_slot(observed.production)
        if observed.test != idle:
            return f"the test listener does not forward to {idle}: the next swap corrects it"
    return scaling_drift(row, observed)
