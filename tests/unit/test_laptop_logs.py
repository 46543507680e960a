"""The lines that `make logs` shows: none of the chosen ones is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from devops_core.engine import telemetry
from tools.laptop.logs import Line, lines

OPERATION = "01M83HY4F81BJ8R2R943MN9WM5"
OTHER = "01M83HY7RYSF2N4JSVQMD6PP9T"
NOW = datetime(2026, 11, 23, 6, 36, 46, 440000, UTC)
AT = int(NOW.timestamp() * 1000)
ANSWERED = {
    "message": "answered",
    "status": 202,
    "route": "POST /stacks/deploy",
    "caller": "arn:aws:iam::000000000000:user/pipeline",
    "operation": OPERATION,
    "applicationName": "Shop",
    "outcome": "IN_PROGRESS",
}


class Logs:
    """CloudWatch Logs with the events of some groups, two of them a page."""

    def __init__(self, events: Mapping[str, list[tuple[int, Any]]]) -> None:
        self.events = events

    def get_paginator(self, name: str) -> Any:
        return {"describe_log_groups": Groups, "filter_log_events": Events}[name](self.events)


class Groups:
    def __init__(self, events: Mapping[str, Any]) -> None:
        self.events = events

    def paginate(self, *, logGroupNamePrefix: str) -> Iterator[Any]:  # noqa: N803 - AWS's name
        for name in self.events:
            if name.startswith(logGroupNamePrefix):
                yield {"logGroups": [{"logGroupName": name}]}


class Events(Groups):
    def paginate(self, *, logGroupName: str) -> Iterator[Any]:  # type: ignore[override] # noqa: N803
        for moment, message in self.events[logGroupName]:
            text = message if isinstance(message, str) else json.dumps(message)
            yield {"events": [{"timestamp": moment, "message": f"{text}\n"}]}


def line(members: Any, function: str = "devops-ecs-dev-deployNonProd") -> Line:
    return Line((AT, function, members if isinstance(members, str) else json.dumps(members)))


def test_a_line_with_metrics_shows_their_values() -> None:
    facts = {"operation": OPERATION, "kind": "swap", "outcome": "FAILED"}
    values = {telemetry.OPERATIONS: 1, telemetry.OPERATION_DURATION: 1.5}
    members = telemetry.metric_members("dev", NOW, values, facts)
    assert str(line({"message": "ended", **facts, **members})).endswith(
        " kind=swap outcome=FAILED Operations=1 OperationDuration=1.5"
    )


@pytest.mark.parametrize("text", ["Task timed out after 29.00 seconds", "[1]", "17", "{"])
def test_a_line_that_is_not_an_object_is_unchanged(text: str) -> None:
    found = line(text)
    assert str(found) == f"06:36:46.440 deployNonProd  {text}"
    assert found.is_about()
    assert not found.is_about("Shop")
    assert not found.is_routine


@pytest.mark.parametrize(
    ("application", "operation", "shown"),
    [
        (None, None, True),
        ("Shop", None, True),
        ("Shop", OPERATION, True),
        (None, OPERATION, True),
        ("Sho", None, False),
        ("Shop", OTHER, False),
        ("Other", OPERATION, False),
    ],
)
def test_lines_are_chosen_by_application_and_operation(
    application: str | None, operation: str | None, shown: bool
) -> None:
    assert line(ANSWERED).is_about(application, operation) is shown


def test_lines_of_all_functions_come_in_the_order_of_time() -> None:
    client = Logs(
        {
            "/aws/lambda/devops-ecs-dev-create": [(AT + 2, "third"), (AT, "first")],
            "/aws/lambda/devops-ecs-dev-query": [(AT + 1, "second"), (AT + 1, "second")],
            "/aws/apigateway/devops-ecs-dev/access": [(AT, "no function")],
        }
    )
    found = [(each.function, each.text) for each in lines(client)]
    assert found == [("create", "first"), *[("query", "second")] * 2, ("create", "third")]


def test_following_shows_each_line_once() -> None:
    events: dict[str, list[tuple[int, Any]]] = {"/aws/lambda/a-query": [(AT, "first")]}
    following = lines(Logs(events), follow=True)
    assert next(following).text == "first"
    events["/aws/lambda/a-query"].append((AT, "first"))
    assert next(following).text == "first"
    events["/aws/lambda/a-query"].append((AT + 1, "second"))
    assert next(following).text == "second"
