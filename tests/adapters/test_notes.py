"""Events without an operation."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from devops_core.adapters.dynamodb.attributes import decode
from devops_core.adapters.dynamodb.tables import DynamoTables
from devops_core.errors import AccessDeniedError, ThrottledError, UnreachableError
from tests.lab import samples
from tests.lab.moto.hooks import break_after, cancel, refuse, send_twice


def log(dynamodb: Any) -> list[dict[str, Any]]:
    """Return the first item of each event, without the copies by time."""
    items = [decode(item) for item in dynamodb.scan(TableName="Log")["Items"]]
    return [item for item in items if item["entry"].startswith("EVENT#")]


def test_a_note_is_one_event(tables: DynamoTables, dynamodb: Any) -> None:
    tables.note(samples.denied_event())

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
            "reason": "not allowed to swap Shop: requires the team web or admins",
        }
    ]
    assert tables.open_operations().items == ()
    assert tables.operation("Shop", "01DENIED") is None


def test_a_note_that_is_sent_twice_is_one_event(tables: DynamoTables, dynamodb: Any) -> None:
    send_twice(dynamodb, "TransactWriteItems")
    tables.note(samples.denied_event())

    assert len(log(dynamodb)) == 1


def test_a_note_without_a_response_can_have_taken_effect(
    tables: DynamoTables, dynamodb: Any
) -> None:
    break_after(dynamodb, "TransactWriteItems", ReadTimeoutError(endpoint_url="x"))

    with pytest.raises(UnreachableError):
        tables.note(samples.denied_event())
    assert len(log(dynamodb)) == 1


@pytest.mark.parametrize(
    ("code", "error"),
    [("AccessDeniedException", AccessDeniedError), ("ThrottlingException", ThrottledError)],
)
def test_a_refused_note_has_the_reason(
    tables: DynamoTables, dynamodb: Any, code: str, error: type[Exception]
) -> None:
    refuse(dynamodb, "TransactWriteItems", code)

    with pytest.raises(error):
        tables.note(samples.denied_event())


def test_a_note_in_conflict_with_other_writers_is_throttled(
    tables: DynamoTables, dynamodb: Any
) -> None:
    cancel(dynamodb, "TransactionConflict", times=9)

    with pytest.raises(ThrottledError):
        tables.note(samples.denied_event())
