"""The inventory: applications, their environments and the ECS services behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from devops_core.errors import (
    BusyError,
    ConflictError,
    NotDeployableError,
    UnknownApplicationError,
    UnknownEnvironmentError,
    no_application,
)
from devops_core.model.listeners import LISTENER_DELAY
from devops_core.naming import SLOTS, Environment

if TYPE_CHECKING:
    from devops_core.model.operation import Operation
    from devops_core.model.specification import ApplicationRecord, Specification


class RowStatus(StrEnum):
    """The state of an inventory row."""

    CREATING = "CREATING"
    ACTIVE = "ACTIVE"
    DELETE_FAILED = "DELETE_FAILED"
    STACK_DELETED = "STACK_DELETED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """The members that all rows of an application share. ARNs are None until the stack exists.

    `creation` is the id of the operation that created the application, which distinguishes it from
    an earlier, deleted application with the same name.
    """

    name: str
    technical_team: str
    creation: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    stack_id: str | None = None
    repository: str | None = None
    production_listener: str | None = None
    test_listener: str | None = None


# Reasons of `Service.unverified`.
NOT_STARTED = "no task was started: the service is scaled to 0"
NOT_COMPLETED = "its rollout did not complete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """An ECS service of an application and the release that runs in it.

    `blueprint` is the input of the RegisterTaskDefinition call for `task_definition`.
    `container` is the name of the application's container, which the load balancer entry of the
    service names. `version` is None until the first deploy. `deployers` are the callers that
    deployed, promoted or configured the release, without the names of sessions; a release that
    was live has none. `was_live` means that production ran in this service before.
    `live_definition` is the task definition with which it was live until the last swap, None
    after a swap back. `registered` is the last task definition that an operation registered for
    it, which the next rollout deregisters; None while the service runs the stack's task
    definition. `unverified` is the reason why the release cannot be promoted: no rollout of it
    has completed with tasks. `spec` is the revision of the specification that the release has,
    `spec_hash` identifies its settings (`EnvironmentSettings`), and `owned` lists the settings
    that a rollout removes with the specification's; a release of another tool has no revision
    and no hash. `desired_count` is the task count that the specification has set, None for
    none; another tool can have changed it. `scaling` is that of the service's scalable target,
    by the names of the document; None without a scalable target. Without `scaling_known` the
    last call to Application Auto Scaling may have had an effect or none.
    """

    name: str
    arn: str
    target_group: str
    container: str
    task_definition: str
    blueprint: Mapping[str, Any]
    image: str
    registered: str | None = None
    digest: str | None = None
    version: str | None = None
    deployed_at: datetime | None = None
    deployed_by: str | None = None
    deployers: tuple[str, ...] = ()
    was_live: bool = False
    live_definition: str | None = None
    unverified: str | None = None
    spec: int | None = None
    spec_hash: str | None = None
    owned: tuple[str, ...] = ()
    desired_count: int | None = None
    scaling: Mapping[str, int] | None = None
    scaling_known: bool = True

    @property
    def has_live_release(self) -> bool:
        """Whether the service still has the release that the last swap replaced.

        A swap back is not followed by another one: the release that it replaced can be a bad one.
        """
        return self.live_definition == self.task_definition

    def live(self) -> Service:
        """Return the service as it is while it is live."""
        return replace(self, was_live=True, live_definition=None, unverified=None, deployers=())

    def replaced_by(self, next_live: Service) -> Service:
        """Return the service after a swap to another one, with the state of that one before."""
        kept = None if next_live.has_live_release else self.task_definition
        return replace(self, live_definition=kept)

    def has_scaling(self, scaling: Mapping[str, int] | None) -> bool:
        """Return whether the service has a scaling, as far as this is known."""
        return self.scaling_known and self.scaling == scaling


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One inventory row: an environment of an application, or a role of its production.

    `claim` is the id of the operation that holds the row, `revision` counts its changes. `drift`
    describes a difference between AWS and the row that the row cannot follow.
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

    def require_free(self) -> None:
        """Raise BusyError if an operation holds the row."""
        if self.claim:
            raise self.busy(self.claim)

    def busy(self, operation_id: str) -> BusyError:
        """Return the error of a row that an operation holds; a swap can last longer than a day."""
        held = (self.environment, self.application.name, operation_id)
        if self.environment.is_production:
            return BusyError(*held, "wait for its end, or abort it")
        return BusyError(*held)

    def updated(self, operation: Operation, now: datetime, **changes: Any) -> Row:
        """Return the row with changes that an operation makes, and with the operation's name."""
        return replace(
            self, operation=operation.id, updated_at=now, updated_by=operation.caller, **changes
        )


