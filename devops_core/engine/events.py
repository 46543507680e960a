"""The event log: the acceptance, the changes between two saves, and the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from devops_core import access
from devops_core.errors import redact
from devops_core.model.operation import END, Event, Operation, Progress, Status
from devops_core.operation_id import derived_id

# The members of an event that differ from those of its operation (arguments of `_event`).
Members = dict[str, Any]


def acceptance(operation: Operation) -> Event:
    """Return the first event of an operation, with the warnings of its plan."""
    reason = "; ".join(operation.warnings) or None
    return _event(operation, "000", operation.requested_at, outcome="ACCEPTED", reason=reason)


def drift_found(operation: Operation) -> Event:
    """Return the first event of a repair, with its findings."""
    reason = "; ".join(operation.reasons)
    return _event(operation, "000", operation.requested_at, outcome="DRIFT", reason=reason)


def with_changes(
    before: Operation, after: Operation, now: datetime, own: Sequence[Members] = ()
) -> tuple[Operation, list[Event]]:
    """Return the events for the changes of an operation, and the operation that counts them.

    `own` are the events of the operation's kind (`Kind.events`).
    """
    events = [
        _event(after, f"{number:03d}", now, **members)
        for number, members in enumerate(_changes(before, after, own), after.events + 1)
    ]
    return replace(after, events=after.events + len(events)), events


def has_changes(before: Operation, after: Operation, own: Sequence[Members]) -> bool:
    """Return whether the changes of an operation have events."""
    return bool(_changes(before, after, own))


def _changes(before: Operation, after: Operation, own: Sequence[Members]) -> list[Members]:
    aborts = [{"outcome": "ABORTING", "caller": after.aborted_by}]
    ended_before = {
        part.service for part in before.progress if part.status is not Status.IN_PROGRESS
    }
    return [
        *(aborts if after.aborted_by and not before.aborted_by else []),
        *own,
        *(
            {"outcome": part.status.value, "part": part}
            for part in after.progress
            if part.status is not Status.IN_PROGRESS and part.service not in ended_before
        ),
    ]


def end(operation: Operation, now: datetime) -> Event:
    """Return the last event. Its key depends on the operation alone, so there is only one."""
    reason = "; ".join(operation.reasons) or None
    return _event(operation, END, now, outcome=operation.status.value, reason=reason)


def denial(kind: str, application: str, caller: str, reason: str, now: datetime) -> Event:
    """Return the event of a refused call.

    All refusals of an IAM user, IAM role or API key for one kind and application on one day (UTC)
    are one event at the start of the day. So repeated refusals cannot displace other events. The
    event has no operation, so it has an id of its own, which depends on these values only.
    """
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    identity = access.account_principal(caller)
    return Event(
        key="DENIED",
        operation=derived_id(day, application, kind, identity),
        kind=kind,
        application=application,
        caller=identity,
        time=day,
        outcome="DENIED",
        reason=reason,
        count=1,
        first_time=now,
        last_time=now,
    )


def _event(
    operation: Operation,
    key: str,
    time: datetime,
    *,
    outcome: str,
    caller: str | None = None,
    reason: str | None = None,
    part: Progress | None = None,
) -> Event:
    """Return an event of an operation, or of its progress in one service."""
    if part:
        reason = reason or part.reason or part.remark
    return Event(
        key=key,
        operation=operation.id,
        kind=operation.kind,
        application=operation.application,
        time=time,
        outcome=outcome,
        caller=caller or operation.caller,
        environment=part.environment if part else None,
        version=part.version if part else operation.version,
        previous_version=part.previous_version if part else None,
        image=part.image if part else None,
        digest=part.digest if part else None,
        reason=redact(reason) if reason else None,
    )
