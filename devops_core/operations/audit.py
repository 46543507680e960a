"""The audit log's lines: what was accepted, what changed since the last save, how it ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from devops_core.errors import redact
from devops_core.model import Event, Kind, Operation, Progress, Status
from devops_core.naming import Environment

ACCEPTED = "ACCEPTED"
SWITCHED = "SWITCHED"
ROLLING_BACK = "ROLLING_BACK"
ABORTING = "ABORTING"
DRIFT = "DRIFT"
DENIED = "DENIED"


def accepted(operation: Operation) -> Event:
    """Return the first event of an operation."""
    return _event(operation, "000", ACCEPTED, operation.requested_at)


def found(operation: Operation) -> Event:
    """Return the first event of a repair: what it found."""
    reason = "; ".join(operation.reasons)
    return _event(operation, "000", DRIFT, operation.requested_at, reason=reason)


def news(before: Operation, after: Operation, now: datetime) -> tuple[Operation, list[Event]]:
    """Return the events for what changed, and the operation that has counted them."""
    events = [
        _event(after, f"{number:03d}", time=now, **fact)
        for number, fact in enumerate(_facts(before, after), after.events + 1)
    ]
    return replace(after, events=after.events + len(events)), events


def is_news(before: Operation, after: Operation) -> bool:
    """Whether there are events for what changed."""
    return bool(_facts(before, after))


def _facts(before: Operation, after: Operation) -> list[dict[str, Any]]:
    facts: list[dict[str, Any]] = []
    if after.aborted_by and not before.aborted_by:
        facts.append({"outcome": ABORTING, "caller": after.aborted_by})
    if after.doomed and not before.doomed and after.reasons:
        facts.append({"outcome": ROLLING_BACK, "reason": "; ".join(after.reasons)})
    if after.switched_at and not before.switched_at:
        facts.append({"outcome": SWITCHED} | _details(_live(after)))
    ended_before = {part.service for part in before.progress if _ended(part)}
    return facts + [
        {"outcome": part.status.value} | _details(part)
        for part in after.progress
        if _ended(part) and part.service not in ended_before
    ]


def ended(operation: Operation, now: datetime) -> Event:
    """Return the one last event: its key follows from the operation, so there is only one."""
    reason = "; ".join(operation.reasons) or None
    return _event(operation, "END", operation.status.value, now, reason=reason)


def denied(
    identity: str, kind: Kind, application: str, caller: str, reason: str, now: datetime
) -> Event:
    """Return the event of a refusal. No operation came of it: `identity` is the event's own."""
    return Event(
        key=DENIED,
        operation=identity,
        kind=kind,
        application=application,
        caller=caller,
        time=now,
        outcome=DENIED,
        reason=reason,
    )


def _event(
    operation: Operation,
    key: str,
    outcome: str,
    time: datetime,
    reason: str | None = None,
    **details: Any,
) -> Event:
    return Event(
        key=key,
        operation=operation.id,
        kind=operation.kind,
        application=operation.application,
        time=time,
        outcome=outcome,
        **(
            {"caller": operation.caller, "version": operation.version}
            | details
            | {"reason": redact(reason) if reason else None}
        ),
    )


def _ended(part: Progress) -> bool:
    return part.status is not Status.IN_PROGRESS


def _details(part: Progress) -> dict[str, Any]:
    return {
        "environment": part.environment,
        "version": part.version,
        "previous_version": part.previous_version,
        "image": part.image,
        "digest": part.digest,
        "reason": part.reason,
    }


def _live(operation: Operation) -> Progress:
    return next(part for part in operation.progress if part.environment is Environment.PROD_GREEN)
