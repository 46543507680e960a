"""Operations: one accepted write, its progress in each service, and its audit events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from devops_core.model.container_log import ContainerLog
from devops_core.naming import Environment

# A worker may act on an operation for this long (docs/decisions/0003-lease.md).
LEASE = timedelta(seconds=65)
# Grace period after the deadline before an operation fails that AWS blocks.
GRACE = timedelta(minutes=30)
# The key of the last event of an operation.
END = "END"

# The largest number of texts of one kind in a record, and of their characters, so that it stays
# small: a load balancer can have 100 rules, and the name of an alarm 255 characters.
_MAX_TEXTS = 10
_MAX_CHARACTERS = 2000


def shortened(texts: Iterable[str], most: int = _MAX_TEXTS) -> tuple[str, ...]:
    """Return the first of different texts, and the number of the others."""
    found = tuple(dict.fromkeys(texts))
    kept = found[:most]
    while len(kept) > 1 and sum(map(len, kept)) > _MAX_CHARACTERS:
        kept = kept[:-1]
    others = len(found) - len(kept)
    return (*kept, f"and {others} more") if others else kept


class Status(StrEnum):
    """The state of an operation, or of its progress in one environment."""

    IN_PROGRESS = "IN_PROGRESS"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The progress of an operation in one ECS service.

    `deployers` are those of the release (`Service.deployers`).
    `target` is the task definition that the service must run, None until it is registered.
    `previous` is the task definition to return to, `obsolete` the one to deregister after success.
    `desired_count` is the task count to set, None for no change. `asked_at` is the time of the
    last UpdateService decision, `sent` means that ECS accepted it, `deregistered` that the
    unused task definition is deregistered. `digest_reported` means that ECS reported the digest
    after the rollout, so the task definition names the image by its tag. `remark` is a fact about a
    successful rollout that the caller must know. `completed` means that all tasks of the target
    ran, so the service keeps it, even if its scaling fails. `unrestored` means that the service
    keeps the target of a failed rollout: it cannot return to `previous`, or the target is complete.
    `log` is that of a container that failed. `url` is the address of the environment. `spec_hash`
    identifies the settings that the service must have, None if they do not change;
    `start_seconds` is its wanted grace period, None for no change. `keeps_image` means that the
    rollout changes only settings.
    `scaling` is that of the service after the rollout, by the names of the document; None for none.
    `scaled` means that the service has it. `scalable` means that the service can have a scalable
    target of Application Auto Scaling.
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
    target: str | None = None
    deployers: tuple[str, ...] = ()
    desired_count: int | None = None
    start_seconds: int | None = None
    spec_hash: str | None = None
    keeps_image: bool = False
    scaling: Mapping[str, int] | None = None
    scaled: bool = True
    scalable: bool = False
    asked_at: datetime | None = None
    sent: bool = False
    deregistered: bool = False
    digest_reported: bool = False
    remark: str | None = None
    completed: bool = False
    unrestored: bool = False
    reason: str | None = None
    log: ContainerLog | None = None

    @property
    def only_counts(self) -> bool:
        """Whether only the task count or the scaling of the service changes."""
        return self.keeps_image and self.spec_hash is None

    @property
    def scales(self) -> bool:
        """Whether the operation applies or removes the scaling of the service."""
        return self.scalable or self.scaling is not None

    @property
    def count_to_send(self) -> int | None:
        """The task count of an UpdateService call, None for no change.

        While a service has scaling, a count would undo the last change of Application Auto Scaling.
        """
        return None if self.scalable else self.desired_count

    def update_in_flight(self, now: datetime) -> bool:
        """Return whether an UpdateService call without a recorded result may still take effect.

        The worker that sent it holds a lease, so the call can take effect until the lease ends.
        """
        return self.asked_at is not None and not self.sent and now < self.asked_at + LEASE


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One accepted request, from its claim to its end.

    `kind` is the name of the operation's kind (`devops_core.kinds`), `details` the members that
    only this kind has. `spec` is the revision of the specification that it applies, None for none.
    `needs_approver` means that the caller must be a production approver, beside the requirements of
    the kind; this also counts for an abort.
    `revision` grows with every save, and a save requires the revision that it
    read, so of two workers only one can save. `lease_until` is set while a worker acts.
    `throttles` counts the runs in a row that AWS has throttled, and `paused_until` is the earliest
    time of the next run. Until `rests_until`, status reads do not observe AWS. `aborted_by` is the
    caller of the abort. `events` counts the audit events.
    `reasons` explain a failure, or the findings of a repair. `warnings` are facts for the caller
    that do not fail it.
    """

    id: str
    kind: str
    application: str
    caller: str
    requested_at: datetime
    deadline: datetime
    status: Status = Status.IN_PROGRESS
    ended_at: datetime | None = None
    revision: int = 0
    lease_until: datetime | None = None
    throttles: int = 0
    paused_until: datetime | None = None
    rests_until: datetime | None = None
    progress: tuple[Progress, ...] = ()
    details: Any = None
    version: str | None = None
    spec: int | None = None
    needs_approver: bool = False
    aborted_by: str | None = None
    events: int = 0
    waiting_for: str | None = None
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether the operation has ended."""
        return self.status is not Status.IN_PROGRESS

    @property
    def facts(self) -> dict[str, Any]:
        """The members of every log line about this operation."""
        return {
            "operation": self.id,
            "kind": self.kind,
            "applicationName": self.application,
            "caller": self.caller,
        }

    def seconds_until(self, moment: datetime | None) -> float | None:
        """Return the seconds from the request to a moment, at least 0; None without a moment.

        The clocks of two workers differ, so the moment can be before the request.
        """
        if moment is None:
            return None
        return max(0.0, round((moment - self.requested_at).total_seconds(), 3))

    def leased(self, now: datetime) -> bool:
        """Return whether a worker holds the operation now."""
        return self.lease_until is not None and now < self.lease_until

    def paused(self, now: datetime) -> bool:
        """Return whether the operation pauses after throttled calls."""
        return self.paused_until is not None and now < self.paused_until

    def rests(self, now: datetime) -> bool:
        """Return whether a status read must not observe AWS yet."""
        return self.rests_until is not None and now < self.rests_until

    def can_advance(self, now: datetime, *, urgent: bool = False) -> bool:
        """Return whether a worker can advance the operation now.

        An `urgent` run does not respect the rest of the operation: something has changed.
        """
        if self.ended or self.leased(now) or self.paused(now):
            return False
        return urgent or not self.rests(now)

    def overdue(self, now: datetime) -> bool:
        """Return whether the deadline has passed."""
        return now >= self.deadline

    def part(self, service: str) -> Progress:
        """Return the progress in one service."""
        return next(part for part in self.progress if part.service == service)

    def with_progress(self, service: str, **changes: Any) -> Operation:
        """Return the operation with changes to the progress in one service."""
        progress = tuple(
            replace(part, **changes) if part.service == service else part for part in self.progress
        )
        return replace(self, progress=progress)

    def with_details(self, **changes: Any) -> Operation:
        """Return the operation with changes to the details of its kind."""
        return replace(self, details=self.details._replace(**changes))

    def failed_everywhere(self, reason: str) -> tuple[Progress, ...]:
        """Return the progress with each service in progress marked FAILED for a reason."""
        return tuple(
            replace(part, status=Status.FAILED, reason=reason)
            if part.status is Status.IN_PROGRESS
            else part
            for part in self.progress
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry of the event log. `key` is unique in its operation, so a repeated write adds none.

    `kind` is the kind of the operation. The event of refused calls has their number `count`, and
    the times of the first and the last one.
    """

    key: str
    operation: str
    kind: str
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
    count: int | None = None
    first_time: datetime | None = None
    last_time: datetime | None = None

    @property
    def last(self) -> bool:
        """Whether it is the last event of its operation."""
        return self.key == END
