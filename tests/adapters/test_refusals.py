"""Counts of refused calls in the event log."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from devops_core.adapters.dynamodb import items
from devops_core.adapters.dynamodb.attributes import decode, encode
from devops_core.adapters.dynamodb.tables import DynamoTables
from devops_core.errors import AccessDeniedError, ThrottledError, UnreachableError
from devops_core.model.operation import Event
from tests.lab import samples
from tests.lab.moto.hooks import break_after, cancel, refuse, send_twice


def log(dynamodb: Any) -> list[dict[str, Any]]:
    """Return the first item of each event, without the copies by time."""
    items = [decode(item) for item in dynamodb.scan(TableName="Log")["Items"]]
    return [item for item in items if item["entry"].startswith("EVENT#")]


def refusal(minutes: int = 0, reason: str = "not allowed") -> Event:
    """Return the event of a call that was refused some minutes after NOW."""
    later = samples.NOW + timedelta(minutes=minutes)
    return replace(samples.denied_event(), last_time=later, first_time=later, reason=reason)


def test_a_refusal_is_one_event(tables: DynamoTables, dynamodb: Any) -> None:
    tables.count_refusal(refusal())

    assert log(dynamodb) == [
        {
            "applicationName": "Shop",
            "entry": "EVENT#01DENIED#DENIED",
            "operation": "01DENIED",
            "key": "DENIED",
            "kind": "swap",
            "caller": "eve",
            "time": "2026-01-31T12:00:00.123Z",
            "outcome": "DENIED",
            "reason": "not allowed",
            "count": 1,
            "firstTime": "2026-01-31T12:00:00.123Z",
            "lastTime": "2026-01-31T12:00:00.123Z",
        }
    ]
    assert tables.open_operations().items == ()
    assert tables.operation("Shop", "01DENIED") is None


def test_repeated_refusals_are_counted_in_all_items_of_one_event(
    tables: DynamoTables, dynamodb: Any
) -> None:
    for minutes in (0, 1, 2):
        tables.count_refusal(refusal(minutes, f"reason {minutes}"))

    found = [decode(item) for item in dynamodb.scan(TableName="Log")["Items"]]
    assert len(found) == 3
    expected = replace(refusal(2, "reason 2"), first_time=samples.NOW, count=3)
    assert [items.event_of(encode(item)) for item in found] == [expected] * 3
    assert {item["time"] for item in found} == {"2026-01-31T12:00:00.123Z"}


def test_a_refusal_that_is_sent_twice_is_counted_once(tables: DynamoTables, dynamodb: Any) -> None:
    """DynamoDB executes two calls with one token once ("Idempotency", API, TransactWriteItems).

    moto executes both, so the test compares the tokens.
    """
    bodies: list[Any] = []

    def record(request: Any, **_: Any) -> None:
        bodies.append(json.loads(request.body))

    dynamodb.meta.events.register("before-send.dynamodb.TransactWriteItems", record)
    send_twice(dynamodb, "TransactWriteItems")
    tables.count_refusal(refusal())

    first, second = bodies
    assert first == second
    assert first["ClientRequestToken"]


def test_a_refusal_without_a_response_can_have_taken_effect(
    tables: DynamoTables, dynamodb: Any
) -> None:
    break_after(dynamodb, "TransactWriteItems", ReadTimeoutError(endpoint_url="x"))

    with pytest.raises(UnreachableError):
        tables.count_refusal(refusal())
    assert len(log(dynamodb)) == 1


@pytest.mark.parametrize(
    ("code", "error"),
    [("AccessDeniedException", AccessDeniedError), ("ThrottlingException", ThrottledError)],
)
def test_a_refused_write_has_the_reason(
    tables: DynamoTables, dynamodb: Any, code: str, error: type[Exception]
) -> None:
    refuse(dynamodb, "TransactWriteItems", code)

    with pytest.raises(error):
        tables.count_refusal(refusal())


def test_a_refusal_in_conflict_with_other_writers_is_throttled(
    tables: DynamoTables, dynamodb: Any
) -> None:
    cancel(dynamodb, "TransactionConflict", times=9)

    with pytest.raises(ThrottledError):
        tables.count_refusal(samples.denied_event())
