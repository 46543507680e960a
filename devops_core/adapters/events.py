"""EventBridge: notifications as events of the default bus."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from devops_core.adapters.aws.errors import translated
from devops_core.errors import redact
from devops_core.ports.notifications import Message

SOURCE = "devops-ecs"


class EventBridge:
    """`ports.notifications.Notifications` over EventBridge."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @translated()
    def send(self, messages: Sequence[Message]) -> list[str | None]:
        """Send at most ten messages; return the error of each one, None if it was accepted."""
        entries = [
            {
                "Source": SOURCE,
                "DetailType": message.title,
                "Time": message.time,
                "Detail": json.dumps(message.detail),
            }
            for message in messages
        ]
        # The results have the order of the entries (EventBridge API, PutEvents).
        results = self._client.put_events(Entries=entries)["Entries"]
        return [_error(result) for result in results]


def _error(result: Mapping[str, str]) -> str | None:
    if "ErrorCode" not in result:
        return None
    return redact(f"{result['ErrorCode']}: {result.get('ErrorMessage', '')}")
