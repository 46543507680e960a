"""Shows what the Lambda functions printed."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

GROUPS = "/aws/lambda/"
POLL = 0.5  # seconds between looks when following
Event = tuple[int, str, str]  # milliseconds since the epoch, function, message


def lines(logs: Any, *, follow: bool = False) -> Iterator[str]:
    """Yield `time function message`, oldest first; with `follow` never end.

    Args:
        logs: a boto3 CloudWatch Logs client.
        follow: keep looking for new events.

    """
    shown: Counter[Event] = Counter()  # the emulator gives events no id
    pause = threading.Event()
    while True:
        found: Counter[Event] = Counter()
        fresh = []
        for event in _events(logs):
            found[event] += 1
            if found[event] > shown[event]:
                fresh.append(event)
        yield from map(_line, sorted(fresh, key=lambda event: event[0]))
        shown = found
        if not follow:
            return
        pause.wait(POLL)


def _events(logs: Any) -> Iterator[Event]:
    for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=GROUPS):
        for group in page["logGroups"]:
            name = group["logGroupName"]
            for found in logs.get_paginator("filter_log_events").paginate(logGroupName=name):
                for event in found["events"]:
                    yield event["timestamp"], name.removeprefix(GROUPS), event["message"]


def _line(event: Event) -> str:
    milliseconds, function, message = event
    when = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return f"{when:%H:%M:%S}.{milliseconds % 1000:03} {function} {message.rstrip()}"
