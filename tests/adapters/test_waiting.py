"""The counters of waiting calls in the log table."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from devops_core.adapters.dynamodb import items
from devops_core.adapters.dynamodb.attributes import decode
from devops_core.adapters.dynamodb.tables import DynamoTables
from devops_core.errors import RefusedError, ThrottledError
from tests.adapters.conftest import Time
from tests.lab import samples
from tests.lab.moto.hooks import refuse


def counters(dynamodb: Any) -> list[dict[str, Any]]:
    return [decode(item) for item in dynamodb.scan(TableName=samples.NAMES.log)["Items"]]


def test_waiting_calls_are_counted(tables: DynamoTables) -> None:
    windows, counts = zip(*[tables.begin_wait() for _ in range(3)], strict=True)

    assert len(set(windows)) == 1
    assert counts == (1, 2, 3)


def test_a_call_that_has_ended_is_not_counted(tables: DynamoTables) -> None:
    window, _ = tables.begin_wait()
    tables.begin_wait()

    tables.end_wait(window)

    assert tables.begin_wait()[1] == 2


def test_a_call_of_the_window_before_is_counted(tables: DynamoTables, time: Time) -> None:
    first, _ = tables.begin_wait()
    time.value += timedelta(seconds=items.WAITING_SECONDS)

    second, count = tables.begin_wait()

    assert (first != second, count) == (True, 2)
    tables.end_wait(first)
    assert tables.begin_wait()[1] == 2


@pytest.mark.parametrize(("seconds", "count"), [(29, 2), (60, 1)])
def test_a_call_that_never_ends_is_forgotten_within_a_minute(
    tables: DynamoTables, time: Time, seconds: int, count: int
) -> None:
    """A function runs for at most 29 seconds."""
    tables.begin_wait()
    time.value += timedelta(seconds=seconds)

    assert tables.begin_wait()[1] == count


def test_a_counter_expires(tables: DynamoTables, dynamodb: Any, time: Time) -> None:
    tables.begin_wait()

    (item,) = counters(dynamodb)
    assert item["expiresAt"] == int(time.now().timestamp()) + 3600
    assert item["expiresAt"] > int(time.now().timestamp()) + 2 * items.WAITING_SECONDS


def test_the_end_of_a_call_creates_no_counter(tables: DynamoTables, dynamodb: Any) -> None:
    window, _ = tables.begin_wait()
    dynamodb.delete_item(TableName=samples.NAMES.log, Key=items.waiting_key(int(window)))

    with pytest.raises(RefusedError):
        tables.end_wait(window)

    assert counters(dynamodb) == []


@pytest.mark.parametrize("operation", ["UpdateItem", "GetItem"])
def test_a_throttled_count_is_an_error(tables: DynamoTables, dynamodb: Any, operation: str) -> None:
    refuse(dynamodb, operation, "ProvisionedThroughputExceededException")

    with pytest.raises(ThrottledError):
        tables.begin_wait()
