"""What is being done: operations, how far they are, and the events they leave in the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from devops_core.model.service_spec import ServiceSpec
from devops_core.naming import Environment


class Kind(StrEnum):
    """What an operation does. A repair corrects records and is over when it is written."""

    CREATE = "create"
    DEPLOY = "deploy"
    DEPLOY_BLUE = "deploy-blue"
    SWAP = "swap"
    DELETE = "delete"
    REPAIR = "repair"


class Status(StrEnum):
    """How far an operation, or its part in one environment, has come."""

    IN_PROGRESS = "IN_PROGRESS"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


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
class Progress:
    """The part of an operation in one service: what it must come to run, and how far it is.

    `url` is where the environment is reached. `wanted` is the task definition to run, None until
    it is registered; `previous` the one to go back to; `obsolete` the one that nothing needs any
    more once this succeeded. `desired_count` is the task count to set, None to leave it alone;
    `asked_at` says when UpdateService was last decided on, `sent` that it was accepted,
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

    def under_way(self, now: datetime) -> bool:
        """Whether an UpdateService may be on its way whose answer nobody has written down.

        As long as a lease: by then the worker that sent it is certainly gone.
        """
        return self.asked_at is not None and not self.sent and now < self.asked_at + LEASE


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """The bytes of an application template: where they were read, which version, their SHA-256."""

    url: str
    version: str | None
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Warmed:
    """A page that was fetched from blue: its HTTP status, or why there was none, in that time."""

    path: str
    status: int | None
    milliseconds: int
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One accepted request, from the claim to its one end.

    `revision` grows with every save, and a save names the one it has seen: of two workers one
    loses. `lease_until` is set while a worker acts. `live` and `idle` are the slots that a swap
    leads to, `switched_at` when customers were moved, `warmup` the paths that are fetched from blue
    before, `warmed` what they answered. `doomed` says that a create is being undone
    or a delete was sent, `aborted_by` who asked for its end. `events` counts the events written so
    far, `reasons` say why it failed, those of a repair what was found.
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
    warmup: tuple[str, ...] = ()
    warmed: tuple[Warmed, ...] = ()
    doomed: bool = False
    aborted_by: str | None = None
    events: int = 0
    waiting_for: str | None = None
    reasons: tuple[str, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether the operation has come to its end."""
        return self.status is not Status.IN_PROGRESS

    @property
    def facts(self) -> dict[str, Any]:
        """What every line of the functions' log says of the operation that it is about."""
        return {
            "operation": self.id,
            "kind": self.kind.value,
            "applicationName": self.application,
            "caller": self.caller,
        }

    def seconds_until(self, moment: datetime) -> float:
        """Return how long after the request a moment was, in seconds.

        The clock of whoever writes it down may be behind that of who began the operation.
        """
        return max(0.0, round((moment - self.requested_at).total_seconds(), 3))

    def leased(self, now: datetime) -> bool:
        """Whether some worker is acting on the operation at this moment."""
        return self.lease_until is not None and now < self.lease_until

    def overdue(self, now: datetime) -> bool:
        """Whether the time limit has run out."""
        return now >= self.deadline

    def part(self, service: str) -> Progress:
        """Return the progress of one service."""
        return next(part for part in self.progress if part.service == service)

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
