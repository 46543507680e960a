"""Shows what the Lambda functions printed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

GROUPS = "/aws/lambda/"
POLL = 0.5  # seconds between looks when following


def lines(logs: Any, *, follow: bool = False) -> Iterator[str]:
    """Yield `time function message`, oldest first; with `follow` never end.

    Args:
        logs: a boto3 CloudWatch Logs client.
        follow: keep looking for new events.

    """
    seen: set[str] = set()
    pause = threading.Event()
    while True:
        for event in sorted(_events(logs), key=lambda one: int(one["timestamp"])):
            if event["eventId"] not in seen:
                seen.add(event["eventId"])
                yield _line(event)
        if not follow:
            return
        pause.wait(POLL)


def _events(logs: Any) -> Iterator[dict[str, Any]]:
    for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=GROUPS):
        for group in page["logGroups"]:
            name = group["logGroupName"]
            for found in logs.get_paginator("filter_log_events").paginate(logGroupName=name):
                for event in found["events"]:
                    yield {**event, "function": name.removeprefix(GROUPS)}


def _line(event: dict[str, Any]) -> str:
    when = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
    return f"{when:%H:%M:%S.%f} {event['function']} {event['message'].rstrip()}"
