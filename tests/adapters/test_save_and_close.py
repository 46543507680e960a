from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from devops_core.adapters.dynamodb import items
from devops_core.adapters.dynamodb.attributes import decode
from devops_core.adapters.dynamodb.tables import DynamoTables
from devops_core.errors import LostClaimError, ThrottledError, UnreachableError
from devops_core.model.claims import Claim, Closing
from devops_core.model.inventory import Inventory, RowStatus
from devops_core.model.operation import Event, Operation, Status
from devops_core.model.specification import ApplicationRecord, RecordClaim, StackRecord
from devops_core.naming import Environment
from tests.lab import samples
from tests.lab.moto.hooks import break_after, break_before, cancel, meanwhile, refuse, send_twice


@pytest.fixture
def open_operation(tables: DynamoTables) -> Operation:
    claim = samples.create_claim()
    tables.claim(claim)
    return claim.operation


@pytest.fixture
def closing(open_operation: Operation) -> Closing:
    closing = samples.created_closing(samples.create_claim())
    return replace(closing, operation=replace(closing.operation, id=open_operation.id))


def event(operation: Operation, key: str = "001") -> Event:
    return samples.minimal_event(operation, key)


def item(dynamodb: Any, entry: str) -> dict[str, Any]:
    key = {"applicationName": {"S": "Shop"}, "entry": {"S": entry}}
    return decode(dynamodb.get_item(TableName="Log", Key=key).get("Item", {}))


def test_a_save_writes_the_operation_and_counts_the_revision(
    tables: DynamoTables, open_operation: Operation
) -> None:
    changed = replace(open_operation, waiting_for="stack CREATE_IN_PROGRESS")

    saved = tables.save(changed)

    assert saved == replace(changed, revision=1)
    assert tables.operation("Shop", open_operation.id) == saved
    (found,) = tables.open_operations().items
    assert found == ("Shop", open_operation.id, open_operation.deadline)


def test_a_save_writes_its_events(
    tables: DynamoTables, dynamodb: Any, open_operation: Operation
) -> None:
    saved = tables.save(open_operation, [event(open_operation), event(open_operation, "002")])

    assert tables.operation("Shop", open_operation.id) == saved
    assert item(dynamodb, f"EVENT#{open_operation.id}#001")["key"] == "001"
    assert item(dynamodb, f"EVENT#{open_operation.id}#002")["key"] == "002"


@pytest.mark.parametrize("with_events", [False, True])
def test_of_two_workers_one_loses(
    tables: DynamoTables, open_operation: Operation, with_events: bool
) -> None:
    events = [event(open_operation)] if with_events else []
    tables.save(replace(open_operation, waiting_for="first"))

    with pytest.raises(LostClaimError):
        tables.save(replace(open_operation, waiting_for="second"), events)

    known = tables.operation("Shop", open_operation.id)
    assert known is not None
    assert (known.waiting_for, known.revision) == ("first", 1)


def test_of_two_workers_that_write_the_same_values_one_loses(
    tables: DynamoTables, dynamodb: Any, open_operation: Operation
) -> None:
    leased = replace(open_operation, lease_until=samples.NOW)
    meanwhile(dynamodb, "PutItem", lambda: tables.save(leased))

    with pytest.raises(LostClaimError):
        tables.save(leased)


@pytest.mark.parametrize("with_events", [False, True])
def test_an_operation_that_was_never_claimed_cannot_be_saved(
    tables: DynamoTables, with_events: bool
) -> None:
    operation = samples.minimal_operation()

    with pytest.raises(LostClaimError):
        tables.save(operation, [event(operation)] if with_events else [])

    assert tables.operation("Shop", operation.id) is None


@pytest.mark.parametrize("with_events", [False, True])
def test_a_save_that_is_sent_twice_takes_effect_once(
    tables: DynamoTables, dynamodb: Any, open_operation: Operation, with_events: bool
) -> None:
    sends = send_twice(dynamodb, "TransactWriteItems" if with_events else "PutItem")

    saved = tables.save(open_operation, [event(open_operation)] if with_events else [])

    assert sends[:2] == [1, 2]
    assert tables.operation("Shop", open_operation.id) == saved


@pytest.mark.parametrize("with_events", [False, True])
def test_a_save_without_a_response_can_have_taken_effect(
    tables: DynamoTables, dynamodb: Any, open_operation: Operation, with_events: bool
) -> None:
    call = "TransactWriteItems" if with_events else "PutItem"
    break_before(dynamodb, call, ConnectTimeoutError(endpoint_url="http://db"))

    with pytest.raises(UnreachableError):
        tables.save(open_operation, [event(open_operation)] if with_events else [])

    assert tables.operation("Shop", open_operation.id) == open_operation


def test_a_save_in_conflict_with_other_writers_is_throttled(
    tables: DynamoTables, dynamodb: Any, open_operation: Operation
) -> None:
    cancel(dynamodb, "TransactionConflict", times=9)
    refuse(dynamodb, "PutItem", "TransactionConflictException")

    with pytest.raises(ThrottledError):
        tables.save(open_operation, [event(open_operation)])
    with pytest.raises(ThrottledError):
        tables.save(open_operation)


