"""The words of the service as frozen values: inventory rows, operations, what AWS was seen to be.

Times are aware datetimes in UTC. Nothing here knows AWS, DynamoDB or HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from devops_core.naming import SLOTS, Environment


class Kind(StrEnum):
    """What an operation does."""

    CREATE = "create"
    DEPLOY = "deploy"
    DEPLOY_BLUE = "deploy-blue"
    SWAP = "swap"
    DELETE = "delete"


class Status(StrEnum):
    """How far an operation, or its part in one environment, has come."""

    IN_PROGRESS = "IN_PROGRESS"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class RowStatus(StrEnum):
    """The state of an inventory row."""

    CREATING = "CREATING"
    ACTIVE = "ACTIVE"
    DELETE_FAILED = "DELETE_FAILED"


# How long an operation may take before it ends as FAILED. CloudFormation and ECS give up earlier
# by themselves in nearly every case: a service that does not become stable stops its stack after
# the circuit breaker's attempts, and a deployment likewise.
TIME_LIMITS: Mapping[Kind, timedelta] = {
    Kind.CREATE: timedelta(minutes=60),
    Kind.DEPLOY: timedelta(minutes=30),
    Kind.DEPLOY_BLUE: timedelta(minutes=30),
    Kind.SWAP: timedelta(minutes=15),
    Kind.DELETE: timedelta(minutes=60),
}

# How long one worker may act on an operation alone. Longer than any function of the service lives
# (60 s, serverless.yml), so that who holds a lease that has run out is dead, not slow.
LEASE = timedelta(seconds=65)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSpec:
    """How an application's tasks run: port, health path, CPU units, memory in MiB, count."""

    container_port: int = 80
    health_check_path: str = "/health"
    cpu: int = 256
    memory: int = 512
    desired_count: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)

    @property
    def needs_configuring(self) -> bool:
        """Whether the services must be changed after the stack has made them.

        A CloudFormation parameter cannot hold a map, and the template leaves the task count to
        ECS (one), so that a later stack update does not undo a scaled service.
        """
        return bool(self.environment or self.secrets or self.desired_count != 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """What all rows of an application share. The ARNs are None until its stack is complete."""

    name: str
    technical_team: str
    email: str
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    stack_id: str | None = None
    repository: str | None = None
    production_listener: str | None = None
    test_listener: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """An ECS service of an application and what runs in it.

    `blueprint` is the input of the RegisterTaskDefinition call that made `task_definition`.
    `version` is None until the first deploy; `was_live` says whether production ever ran here.
    """

    name: str
    arn: str
    target_group: str
    task_definition: str
    initial_task_definition: str
    blueprint: Mapping[str, Any]
    image: str
    digest: str | None = None
    version: str | None = None
    deployed_at: datetime | None = None
    deployed_by: str | None = None
    was_live: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One inventory row: an application's environment, or a role of its production.

    `claim` is the id of the operation that holds the row, `revision` counts its changes.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The part of an operation in one service: what it must come to run, and how far it is.

    `url` is where the environment is reached. `wanted` is the task definition to run, None until
    it is registered; `previous` the one to go back to; `obsolete` the one that nothing needs any
    more once this succeeded. `desired_count` is the task count to set, None to leave it alone;
    `asked_at` says when UpdateService was first decided on, `sent` that it was accepted,
    `retired` that the task definition left over was deregistered.
    """

    environment: Environment
    service: str
    status: Status = Status.IN_PROGRESS
    url: str | None = None
    image: str | None = None
    digest: str | None = None
    version: str | None = None
    previous_version: str | None = None
    previous: str | None = None
    obsolete: str | None = None
    wanted: str | None = None
    desired_count: int | None = None
    asked_at: datetime | None = None
    sent: bool = False
    retired: bool = False
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """The bytes of an application template: where they were read, which version, their SHA-256."""

    url: str
    version: str | None
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One accepted request, from the claim to its one end.

    `revision` grows with every save, and a save names the one it has seen: of two workers one
    loses. `lease_until` is set while a worker acts. `live` and `idle` are the slots that a swap
    leads to, `switched_at` when customers were moved. `doomed` says that a create is being undone
    or a delete was sent. `events` counts the events written so far, `reasons` why it failed.
    """

    id: str
    kind: Kind
    application: str
    caller: str
    requested_at: datetime
    deadline: datetime
    status: Status = Status.IN_PROGRESS
    ended_at: datetime | None = None
    revision: int = 0
    lease_until: datetime | None = None
    progress: tuple[Progress, ...] = ()
    service: ServiceSpec | None = None
    stack_id: str | None = None
    template: Template | None = None
    live: str | None = None
    idle: str | None = None
    version: str | None = None
    switched_at: datetime | None = None
    doomed: bool = False
    events: int = 0
    waiting_for: str | None = None
    reasons: tuple[str, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether the operation has come to its end."""
        return self.status is not Status.IN_PROGRESS

    def leased(self, now: datetime) -> bool:
        """Whether some worker is acting on the operation at this moment."""
        return self.lease_until is not None and now < self.lease_until

    def overdue(self, now: datetime) -> bool:
        """Whether the time limit has run out."""
        return now >= self.deadline

    def with_progress(self, changed: Progress) -> Operation:
        """Return the operation with the progress of one service replaced."""
        progress = tuple(
            changed if part.service == changed.service else part for part in self.progress
        )
        return replace(self, progress=progress)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the audit log.

    `key` is unique within the operation: written twice, it is still one event.
    """

    key: str
    operation: str
    kind: Kind
    application: str
    caller: str
    time: datetime
    outcome: str
    environment: Environment | None = None
    version: str | None = None
    previous_version: str | None = None
    image: str | None = None
    digest: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A CloudFormation stack as DescribeStacks gives it; `operation` is its operation tag."""

    id: str
    status: str
    operation: str | None = None
    reason: str | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One deployment of an ECS service.

    `state` is its rolloutState, `running` the number of its tasks that run, `updated_at` when ECS
    changed it last.
    """

    task_definition: str
    primary: bool
    state: str
    running: int = 0
    reason: str = ""
    failed_tasks: int = 0
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningService:
    """An ECS service as DescribeServices gives it.

    `stopped` says why tasks of a rollout that fails have stopped, where that was asked for.
    """

    name: str
    active: bool
    desired: int
    running: int
    pending: int
    deployments: tuple[Deployment, ...]
    stopped: tuple[str, ...] = ()

    @property
    def primary(self) -> Deployment | None:
        """The deployment that ECS is moving the service to, or has."""
        return next((deployment for deployment in self.deployments if deployment.primary), None)

    def fails(self, task_definition: str) -> bool:
        """Whether the rollout of a task definition has failed, or tasks of it have."""
        primary = self.primary
        if primary is None or primary.task_definition != task_definition:
            return True
        return primary.state == "FAILED" or primary.failed_tasks > 0

    def failed(self, task_definition: str) -> Deployment | None:
        """Return the failed deployment of a task definition, while ECS still lists it."""
        return next(
            (
                deployment
                for deployment in self.deployments
                if deployment.task_definition == task_definition and deployment.state == "FAILED"
            ),
            None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What was seen in AWS, only as far as the operation needs it.

    `services` by service name; `registered` task definitions found by the operation's tag, by
    service name; `production` and `test` are the slots that the listeners forward to, `healthy`
    the number of healthy targets by service name. `looked` is False right after the claim, when
    nothing can have been done yet.
    """

    looked: bool = True
    stack: Stack | None = None
    stack_failures: tuple[str, ...] = ()
    services: Mapping[str, RunningService] = field(default_factory=dict)
    registered: Mapping[str, str] = field(default_factory=dict)
    blueprints: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    production: str | None = None
    test: str | None = None
    healthy: Mapping[str, int] = field(default_factory=dict)


def other_slot(slot: str) -> str:
    """Return the other production slot."""
    return SLOTS[1] if slot == SLOTS[0] else SLOTS[0]
