"""Views of operations and of their progress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from devops_core.errors import redact
from devops_core.model.times import time_text
from devops_core.naming import PRODUCTION

if TYPE_CHECKING:
    from devops_core.details import Details
    from devops_core.model.operation import Operation, Progress


def operation_view(operation: Operation, url: str) -> dict[str, Any]:
    """Return the view of an operation, with the members of its kind."""
    details: Details | None = operation.details
    further = details.view(ended=operation.ended) if details else {}
    milestones = (details.milestones() if details else {}) | {"endedAt": operation.ended_at}
    # Seconds from the request: "switchedAt" becomes "untilSwitched".
    took = {}
    for name, moment in milestones.items():
        if moment:
            took[f"until{name[0].upper()}{name[1:].removesuffix('At')}"] = operation.seconds_until(
                moment
            )
    members = {
        "id": operation.id,
        "kind": operation.kind,
        "applicationName": operation.application,
        "status": operation.status.value,
        "spec": operation.spec,
        "url": url,
        "caller": operation.caller,
        "abortedBy": operation.aborted_by,
        "requestedAt": time_text(operation.requested_at),
        "deadline": time_text(operation.deadline),
        **{name: time_text(moment) for name, moment in milestones.items()},
        "waitingFor": redact(operation.waiting_for) if operation.waiting_for else None,
        "took": took,
        **further,
        "reasons": [redact(reason) for reason in operation.reasons],
        "warnings": [redact(warning) for warning in operation.warnings],
        "environments": [progress_view(part) for part in operation.progress],
    }
    return {name: value for name, value in members.items() if value not in (None, [], {})}


def progress_view(part: Progress) -> dict[str, Any]:
    """Return the view of an operation's progress in one environment."""
    reason = part.reason or part.remark
    members = {
        "environment": part.environment.value,
        "slot": part.service if part.environment in PRODUCTION else None,
        "status": part.status.value,
        "url": part.url,
        "version": part.version,
        "previousVersion": part.previous_version,
        "image": part.image,
        "digest": part.digest,
        "reason": redact(reason) if reason else None,
        "containerLog": part.log.view() if part.log else None,
    }
    return {name: value for name, value in members.items() if value is not None}