def test_a_close_releases_the_rows_and_ends_the_operation(
    tables: DynamoTables, dynamodb: Any, closing: Closing
) -> None:
    operation = closing.operation
    leased = replace(operation, lease_until=samples.NOW)

    tables.close(replace(closing, operation=leased, events=[event(operation)]))

    assert tables.operation("Shop", operation.id) == replace(operation, revision=1)
    rows = tables.inventory("Shop")[0].rows.values()
    assert [(row.claim, row.revision, row.status) for row in rows] == [
        (None, 1, RowStatus.ACTIVE)
    ] * 4
    assert tables.open_operations().items == ()
    assert item(dynamodb, f"EVENT#{operation.id}#END")["outcome"] == "ACCEPTED"
    assert item(dynamodb, f"EVENT#{operation.id}#001")["key"] == "001"


def test_a_close_that_removes_the_rows_keeps_only_the_log(
    tables: DynamoTables, dynamodb: Any, open_operation: Operation
) -> None:
    tables.close(samples.failed_closing(samples.create_claim()))

    assert dict(tables.inventory("Shop")[0].rows) == {}
    scanned = dynamodb.scan(TableName="Log")["Items"]
    first, last = (f"{open_operation.id}#{key}" for key in ("000", "END"))
    in_time = {f"TIME#2026-01-31T12:00:00.123Z#{each}" for each in (first, last)}
    assert {(found["applicationName"]["S"], found["entry"]["S"]) for found in scanned} == {
        ("Shop", f"OPERATION#{open_operation.id}"),
        *(("Shop", entry) for entry in (f"EVENT#{first}", f"EVENT#{last}", *in_time)),
        *(("EVENTS#", entry) for entry in in_time),
        ("Shop", f"DUE#2026-01-31T12:00:00.123Z#{open_operation.id}-END"),
    }


def record_of(tables: DynamoTables) -> ApplicationRecord | None:
    return tables.inventory("Shop")[0].record


STACK = StackRecord(samples.FULL_TEMPLATE, {"dev": ("arn:secret",), "prod": ()})


@pytest.mark.parametrize("stack", [None, STACK])
def test_a_close_releases_the_record_and_writes_its_stack(
    tables: DynamoTables, closing: Closing, stack: StackRecord | None
) -> None:
    held = record_of(tables)
    assert held is not None
    assert held.claim == closing.operation.id

    tables.close(replace(closing, stack=stack))

    assert record_of(tables) == held._replace(claim=None, stack=stack)
    assert set(tables.revisions("Shop", [1])) == {1}


def test_a_close_without_a_stack_keeps_the_recorded_one(
    tables: DynamoTables, dynamodb: Any, closing: Closing
) -> None:
    held = samples.FULL_RECORD._replace(claim=closing.operation.id)
    dynamodb.put_item(TableName="Log", Item=items.record_item("Shop", held))

    tables.close(closing)

    assert record_of(tables) == held._replace(claim=None)


def test_a_close_of_an_operation_without_the_record_does_not_change_it(
    tables: DynamoTables, closing: Closing
) -> None:
    held = record_of(tables)

    tables.close(replace(closing, releases_record=False, stack=STACK))

    assert record_of(tables) == held


def test_a_record_of_another_operation_is_not_released(
    tables: DynamoTables, dynamodb: Any, closing: Closing
) -> None:
    other = samples.MINIMAL_RECORD._replace(claim="02OTHER")
    dynamodb.put_item(TableName="Log", Item=items.record_item("Shop", other))

    with pytest.raises(LostClaimError):
        tables.close(closing)

    assert record_of(tables) == other
    assert tables.operation("Shop", closing.operation.id) == replace(
        closing.operation, status=Status.IN_PROGRESS, ended_at=None
    )


@pytest.mark.parametrize("stack", [None, STACK])
def test_a_record_removed_by_hand_does_not_prevent_the_end(
    tables: DynamoTables, dynamodb: Any, closing: Closing, stack: StackRecord | None
) -> None:
    """A release must not create the record again, because the new one would lack its document."""
    dynamodb.delete_item(TableName="Log", Key=items.record_key("Shop"))

    with pytest.raises(LostClaimError):
        tables.close(replace(closing, stack=stack))
    # The next worker reads the inventory again, and finds no record to release.
    assert record_of(tables) is None
    tables.close(replace(closing, releases_record=False, stack=stack))

    assert record_of(tables) is None
    known = tables.operation("Shop", closing.operation.id)
    assert known is not None
    assert known.status is Status.SUCCEEDED


