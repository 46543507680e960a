"""What there is: applications, their environments and the ECS services behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from devops_core.naming import SLOTS, Environment


class RowStatus(StrEnum):
    """The state of an inventory row."""

    CREATING = "CREATING"
    ACTIVE = "ACTIVE"
    DELETE_FAILED = "DELETE_FAILED"
    STACK_DELETED = "STACK_DELETED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """What all rows of an application share. The ARNs are None until its stack is complete.

    `warmup` are the paths of its pages that are fetched from blue before it goes live.
    """

    name: str
    technical_team: str
    email: str
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    stack_id: str | None = None
    repository: str | None = None
    production_listener: str | None = None
    test_listener: str | None = None
    warmup: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """An ECS service of an application and what runs in it.

    `blueprint` is the input of the RegisterTaskDefinition call that made `task_definition`.
    `version` is None until the first deploy; `was_live` says whether production ever ran here.
    `registered` is the task definition that an operation registered for it last, which is to be
    deregistered when the next one has taken its place; None while it runs what the stack made.
    """

    name: str
    arn: str
    target_group: str
    task_definition: str
    blueprint: Mapping[str, Any]
    image: str
    registered: str | None = None
    digest: str | None = None
    version: str | None = None
    deployed_at: datetime | None = None
    deployed_by: str | None = None
    was_live: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One inventory row: an application's environment, or a role of its production.

    `claim` is the id of the operation that holds the row, `revision` counts its changes. `drift`
    says what in AWS is not as the row says, when that is nothing the row can follow.
    """

    application: Application
    environment: Environment
    status: RowStatus
    claim: str | None = None
    revision: int = 0
    url: str | None = None
    service: Service | None = None
    operation: str | None = None
    updated_at: datetime | None = None
    updated_by: str | None = None
    drift: str | None = None


@dataclass(frozen=True, slots=True)
class Inventory:
    """All rows of one application, by environment; empty when there is no such application."""

    rows: Mapping[Environment, Row]

    @property
    def application(self) -> Application | None:
        """What the rows share, or None without rows."""
        return next((row.application for row in self.rows.values()), None)

    def service(self, environment: Environment) -> Service | None:
        """Return the service of an environment, if the row exists and its stack is complete."""
        row = self.rows.get(environment)
        return row.service if row else None

    def production_slot(self, name: str) -> Service | None:
        """Return the production service of a slot ("prod-1"), whichever role it has."""
        slots = (self.service(Environment.PROD_GREEN), self.service(Environment.PROD_BLUE))
        return next((slot for slot in slots if slot and slot.name == name), None)

    def held_by(self, operation_id: str) -> list[Row]:
        """Return the rows that an operation holds."""
        return [row for row in self.rows.values() if row.claim == operation_id]


def other_slot(slot: str) -> str:
    """Return the other production slot."""
    return SLOTS[1] if slot == SLOTS[0] else SLOTS[0]
