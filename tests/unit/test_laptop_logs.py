"""What `make logs` shows of what the functions printed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from devops_core.engine import telemetry
from tools.laptop.__main__ import parser
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


def test_a_line_begins_with_what_one_looks_for() -> None:
    assert str(line(ANSWERED)) == (
        f"06:36:46.440 deployNonProd  answered         Shop         {OPERATION} user/pipeline"
        ' status=202 route="POST /stacks/deploy" outcome=IN_PROGRESS'
    )


def test_what_is_not_known_leaves_its_column_empty() -> None:
    woken = {"message": "woken", "cause": "Scheduled Event", "operations": 0, "status": None}
    assert str(line(woken, "devops-ecs-dev-reconcile")) == (
        "06:36:46.440 reconcile      woken            -            -                          -   "
        ' cause="Scheduled Event" operations=0 status=null'
    )


def test_columns_stand_below_each_other() -> None:
    long = ANSWERED | {"message": "reconcile failed", "applicationName": "MyDevOpsAPI"}
    first, second = str(line(ANSWERED)), str(line(long, "devops-ecs-dev-deployProdBlue"))
    assert first.index(OPERATION) == second.index(OPERATION)


@pytest.mark.parametrize(
    ("caller", "shown"),
    [
        ("arn:aws:iam::000000000000:root", "root"),
        ("arn:aws:sts::000000000000:assumed-role/ci/build-1", "assumed-role/ci/build-1"),
        ("address ::1", "address ::1"),
        ("arn:odd", "arn:odd"),
        ("a1b2c3d4e5", "a1b2c3d4e5"),
    ],
)
def test_a_caller_is_told_without_the_account(caller: str, shown: str) -> None:
    assert f" {shown} status=202" in str(line(ANSWERED | {"caller": caller}))


def test_a_line_with_metrics_shows_their_values() -> None:
    facts = {"operation": OPERATION, "kind": "swap", "outcome": "FAILED"}
    values = {telemetry.OPERATIONS: 1, telemetry.OPERATION_DURATION: 1.5}
    members = telemetry.metric_members("dev", NOW, values, facts)
    assert str(line({"message": "ended", **facts, **members})).endswith(
        " kind=swap outcome=FAILED Operations=1 OperationDuration=1.5"
    )


def test_what_would_break_the_line_is_quoted() -> None:
    told = str(line(ANSWERED | {"error": 'Traceback:\n  "x"', "reason": "", "more": ["é", 1]}))
    assert told.endswith(r' error="Traceback:\n  \"x\"" reason="" more=["é", 1]')
    assert "\n" not in told


@pytest.mark.parametrize("text", ["Task timed out after 29.00 seconds", "[1]", "17", "{"])
def test_what_is_no_object_is_shown_as_it_is(text: str) -> None:
    found = line(text)
    assert str(found) == f"06:36:46.440 deployNonProd  {text}"
    assert found.is_about()
    assert not found.is_about("Shop")
    assert not found.is_routine


@pytest.mark.parametrize("word", ["START", "END", "REPORT"])
def test_what_lambda_prints_around_each_call_is_told_apart(word: str) -> None:
    assert line(f"{word} RequestId: 01a\tDuration: 3 ms").is_routine


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


def test_who_follows_sees_each_line_once() -> None:
    events: dict[str, list[tuple[int, Any]]] = {"/aws/lambda/a-query": [(AT, "first")]}
    following = lines(Logs(events), follow=True)
    assert next(following).text == "first"
    events["/aws/lambda/a-query"].append((AT, "first"))
    assert next(following).text == "first"
    events["/aws/lambda/a-query"].append((AT + 1, "second"))
    assert next(following).text == "second"


def test_the_command_takes_what_to_look_for() -> None:
    plain = parser().parse_args(["logs"])
    assert (plain.application, plain.operation, plain.follow) == (None, None, False)
    chosen = parser().parse_args(["logs", "--application=Shop", f"--operation={OPERATION}"])
    assert (chosen.application, chosen.operation) == ("Shop", OPERATION)