@pytest.mark.parametrize("removed", [["APPLICATION"], ["APPLICATION", "SPEC#00000001"]])
def test_the_end_of_an_application_does_not_need_its_record(
    tables: DynamoTables, dynamodb: Any, open_operation: Operation, removed: list[str]
) -> None:
    for entry in removed:
        key = {"applicationName": {"S": "Shop"}, "entry": {"S": entry}}
        dynamodb.delete_item(TableName="Log", Key=key)

    tables.close(samples.failed_closing(samples.create_claim()))

    known = tables.operation("Shop", open_operation.id)
    assert known is not None
    assert known.status is Status.FAILED
    assert tables.reserved("Shop") is None
    assert tables.revisions("Shop", [1]) == {}


def test_a_delete_ends_the_record_and_the_name_without_a_revision(
    tables: DynamoTables, closing: Closing
) -> None:
    """Its steps have removed the revisions before; there can be thousands."""
    tables.close(closing)
    rows = list(tables.inventory("Shop")[0].rows.values())
    seen = record_of(tables)
    operation = samples.minimal_operation("delete", "02DELETE")
    claim = Claim(
        operation=operation,
        event=event(operation, "000"),
        taken=rows,
        record=RecordClaim(seen, taken=True),
    )
    tables.claim(claim)
    tables.remove_revisions("Shop", operation.id)

    tables.close(
        Closing(
            operation=replace(operation, status=Status.SUCCEEDED, ended_at=samples.NOW),
            event=event(operation, "END"),
            removed=rows,
            ends_application=True,
        )
    )

    assert tables.inventory("Shop")[0] == Inventory({})
    assert tables.reserved("Shop") is None
    tables.claim(samples.create_claim("Shop", "03CREATE"))


def test_a_row_removed_by_hand_does_not_prevent_the_end(
    tables: DynamoTables, dynamodb: Any, open_operation: Operation
) -> None:
    key = items.row_key("Shop", Environment.DEV)
    dynamodb.delete_item(TableName="NonProduction", Key=key)

    tables.close(samples.failed_closing(samples.create_claim()))

    known = tables.operation("Shop", open_operation.id)
    assert known is not None
    assert known.status is Status.FAILED


def test_a_row_removed_by_hand_is_written_again(
    tables: DynamoTables, dynamodb: Any, closing: Closing
) -> None:
    key = items.row_key("Shop", Environment.DEV)
    dynamodb.delete_item(TableName="NonProduction", Key=key)

    tables.close(closing)

    row = tables.inventory("Shop")[0].rows[Environment.DEV]
    assert (row.status, row.claim) == (RowStatus.ACTIVE, None)


def test_an_operation_ends_once(tables: DynamoTables, closing: Closing) -> None:
    tables.close(closing)

    with pytest.raises(LostClaimError):
        tables.close(closing)
    with pytest.raises(LostClaimError):
        tables.save(replace(closing.operation, status=Status.IN_PROGRESS, revision=1))


def test_an_operation_with_a_newer_revision_is_not_ended(
    tables: DynamoTables, closing: Closing
) -> None:
    tables.save(replace(closing.operation, status=Status.IN_PROGRESS))

    with pytest.raises(LostClaimError):
        tables.close(closing)

    assert tables.inventory("Shop")[0].held_by(closing.operation.id)


@pytest.mark.parametrize("make", [samples.created_closing, samples.failed_closing])
def test_a_row_of_another_operation_is_not_touched(
    tables: DynamoTables, dynamodb: Any, open_operation: Operation, make: Any
) -> None:
    dynamodb.update_item(
        TableName="NonProduction",
        Key=items.row_key("Shop", Environment.DEV),
        UpdateExpression="SET claim = :other",
        ExpressionAttributeValues={":other": {"S": "02OTHER"}},
    )

    with pytest.raises(LostClaimError):
        tables.close(make(samples.create_claim()))

    assert tables.operation("Shop", open_operation.id) == open_operation
    assert tables.inventory("Shop")[0].rows[Environment.DEV].claim == "02OTHER"


@pytest.mark.parametrize("make", [samples.created_closing, samples.failed_closing])
def test_a_close_that_is_sent_twice_takes_effect_once(
    tables: DynamoTables, dynamodb: Any, open_operation: Operation, make: Any
) -> None:
    sends = send_twice(dynamodb, "TransactWriteItems")

    tables.close(make(samples.create_claim()))

    assert sends[:2] == [1, 2]
    known = tables.operation("Shop", open_operation.id)
    assert known is not None
    assert known.ended


def test_a_close_without_a_response_can_have_taken_effect(
    tables: DynamoTables, dynamodb: Any, closing: Closing
) -> None:
    break_after(dynamodb, "TransactWriteItems", ReadTimeoutError(endpoint_url="http://db"))

    with pytest.raises(UnreachableError):
        tables.close(closing)

    known = tables.operation("Shop", closing.operation.id)
    assert known is not None
    assert known.status is Status.SUCCEEDED
    assert not tables.inventory("Shop")[0].held_by(known.id)


def test_a_close_in_conflict_with_other_writers_is_throttled(
    tables: DynamoTables, dynamodb: Any, closing: Closing
) -> None:
    cancel(dynamodb, "TransactionConflict", action=5, times=9)

    with pytest.raises(ThrottledError):
        tables.close(closing)
