"""Operations as callers see them: JSON in which members without a value are left out."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from devops_core.errors import redact

if TYPE_CHECKING:
    from devops_core.model import Operation, Progress, Template, Warmed


def shown(operation: Operation, url: str) -> dict[str, Any]:
    """Return an operation as callers see it; members without a value are left out."""
    members = {
        "id": operation.id,
        "kind": operation.kind.value,
        "applicationName": operation.application,
        "status": operation.status.value,
        "url": url,
        "caller": operation.caller,
        "abortedBy": operation.aborted_by,
        "requestedAt": time(operation.requested_at),
        "deadline": time(operation.deadline),
        "endedAt": time(operation.ended_at),
        "switchedAt": time(operation.switched_at),
        "waitingFor": redact(operation.waiting_for) if operation.waiting_for else None,
        "took": _took(operation),
        "template": shown_template(operation.template),
        "warmup": [_page(page) for page in operation.warmed],
        "reasons": [redact(reason) for reason in operation.reasons],
        "environments": [shown_part(part) for part in operation.progress],
    }
    return {name: value for name, value in members.items() if value not in (None, [], {})}


def _took(operation: Operation) -> dict[str, float]:
    """Return how long it took from the request to the switch and to the end, in seconds."""
    moments = {"untilSwitched": operation.switched_at, "untilEnded": operation.ended_at}
    return {name: operation.seconds_until(moment) for name, moment in moments.items() if moment}


def shown_template(template: Template | None) -> dict[str, str]:
    """Return which version and which bytes of the application template a create sends."""
    if template is None:
        return {}
    version = {"version": template.version} if template.version else {}
    return {**version, "sha256": template.sha256}


def _page(page: Warmed) -> dict[str, Any]:
    members = {
        "path": page.path,
        "status": page.status,
        "seconds": page.milliseconds / 1000,
        "reason": redact(page.reason) if page.reason else None,
    }
    return {name: value for name, value in members.items() if value is not None}


def shown_part(part: Progress) -> dict[str, Any]:
    """Return the part of an operation in one environment, as callers see it."""
    members = {
        "environment": part.environment.value,
        "slot": part.service if part.environment.is_production else None,
        "status": part.status.value,
        "url": part.url,
        "version": part.version,
        "previousVersion": part.previous_version,
        "image": part.image,
        "digest": part.digest,
        "reason": redact(part.reason) if part.reason else None,
    }
    return {name: value for name, value in members.items() if value is not None}


def time(moment: datetime | None) -> str | None:
    """Return a time as answers tell it: "2026-01-31T12:00:00.000Z"."""
    if moment is None:
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
