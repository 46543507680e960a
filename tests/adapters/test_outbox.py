"""The outbox in the log table: written with the events, found by time, separate from operations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from devops_core.adapters.dynamodb import outbox as outbox_module
from devops_core.adapters.dynamodb.outbox import DynamoOutbox
from devops_core.adapters.dynamodb.tables import DynamoTables
from devops_core.errors import AwsError, LostClaimError, RefusedError, ThrottledError
from devops_core.model.claims import Closing
from devops_core.model.notification import OutboxKey, notifications
from devops_core.model.operation import Operation, Status
from tests.lab import samples
from tests.lab.moto.hooks import refuse, respond

NOW, SECOND = samples.NOW, timedelta(seconds=1)


@pytest.fixture
def operation(tables: DynamoTables) -> Operation:
    claim = samples.create_claim()
    tables.claim(claim)
    return claim.operation


def ended(operation: Operation) -> Closing:
    return replace(
        samples.created_closing(samples.create_claim()),
        operation=replace(operation, status=Status.SUCCEEDED, ended_at=NOW),
    )


def repaired() -> Closing:
    """Return a repair, which ends when it begins."""
    repair = replace(samples.minimal_operation("repair", "01REPAIR"), status=Status.SUCCEEDED)
    drift = replace(samples.minimal_event(repair), outcome="DRIFT")
    end = replace(samples.minimal_event(repair, "END"), outcome="SUCCEEDED")
    return Closing(operation=repair, event=end, events=[drift])


def keys(outbox: DynamoOutbox, time: Any = NOW) -> list[OutboxKey]:
    return list(outbox.due(time).items)


def test_an_accepted_operation_has_no_notification(
    outbox: DynamoOutbox, operation: Operation
) -> None:
    assert operation
    assert keys(outbox) == []


def test_an_end_writes_its_notification(
    tables: DynamoTables, outbox: DynamoOutbox, operation: Operation
) -> None:
    closing = ended(operation)
    tables.close(closing)

    (key,) = keys(outbox)

    assert key == ("Shop", f"DUE#2026-01-31T12:00:00.123Z#{operation.id}-END")
    found = outbox.read(key)
    assert [found] == notifications(closing.operation, [closing.event])
    assert found is not None
    assert (found.title, found.status) == ("Operation ended", "SUCCEEDED")


@pytest.mark.parametrize("outcome", ["AWAITING_APPROVAL", "RETURNING"])
def test_a_save_writes_the_notifications_of_its_events(
    tables: DynamoTables, outbox: DynamoOutbox, operation: Operation, outcome: str
) -> None:
    told = replace(samples.minimal_event(operation, "001"), outcome=outcome)
    other = samples.minimal_event(operation, "002")

    tables.save(operation, [told, other])

    (key,) = keys(outbox)
    found = outbox.read(key)
    assert found is not None
    assert (found.id, found.outcome) == (f"{operation.id}-001", outcome)


def test_a_repair_writes_its_notifications(tables: DynamoTables, outbox: DynamoOutbox) -> None:
    tables.correct(repaired())

    found = [outbox.read(key) for key in keys(outbox)]

    assert [each and each.title for each in found] == ["Drift found", "Operation ended"]


def test_a_lost_claim_writes_no_notification(
    tables: DynamoTables, outbox: DynamoOutbox, operation: Operation
) -> None:
    tables.save(replace(operation, waiting_for="something"))

    with pytest.raises(LostClaimError):
        tables.close(ended(operation))

    assert keys(outbox) == []


def test_notifications_are_no_open_operations(
    tables: DynamoTables, outbox: DynamoOutbox, operation: Operation
) -> None:
    tables.correct(repaired())

    assert [each.id for each in tables.open_operations().items] == [operation.id]
    assert len(keys(outbox)) == 2


@pytest.mark.parametrize(("time", "count"), [(NOW, 2), (NOW + SECOND, 2), (NOW - SECOND, 0)])
def test_notifications_are_found_from_their_time_on(
    tables: DynamoTables, outbox: DynamoOutbox, time: Any, count: int
) -> None:
    tables.correct(repaired())

    assert len(keys(outbox, time)) == count


def test_pages_have_all_notifications_in_the_order_of_time(
    tables: DynamoTables, outbox: DynamoOutbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (2, 0, 1):
        closing = repaired()
        repair = replace(closing.operation, id=f"01REPAIR{number}")
        event = replace(closing.event, operation=repair.id, time=NOW + number * SECOND)
        tables.correct(Closing(operation=repair, event=event))
    monkeypatch.setattr(outbox_module, "_PAGE", 2)

    first = outbox.due(NOW + 3 * SECOND)
    second = outbox.due(NOW + 3 * SECOND, first.next)

    found = [key.entry.rpartition("#")[2] for key in (*first.items, *second.items)]
    assert found == [f"01REPAIR{number}-END" for number in range(3)]
    assert second.next is None


def test_a_removed_notification_is_gone(tables: DynamoTables, outbox: DynamoOutbox) -> None:
    tables.correct(repaired())
    first, second = keys(outbox)

    outbox.remove(first)
    outbox.remove(first)

    assert keys(outbox) == [second]
    assert outbox.read(first) is None


def test_a_delete_and_a_new_application_keep_notifications(
    tables: DynamoTables, outbox: DynamoOutbox, operation: Operation
) -> None:
    failed = samples.failed_closing(samples.create_claim())
    tables.close(replace(failed, operation=replace(failed.operation, id=operation.id)))
    (key,) = keys(outbox)

    tables.remove_revisions("Shop", operation.id)
    tables.claim(samples.create_claim(identity="02CREATE"))

    assert keys(outbox) == [key]
    assert set(tables.inventory("Shop")[0].rows)


@pytest.mark.parametrize(
    ("operation_name", "call"),
    [
        ("Query", lambda outbox: outbox.due(NOW)),
        ("GetItem", lambda outbox: outbox.read(OutboxKey("Shop", "DUE#1"))),
        ("DeleteItem", lambda outbox: outbox.remove(OutboxKey("Shop", "DUE#1"))),
    ],
)
@pytest.mark.parametrize(
    ("code", "error"),
    [("ThrottlingException", ThrottledError), ("ValidationException", RefusedError)],
)
def test_errors_of_the_table_are_translated(
    outbox: DynamoOutbox,
    dynamodb: Any,
    operation_name: str,
    call: Callable[[DynamoOutbox], object],
    code: str,
    error: type[AwsError],
) -> None:
    refuse(dynamodb, operation_name, code)

    with pytest.raises(error):
        call(outbox)


def test_the_index_is_read_for_one_page(outbox: DynamoOutbox, dynamodb: Any) -> None:
    sent = respond(dynamodb, "Query", {"Items": []})

    assert outbox.due(NOW).items == ()
    assert len(sent) == 1
