"""Corrections of the drift check, and the order in which it checks applications."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from devops_core.adapters.dynamodb.tables import DynamoTables
from devops_core.errors import ChangedMeanwhileError, UnreachableError
from devops_core.model.claims import Claim, Closing
from devops_core.model.inventory import Row
from devops_core.model.operation import Status
from devops_core.model.specification import RecordClaim
from devops_core.naming import PRODUCTION, Environment
from tests.lab import samples
from tests.lab.moto.hooks import break_after, send_twice


@pytest.fixture
def row(tables: DynamoTables) -> Row:
    """A free row, as it is stored."""
    claim = samples.create_claim()
    tables.claim(claim)
    tables.close(samples.created_closing(claim))
    inventory, _ = tables.inventory("Shop")
    return inventory.rows[Environment.DEV]


def correction(row: Row, operation_id: str = "01REPAIR") -> Closing:
    operation = replace(
        samples.create_claim().operation,
        id=operation_id,
        kind="repair",
        status=Status.SUCCEEDED,
        ended_at=samples.NOW,
    )
    found = samples.minimal_event(operation, "000")
    return Closing(
        operation=operation,
        event=samples.minimal_event(operation, "END"),
        events=[found],
        kept=[replace(row, drift="the ECS service does not exist any more")],
    )


def test_a_correction_writes_an_ended_operation(
    tables: DynamoTables, dynamodb: Any, row: Row
) -> None:
    closing = correction(row)
    tables.correct(closing)

    inventory, _ = tables.inventory("Shop")
    corrected = replace(closing.kept[0], revision=row.revision + 1)
    assert inventory.rows[Environment.DEV] == corrected
    assert tables.operation("Shop", "01REPAIR") == closing.operation
    assert tables.open_operations().items == ()
    entries = [item["entry"]["S"] for item in dynamodb.scan(TableName="Log")["Items"]]
    assert {"EVENT#01REPAIR#000", "EVENT#01REPAIR#END"} <= set(entries)


def test_a_row_that_has_changed_is_not_corrected(tables: DynamoTables, row: Row) -> None:
    with pytest.raises(ChangedMeanwhileError):
        tables.correct(correction(replace(row, revision=row.revision - 1)))

    inventory, _ = tables.inventory("Shop")
    assert inventory.rows[Environment.DEV] == row
    assert tables.operation("Shop", "01REPAIR") is None


def test_a_correction_that_is_sent_twice_takes_effect_once(
    tables: DynamoTables, dynamodb: Any, row: Row
) -> None:
    sends = send_twice(dynamodb, "TransactWriteItems")
    tables.correct(correction(row))

    assert sends == [1, 2]
    inventory, _ = tables.inventory("Shop")
    assert inventory.rows[Environment.DEV].revision == row.revision + 1


def test_a_correction_without_a_response_is_an_error(
    tables: DynamoTables, dynamodb: Any, row: Row
) -> None:
    break_after(dynamodb, "TransactWriteItems", ReadTimeoutError(endpoint_url="dynamodb"))
    with pytest.raises(UnreachableError):
        tables.correct(correction(row))


def test_the_drift_check_reads_all_applications_in_turn(
    tables: DynamoTables, dynamodb: Any
) -> None:
    assert tables.applications(1) == []
    for name in ("One", "Two", "Three"):
        for environment in PRODUCTION:
            key = {"applicationName": {"S": name}, "environment": {"S": environment.value}}
            dynamodb.put_item(TableName=samples.NAMES.production, Item=key)

    rounds = [[name for _ in range(3) for name in tables.applications(1)] for _ in range(2)]
    assert [sorted(each) for each in rounds] == [["One", "Three", "Two"]] * 2
    assert sorted(tables.applications(100)) == ["One", "Three", "Two"]
    assert sorted(tables.applications(100)) == ["One", "Three", "Two"]


def held_by(tables: DynamoTables, identity: str) -> None:
    """Let an operation hold the record of the application."""
    record = tables.inventory("Shop")[0].record
    assert record is not None
    operation = samples.minimal_operation("update", identity)
    tables.claim(
        Claim(
            operation=operation,
            event=samples.minimal_event(operation),
            record=RecordClaim(record, taken=True),
        )
    )


def claim_of(tables: DynamoTables) -> str | None:
    record = tables.inventory("Shop")[0].record
    return record.claim if record else None


def test_a_correction_frees_the_record_from_an_ended_operation(
    tables: DynamoTables, row: Row
) -> None:
    held_by(tables, "01ENDED")

    tables.correct(replace(correction(row), kept=(), freed="01ENDED"))

    assert claim_of(tables) is None


def test_a_correction_does_not_free_the_record_from_another_operation(
    tables: DynamoTables, row: Row
) -> None:
    held_by(tables, "02OTHER")

    with pytest.raises(ChangedMeanwhileError):
        tables.correct(replace(correction(row), freed="01ENDED"))

    assert claim_of(tables) == "02OTHER"
    assert tables.operation("Shop", "01REPAIR") is None
