"""Notifications: messages to people about events of operations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from devops_core.model.operation import Event, Operation, Status
from devops_core.naming import Environment

# The title of a notification by the outcome of its event; other outcomes have none.
_TITLES: Mapping[str, str] = {
    "AWAITING_APPROVAL": "Operation waits for approval",
    "RETURNING": "Operation rolls back",
    "DRIFT": "Drift found",
}
# The title for the last event of an operation.
_ENDED = "Operation ended"
# Characters of a reason. Ten notifications stay far below the limit of PutEvents, 1 MB for all
# entries (EventBridge API), and the operation has the whole reason.
_LONGEST_REASON = 1000


class EnvironmentResult(NamedTuple):
    """The progress of an operation in one environment, at the time of an event."""

    environment: Environment
    status: Status
    version: str | None = None
    previous_version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """The message about an event; `id` is unique, so a receiver can ignore a repetition.

    `time`, `outcome`, `caller` and `reason` are those of the event. `status` is that of the
    operation, `environments` its progress.
    """

    id: str
    title: str
    operation: str
    kind: str
    application: str
    caller: str
    time: datetime
    outcome: str
    status: Status
    environments: tuple[EnvironmentResult, ...] = ()
    version: str | None = None
    reason: str | None = None


class OutboxKey(NamedTuple):
    """The key of a stored notification: its application, and its entry, which sorts by time."""

    application: str
    entry: str

    @property
    def position(self) -> str:
        """The place in the order of the outbox: the oldest notification first."""
        return f"{self.entry} {self.application}"


def notifications(operation: Operation, events: Iterable[Event]) -> list[Notification]:
    """Return the notifications about new events of an operation, none for most events."""
    return [
        Notification(
            id=f"{event.operation}-{event.key}",
            title=title,
            operation=event.operation,
            kind=event.kind,
            application=event.application,
            caller=event.caller,
            time=event.time,
            outcome=event.outcome,
            status=operation.status,
            environments=tuple(
                EnvironmentResult(
                    part.environment, part.status, part.version, part.previous_version
                )
                for part in operation.progress
            ),
            version=event.version,
            reason=event.reason and event.reason[:_LONGEST_REASON],
        )
        for event in events
        if (title := _ENDED if event.last else _TITLES.get(event.outcome))
    ]
