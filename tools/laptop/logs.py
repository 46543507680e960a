"""Shows what the Lambda functions printed."""

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
POLL = 0.5  # seconds between looks when following
Event = tuple[int, str, str]  # milliseconds since the epoch, function, message
# What has a column of its own, and how wide it is: the longest function is deployProdBlue, the
# longest usual message "reconcile failed", an operation's id has 26 characters.
_COLUMNS = (("message", 16), ("applicationName", 12), ("operation", 26), ("caller", 4))
_FUNCTION = 14
_NOTHING = "-"
# What Lambda prints around each invocation (AWS Lambda Developer Guide, "Sending Lambda function
# logs to CloudWatch Logs").
_ROUTINE = re.compile(r"(START|END|REPORT) RequestId: ")


class Line:
    """A line that a function printed: when, which function, and the members if it is JSON."""

    def __init__(self, event: Event) -> None:
        milliseconds, group, text = event
        self.time = datetime.fromtimestamp(milliseconds / 1000, UTC)
        # The deploy tool puts service and stage in front of it.
        self.function = group.rpartition("-")[2]
        self.text = text.rstrip()

    @cached_property
    def members(self) -> Mapping[str, Any]:
        """The members of the JSON; none where it is something else, as what Lambda itself says."""
        try:
            found = json.loads(self.text)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def is_routine(self) -> bool:
        """Whether it is what Lambda prints around each invocation."""
        return bool(_ROUTINE.match(self.text))

    def is_about(self, application: str | None = None, operation: str | None = None) -> bool:
        """Whether it is about an application and an operation, as far as one is given."""
        wanted = {"applicationName": application, "operation": operation}
        return all(self.members.get(name) == value for name, value in wanted.items() if value)

    def __str__(self) -> str:
        """Time, function, message, application, operation, caller, then the other members."""
        start = (
            f"{self.time:%H:%M:%S}.{self.time.microsecond // 1000:03} {self.function:{_FUNCTION}}"
        )
        if not self.members:
            return f"{start} {self.text}"
        columns = [f"{_value(self.members.get(name)):{width}}" for name, width in _COLUMNS]
        hidden = {name for name, _ in _COLUMNS} | _of_metrics(self.members)
        rest = (
            f"{name}={_quoted(value)}" for name, value in self.members.items() if name not in hidden
        )
        return " ".join([start, *columns, *rest]).rstrip()


def lines(logs: Any, *, follow: bool = False) -> Iterator[Line]:
    """Yield what was printed, oldest first; with `follow` never end.

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


def _of_metrics(members: Mapping[str, Any]) -> set[str]:
    """Return the members that only CloudWatch has a use for; the values themselves are shown."""
    directives = members.get("_aws", {}).get("CloudWatchMetrics", [])
    names = {name for each in directives for names in each["Dimensions"] for name in names}
    return names | {"_aws"}


def _value(value: Any) -> str:
    """Return a value for its column; of an ARN what tells callers of one account apart."""
    text = _NOTHING if value is None else str(value)
    return text.split(":", 5)[5] if text.startswith("arn:") and text.count(":") > 4 else text


def _quoted(value: Any) -> str:
    """Return a value in JSON, without quotes where it is one word."""
    plain = isinstance(value, str) and value and not set(value) & set(' "\\=\n\t')
    return str(value) if plain else json.dumps(value, ensure_ascii=False)