def container_of(blueprint: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a container of a task definition.

    ECS refuses a task definition without the container that the service's load balancer entry
    names.
    """
    named = {each["name"]: each for each in blueprint["containerDefinitions"]}
    found: Mapping[str, Any] = named[name]
    return found


@dataclass(frozen=True, slots=True)
class Inventory:
    """All rows of one application by environment; without rows the application does not exist.

    `record` has its specification. It is None without the application, and if only rows were read.
    """

    rows: Mapping[Environment, Row]
    record: ApplicationRecord | None = None

    @property
    def application(self) -> Application | None:
        """The members that the rows share, or None without rows."""
        return next((row.application for row in self.rows.values()), None)

    @property
    def specification(self) -> Specification:
        """The specification of the application; NotDeployableError if it is not on record."""
        if self.record is None:
            raise NotDeployableError(
                "the specification of the application is not on record: delete the application and"
                " create it again"
            )
        return self.record.specification

    @property
    def claims(self) -> set[str]:
        """The ids of the operations that hold rows or the record of the application."""
        held = {row.claim for row in self.rows.values() if row.claim}
        return held | ({self.record.claim} if self.record and self.record.claim else set())

    def existing_application(self, name: str) -> Application:
        """Return the application; UnknownApplicationError without rows."""
        for row in self.rows.values():
            return row.application
        raise UnknownApplicationError(no_application(name))

    def usable(self, *environments: Environment) -> list[tuple[Row, Service]]:
        """Return rows that an operation can claim, each with its service.

        Raises UnknownEnvironmentError, BusyError, and NotDeployableError for an incomplete stack.
        """
        usable = []
        for environment in environments:
            row = self.rows.get(environment)
            if row is None:
                existing = ", ".join(name for name in Environment if name in self.rows)
                name = self.application.name if self.application else ""
                raise UnknownEnvironmentError(
                    f"{name} has no environment {environment}: its environments are {existing}"
                )
            row.require_free()
            if row.status is not RowStatus.ACTIVE or row.service is None:
                raise NotDeployableError(
                    f"{environment} of {row.application.name} is {row.status}:"
                    " delete the application, then create it again"
                )
            usable.append((row, row.service))
        return usable

    def service(self, environment: Environment) -> Service | None:
        """Return the service of an environment, None without a row or a complete stack."""
        row = self.rows.get(environment)
        return row.service if row else None

    @property
    def slots(self) -> dict[str, Service]:
        """The production services by slot name, in the order of the names."""
        services = (self.service(Environment.PROD_GREEN), self.service(Environment.PROD_BLUE))
        named = {service.name: service for service in services if service}
        return {name: named[name] for name in SLOTS if name in named}

    @property
    def listeners(self) -> list[str]:
        """The ARNs of the production and the test listener; ConflictError without them."""
        application = self.application
        if not application or not application.production_listener or not application.test_listener:
            raise ConflictError("the application has no listeners: delete it and create it again")
        return [application.production_listener, application.test_listener]

    @property
    def slots_by_target_group(self) -> dict[str, str]:
        """The names of the slots by target group."""
        return {slot.target_group: name for name, slot in self.slots.items()}

    def held_by(self, operation_id: str) -> list[Row]:
        """Return the rows that an operation holds."""
        return [row for row in self.rows.values() if row.claim == operation_id]


def other_slot(slot: str) -> str:
    """Return the other production slot."""
    return SLOTS[1] if slot == SLOTS[0] else SLOTS[0]


def require_live_slot(inventory: Inventory, slot: str | None, now: datetime) -> str:
    """Return the slot behind the production listener, as ELB describes it.

    ConflictError if it forwards elsewhere, or if the description can be older than the last swap.
    """
    green = inventory.rows.get(Environment.PROD_GREEN)
    changed_at = (
        green.updated_at if green and green.service and green.service.name != slot else None
    )
    if slot and changed_at and now - changed_at < LISTENER_DELAY:
        raise ConflictError(
            "ELB describes another live slot than the inventory, which has just changed: repeat the"
            " call in a minute"
        )
    if slot is None:
        raise ConflictError(
            "the production listener does not forward to exactly one of the slots prod-1 and"
            " prod-2, because it was changed by hand: forward it to one of their target groups"
        )
    return slot
