from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from devops_core.adapters.dynamodb import items
from devops_core.adapters.dynamodb.tables import DynamoTables
from devops_core.details import details_type
from devops_core.errors import AccessDeniedError, ThrottledError
from devops_core.naming import Environment
from tests.adapters.conftest import Time
from tests.lab import samples
from tests.lab.moto.hooks import refuse, respond


def test_the_rows_of_all_tables_are_read_in_one_call(tables: DynamoTables, dynamodb: Any) -> None:
    tables.claim(samples.create_claim())
    tables.claim(samples.create_claim("Blog", "01BLOG"))
    sent = respond(dynamodb, "BatchGetItem")

    inventory, record = tables.inventory("Shop")

    expected = {row.environment: replace(row, claim="01CREATE") for row in samples.rows()}
    assert dict(inventory.rows) == expected
    assert list(inventory.rows) == [name for name in Environment if name in expected]
    assert record is None
    assert len(sent) == 1


def test_reads_are_consistent(tables: DynamoTables, dynamodb: Any) -> None:
    requests: list[Any] = []
    dynamodb.meta.events.register(
        "provide-client-params.dynamodb.BatchGetItem", lambda params, **_: requests.append(params)
    )

    tables.inventory("Shop", "key")

    (request,) = requests
    wanted = request["RequestItems"]
    assert {table: len(some["Keys"]) for table, some in wanted.items()} == {
        "NonProduction": 3, "TrainingDA": 2, "Production": 2, "Log": 1,
    }  # fmt: skip
    assert all(some["ConsistentRead"] for some in wanted.values())


def test_a_missing_application_has_no_rows(tables: DynamoTables) -> None:
    inventory, record = tables.inventory("Nothing", "some key")

    assert (dict(inventory.rows), record) == ({}, None)


def test_a_key_gives_its_record_until_it_expires(tables: DynamoTables, time: Time) -> None:
    claim = samples.create_claim()
    record = samples.idempotency_record(claim.operation)
    tables.claim(replace(claim, idempotency=record))

    assert tables.inventory("Shop", record.key)[1] == record
    assert tables.inventory("Shop", "another key")[1] is None
    time.value += timedelta(days=1)
    assert tables.inventory("Shop", record.key)[1] == record
    time.value += timedelta(seconds=1)
    assert tables.inventory("Shop", record.key)[1] is None


def test_unprocessed_keys_are_read_again(tables: DynamoTables, dynamodb: Any) -> None:
    tables.claim(samples.create_claim())
    rest = {"Keys": [items.row_key("Shop", Environment.DEV)], "ConsistentRead": True}
    production = {"Production": [items.row_item(row) for row in samples.rows()[2:]]}
    respond(
        dynamodb,
        "BatchGetItem",
        {"Responses": production, "UnprocessedKeys": {"NonProduction": rest}},
    )

    inventory, _ = tables.inventory("Shop")

    assert list(inventory.rows) == [
        Environment.DEV, Environment.PROD_BLUE, Environment.PROD_GREEN,
    ]  # fmt: skip


def test_keys_that_stay_unprocessed_are_throttling(tables: DynamoTables, dynamodb: Any) -> None:
    rest = {"Keys": [items.row_key("Shop", Environment.DEV)]}
    never = {"Responses": {}, "UnprocessedKeys": {"NonProduction": rest}}
    sent = respond(dynamodb, "BatchGetItem", *[never] * 9)

    with pytest.raises(ThrottledError):
        tables.inventory("Shop")

    assert len(sent) == 4


def test_a_throttled_read_is_an_error(tables: DynamoTables, dynamodb: Any) -> None:
    refuse(dynamodb, "BatchGetItem", "ProvisionedThroughputExceededException")

    with pytest.raises(ThrottledError):
        tables.inventory("Shop")


def test_open_operations_come_oldest_first(tables: DynamoTables) -> None:
    tables.claim(samples.create_claim("Blog", "02"))
    tables.claim(samples.create_claim("Shop", "01"))
    done = samples.create_claim("Done", "00")
    tables.claim(done)
    tables.close(samples.failed_closing(done))

    assert tables.open_operations() == [("Shop", "01"), ("Blog", "02")]


def test_all_pages_of_open_operations_are_read_up_to_200(
    tables: DynamoTables, dynamodb: Any
) -> None:
    def page(first: int, last: int) -> dict[str, Any]:
        keys = [items.operation_key("Shop", f"{number:03}") for number in range(first, last)]
        return {"Items": keys, "LastEvaluatedKey": keys[-1]}

    sent = respond(dynamodb, "Query", page(0, 150), page(150, 200), page(200, 201))

    found = tables.open_operations()

    assert found == [("Shop", f"{number:03}") for number in range(200)]
    assert len(sent) == 2


def test_existing_tables_have_no_problem(tables: DynamoTables) -> None:
    assert tables.check() == {}


def test_a_missing_table_is_named(dynamodb: Any, time: Time) -> None:
    names = samples.NAMES._replace(production="Gone")

    problems = DynamoTables(dynamodb, names, time.now, details_type).check()

    assert list(problems) == ["Gone"]


def test_a_table_without_permission_is_named(tables: DynamoTables, dynamodb: Any) -> None:
    refuse(dynamodb, "GetItem", "AccessDeniedException", "User: arn:aws:iam::123456789012:u")

    assert tables.check() == dict.fromkeys(
        ("NonProduction", "Production", "TrainingDA", "Log"),
        "the service's role lacks the permission GetItem",
    )
    with pytest.raises(AccessDeniedError):
        tables.operation("Shop", "01")
