"""Reads and formats the log lines of the Lambda functions."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

GROUPS = "/aws/lambda/"
POLL = 0.5  # seconds between two reads with `follow`
Event = tuple[int, str, str]  # milliseconds since the epoch, function, message
# Members with a column, and the width of the column. The longest common message is "reconcile
# failed", an operation id has 26 characters, and the longest function name is deployProdBlue.
_COLUMNS = (("message", 16), ("applicationName", 12), ("operation", 26), ("caller", 4))
_FUNCTION = 14
_NOTHING = "-"
# The lines of Lambda for each invocation (AWS Lambda Developer Guide, "Sending Lambda function logs
# to CloudWatch Logs").
_ROUTINE = re.compile(r"(START|END|REPORT) RequestId: ")


class Line:
    """A log line: time, function, and the members of the JSON object if it is one."""

    def __init__(self, event: Event) -> None:
        milliseconds, group, text = event
        self.time = datetime.fromtimestamp(milliseconds / 1000, UTC)
        # The deploy tool prefixes the name with service and stage.
        self.function = group.rpartition("-")[2]
        self.text = text.rstrip()

    @cached_property
    def members(self) -> Mapping[str, Any]:
        """The members of the JSON object; empty for other lines, such as those of Lambda."""
        try:
            found = json.loads(self.text)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def is_routine(self) -> bool:
        """Whether Lambda prints this line for each invocation."""
        return bool(_ROUTINE.match(self.text))

    def is_about(self, application: str | None = None, operation: str | None = None) -> bool:
        """Return whether the line names the application and the operation; None matches any."""
        filters = {"applicationName": application, "operation": operation}
        return all(self.members.get(name) == value for name, value in filters.items() if value)

    def __str__(self) -> str:
        """Return time, function, message, application, operation, caller and other members."""
        start = (
            f"{self.time:%H:%M:%S}.{self.time.microsecond // 1000:03} {self.function:{_FUNCTION}}"
        )
        if not self.members:
            return f"{start} {self.text}"
        columns = [f"{_value(self.members.get(name)):{width}}" for name, width in _COLUMNS]
        hidden = {name for name, _ in _COLUMNS} | _metric_members(self.members)
        rest = (
            f"{name}={_quoted(value)}" for name, value in self.members.items() if name not in hidden
        )
        return " ".join([start, *columns, *rest]).rstrip()


def lines(logs: Any, *, follow: bool = False) -> Iterator[Line]:
    """Yield the log lines of all functions, oldest first.

    Args:
        logs: a boto3 CloudWatch Logs client.
        follow: wait for new lines; the iterator then never ends.

    """
    shown: Counter[Event] = Counter()  # counted, because the emulator's events have no id
    pause = threading.Event()
    while True:
        found: Counter[Event] = Counter()
        fresh = []
        for event in _events(logs):
            found[event] += 1
            if found[event] > shown[event]:
                fresh.append(event)
        yield from map(Line, sorted(fresh, key=lambda event: event[0]))
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


def _metric_members(members: Mapping[str, Any]) -> set[str]:
    """Return the members that only CloudWatch needs: metadata and dimensions of metrics."""
    directives = members.get("_aws", {}).get("CloudWatchMetrics", [])
    names = {name for each in directives for names in each["Dimensions"] for name in names}
    return names | {"_aws"}


def _value(value: Any) -> str:
    """Return a value for its column; an ARN without its account part."""
    text = _NOTHING if value is None else str(value)
    return text.split(":", 5)[5] if text.startswith("arn:") and text.count(":") > 4 else text


def _quoted(value: Any) -> str:
    """Return a value as JSON; a text without spaces and quotes is not quoted."""
    plain = isinstance(value, str) and value and not set(value) & set(' "\\=\n\t')
    return str(value) if plain else json.dumps(value, ensure_ascii=False)
