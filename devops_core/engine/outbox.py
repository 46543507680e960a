"""Send the notifications of the outbox; each one at least once, with a unique id.

The transaction that writes an event also writes its notification. It is removed only after
EventBridge has accepted it, so a crash between both calls sends it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple

from devops_core.engine import telemetry
from devops_core.errors import RefusedError, redact
from devops_core.model.notification import EnvironmentResult, Notification, OutboxKey
from devops_core.ports import Cloud
from devops_core.ports.notifications import Message

# Entries of one call (EventBridge API, PutEvents).
_BATCH = 10
# A run begins no calls after this time, so that operations have most of the time of a run.
BUDGET = timedelta(seconds=10)
# Characters that the input transformers of EventBridge or Slack could interpret.
_SPECIAL = str.maketrans('"\\<>&', "'/()+")


class _Due(NamedTuple):
    key: OutboxKey
    notification: Notification

    @property
    def facts(self) -> dict[str, Any]:
        """The members of a log line."""
        return {"operation": self.notification.operation, "applicationName": self.key.application}


def send_due(cloud: Cloud) -> None:
    """Send the notifications that are due; an error is counted, and the next run repeats them."""
    until = cloud.clock.now() + BUDGET
    try:
        for batch in _batches(cloud):
            if cloud.clock.now() >= until:
                return
            read = cloud.gather([partial(_read, cloud, key) for key in batch])
            _send(cloud, [due for due in read if due])
    except Exception as error:  # noqa: BLE001 - notifications must not stop operations
        telemetry.reconcile_failed(cloud, "notification failed", error)


def _batches(cloud: Cloud) -> Iterator[Sequence[OutboxKey]]:
    """Yield the keys of the due notifications in batches, the oldest first."""
    now, page = cloud.clock.now(), None
    while page is None or page.next:
        page = cloud.outbox.due(now, page.next if page else None)
        for start in range(0, len(page.items), _BATCH):
            yield page.items[start : start + _BATCH]


def _read(cloud: Cloud, key: OutboxKey) -> _Due | None:
    """Return a notification; None if another run has sent it, or if it cannot be read."""
    try:
        notification = cloud.outbox.read(key)
    except Exception as error:  # noqa: BLE001 - one broken item must not stop the others
        facts = {"applicationName": key.application, "entry": key.entry}
        telemetry.reconcile_failed(cloud, "notification failed", error, **facts)
        return None
    return _Due(key, notification) if notification else None


def _send(cloud: Cloud, batch: Sequence[_Due]) -> None:
    """Send a batch and remove what EventBridge accepts."""
    if not batch:
        return
    messages = [message(cloud.settings.public_url, due.notification) for due in batch]
    try:
        problems = cloud.notifications.send(messages)
    except RefusedError as refusal:
        if len(batch) > 1:
            # One of them can be the reason, and must not stop the others.
            for due in batch:
                _send(cloud, [due])
            return
        problems = [refusal.message]
    _settle(cloud, batch, problems)


def _settle(cloud: Cloud, batch: Sequence[_Due], problems: Sequence[str | None]) -> None:
    """Remove the notifications that EventBridge has accepted, and count the others."""
    accepted = []
    for due, problem in zip(batch, problems, strict=True):
        if problem is None:
            accepted.append(partial(cloud.outbox.remove, due.key))
        else:
            error = RefusedError(problem)
            telemetry.reconcile_failed(cloud, "notification failed", error, **due.facts)
    cloud.gather(accepted)


def message(api_url: str, notification: Notification) -> Message:
    """Return a notification as a message; `api_url` is the public URL of the API."""
    url = f"{api_url}/stacks/{notification.application}/operations/{notification.operation}"
    members = {
        "id": notification.id,
        "operation": notification.operation,
        "kind": notification.kind,
        "applicationName": notification.application,
        "caller": notification.caller,
        "outcome": notification.outcome,
        "status": notification.status.value,
        "version": notification.version,
        "environments": [_environment(each) for each in notification.environments],
        "reason": notification.reason,
        "url": url,
        "text": f"{_sentence(notification)} {url}",
    }
    detail = {name: value for name, value in members.items() if value is not None}
    return Message(notification.title, notification.time, detail)


def _environment(result: EnvironmentResult) -> dict[str, str]:
    members = {
        "environment": result.environment.value,
        "status": result.status.value,
        "version": result.version,
        "previousVersion": result.previous_version,
    }
    return {name: value for name, value in members.items() if value is not None}


def _sentence(notification: Notification) -> str:
    """Return a notification as one line without special characters."""
    each = ", ".join(map(_change, notification.environments))
    parts = (
        f"{notification.title}: {notification.kind} of {notification.application},"
        f" {notification.status}",
        each,
        f"by {redact(notification.caller)}",
        notification.reason,
    )
    return ". ".join(part for part in parts if part).translate(_SPECIAL)


def _change(result: EnvironmentResult) -> str:
    versions = [each for each in (result.previous_version, result.version) if each]
    return " ".join((result.environment.value, " to ".join(dict.fromkeys(versions)))).strip()
