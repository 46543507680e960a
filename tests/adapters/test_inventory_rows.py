from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from devops_core.adapters.dynamodb import items
from devops_core.adapters.dynamodb.attributes import encode
from devops_core.adapters.dynamodb.tables import DynamoTables
from devops_core.details import details_type
from devops_core.errors import AccessDeniedError, NotDeployableError, ThrottledError
from devops_core.model.inventory import Inventory
from devops_core.model.listing import OpenOperation
from devops_core.model.specification import ApplicationRecord, Revision, Specification
from devops_core.naming import Environment
from tests.adapters.conftest import Time
from tests.lab import samples
from tests.lab.moto.hooks import cancel, parameters, refuse, respond


def test_the_rows_of_all_tables_are_read_in_one_call(tables: DynamoTables, dynamodb: Any) -> None:
    tables.claim(samples.create_claim())
    tables.claim(samples.create_claim("Blog", "01BLOG"))
    sent = respond(dynamodb, "BatchGetItem")

    inventory, record = tables.inventory("Shop")

    expected = {row.environment: replace(row, claim="01CREATE") for row in samples.rows()}
    assert dict(inventory.rows) == expected
    assert list(inventory.rows) == [name for name in Environment if name in expected]
    assert record is None
    assert inventory.record == samples.MINIMAL_RECORD._replace(claim="01CREATE")
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
        "NonProduction": 3, "TrainingDA": 2, "Production": 2, "Log": 2,
    }  # fmt: skip
    assert items.record_key("Shop") in wanted["Log"]["Keys"]
    assert all(some["ConsistentRead"] for some in wanted.values())


def test_a_missing_application_has_no_rows(tables: DynamoTables) -> None:
    inventory, record = tables.inventory("Nothing", "some key")

    assert (dict(inventory.rows), inventory.record, record) == ({}, None, None)


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


def test_a_key_and_a_record_are_both_read(tables: DynamoTables) -> None:
    claim = samples.create_claim()
    used = samples.idempotency_record(claim.operation)
    tables.claim(replace(claim, idempotency=used))

    inventory, record = tables.inventory("Shop", used.key, revision=1)

    assert (inventory.specification, record) == (samples.MINIMAL_SPECIFICATION, used)
    assert tables.inventory("Another", used.key) == (Inventory({}), used)


def with_revisions(dynamodb: Any, *numbers: int, application: str = "Shop") -> list[Revision]:
    """Write and return revisions of a specification."""
    written = [revision(number) for number in numbers]
    for each in written:
        dynamodb.put_item(TableName="Log", Item=items.revision_item(application, each))
    return written


def revision(number: int) -> Revision:
    specification = Specification(number, {"email": f"web{number}@example.com"})
    return Revision(specification, f"01UPDATE{number}", "ci", samples.NOW)


def with_record(dynamodb: Any, current: int) -> ApplicationRecord:
    """Write and return a record with a present revision."""
    specification = revision(current).specification
    record = ApplicationRecord(specification, current, claim="01UPDATE")
    dynamodb.put_item(TableName="Log", Item=items.record_item("Shop", record))
    return record


@pytest.mark.parametrize("wanted", [None, 3])
def test_the_present_revision_needs_no_second_call(
    tables: DynamoTables, dynamodb: Any, wanted: int | None
) -> None:
    record = with_record(dynamodb, 3)
    sent = respond(dynamodb, "BatchGetItem")

    assert tables.inventory("Shop", revision=wanted)[0].record == record
    assert len(sent) == 1


@pytest.mark.parametrize("wanted", [2, 4], ids=["an older one", "the next one"])
def test_another_revision_is_read_with_the_record(
    tables: DynamoTables, dynamodb: Any, wanted: int
) -> None:
    record = with_record(dynamodb, 3)
    others = with_revisions(dynamodb, 2, 4)
    sent = respond(dynamodb, "BatchGetItem")

    found = tables.inventory("Shop", revision=wanted)[0].record

    specification = next(each.specification for each in others
                         if each.specification.revision == wanted)  # fmt: skip
    assert found == record._replace(specification=specification)
    assert len(sent) == 2


def test_an_inventory_without_the_wanted_revision_has_no_specification(
    tables: DynamoTables, dynamodb: Any
) -> None:
    with_record(dynamodb, 3)

    inventory, _ = tables.inventory("Shop", revision=2)

    assert inventory.record is None
    with pytest.raises(NotDeployableError, match="not on record"):
        _ = inventory.specification


def test_a_revision_of_a_missing_application_is_not_read(
    tables: DynamoTables, dynamodb: Any
) -> None:
    with_revisions(dynamodb, 2)
    sent = respond(dynamodb, "BatchGetItem")

    assert tables.inventory("Shop", revision=2)[0].record is None
    assert len(sent) == 1


def test_revisions_are_read_by_their_numbers(tables: DynamoTables, dynamodb: Any) -> None:
    written = with_revisions(dynamodb, *range(1, 101))
    with_revisions(dynamodb, 7, application="Blog")
    requests = parameters(dynamodb, "BatchGetItem")

    assert tables.revisions("Shop", range(1, 101)) == dict(enumerate(written, 1))
    assert tables.revisions("Shop", [7, 200]) == {7: written[6]}
    assert tables.revisions("Another", [7]) == {}
    assert all(each["RequestItems"]["Log"]["ConsistentRead"] for each in requests)
    assert len(requests) == 3


def log_entries(dynamodb: Any) -> list[tuple[str, str]]:
    scanned = dynamodb.scan(TableName="Log")["Items"]
    return sorted((item["applicationName"]["S"], item["entry"]["S"]) for item in scanned)


@pytest.mark.parametrize("number", [0, 1, 99, 100, 210])
def test_all_revisions_of_an_application_are_removed(
    tables: DynamoTables, dynamodb: Any, number: int
) -> None:
    tables.claim(samples.create_claim("Blog", "01BLOG"))
    with_record(dynamodb, number)
    others = log_entries(dynamodb)
    with_revisions(dynamodb, *range(1, number + 1))
    sent = respond(dynamodb, "TransactWriteItems")

    tables.remove_revisions("Shop", "01UPDATE")

    assert log_entries(dynamodb) == others
    assert ("Blog", "SPEC#00000001") in others
    assert len(sent) == -(-number // 99)
    tables.remove_revisions("Shop", "01UPDATE")
    assert log_entries(dynamodb) == others


def test_the_revisions_of_all_pages_are_removed(tables: DynamoTables, dynamodb: Any) -> None:
    with_revisions(dynamodb, 1, 2, 3)
    keys = [items.revision_key("Shop", number) for number in (1, 2)]
    sent = respond(
        dynamodb,
        "Query",
        {"Items": keys[:1], "LastEvaluatedKey": keys[0]},
        {"Items": [], "LastEvaluatedKey": keys[1]},
    )

    tables.remove_revisions("Shop", "01UPDATE")

    assert log_entries(dynamodb) == [("Shop", "SPEC#00000002")]
    starts = [json.loads(call["body"]).get("ExclusiveStartKey") for call in sent]
    assert starts == [None, *keys]
    assert all(json.loads(call["body"])["ConsistentRead"] for call in sent)


def test_a_late_removal_keeps_the_revisions_of_a_new_application(
    tables: DynamoTables, dynamodb: Any
) -> None:
    with_record(dynamodb, 2)
    with_revisions(dynamodb, 1, 2)
    before = log_entries(dynamodb)

    tables.remove_revisions("Shop", "01DELETE")

    assert log_entries(dynamodb) == before


def test_revisions_without_a_record_are_removed(tables: DynamoTables, dynamodb: Any) -> None:
    with_revisions(dynamodb, 1, 2)

    tables.remove_revisions("Shop", "01DELETE")

    assert log_entries(dynamodb) == []


def test_a_simultaneous_transaction_delays_the_removal(tables: DynamoTables, dynamodb: Any) -> None:
    with_revisions(dynamodb, 1)
    cancel(dynamodb, "TransactionConflict", times=9)

    with pytest.raises(ThrottledError, match="another transaction uses the same items"):
        tables.remove_revisions("Shop", "01DELETE")

    assert log_entries(dynamodb) == [("Shop", "SPEC#00000001")]


@pytest.mark.parametrize("call", ["Query", "TransactWriteItems"])
@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("ProvisionedThroughputExceededException", ThrottledError),
        ("AccessDeniedException", AccessDeniedError),
    ],
)
def test_a_refused_removal_is_an_error(
    tables: DynamoTables, dynamodb: Any, call: str, code: str, error: type[Exception]
) -> None:
    with_revisions(dynamodb, 1)
    refuse(dynamodb, call, code)

    with pytest.raises(error):
        tables.remove_revisions("Shop", "01UPDATE")

    assert log_entries(dynamodb) == [("Shop", "SPEC#00000001")]


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

    page = tables.open_operations()

    assert [each[:2] for each in page.items] == [("Shop", "01"), ("Blog", "02")]
    assert page.next is None


def test_open_operations_have_their_deadline(tables: DynamoTables) -> None:
    claim = samples.create_claim()
    tables.claim(claim)

    (found,) = tables.open_operations().items

    assert found == OpenOperation("Shop", claim.operation.id, claim.operation.deadline)


@pytest.mark.parametrize("deadline", [{}, {"deadline": {"S": "soon"}}, {"deadline": {"N": "7"}}])
def test_an_open_operation_without_a_valid_deadline_is_found(
    tables: DynamoTables, dynamodb: Any, deadline: dict[str, Any]
) -> None:
    key = items.operation_key("Shop", "01")
    dynamodb.put_item(TableName=samples.NAMES.log, Item={**key, "open": {"S": "1"}, **deadline})

    assert tables.open_operations().items == (OpenOperation("Shop", "01", None),)


def test_pages_of_open_operations_continue_after_the_last_one(
    tables: DynamoTables, dynamodb: Any
) -> None:
    for number in range(1005):
        key = items.operation_key(f"App{number % 7}", f"{number:04}")
        dynamodb.put_item(TableName=samples.NAMES.log, Item={**key, "open": {"S": "1"}})

    first = tables.open_operations()
    second = tables.open_operations(first.next)

    assert [each.id for each in first.items] == [f"{number:04}" for number in range(1000)]
    assert [each.id for each in second.items] == [f"{number:04}" for number in range(1000, 1005)]
    assert second.next is None


def test_a_page_continues_after_an_operation_that_has_ended(tables: DynamoTables) -> None:
    claims = [samples.create_claim(name, f"0{n}") for n, name in enumerate(("Shop", "Blog"), 1)]
    for claim in claims:
        tables.claim(claim)
    position = tables.open_operations().items[0].position
    tables.close(samples.failed_closing(claims[0]))

    assert [each.id for each in tables.open_operations(position).items] == ["02"]


def test_a_page_that_dynamodb_ends_early_has_a_next_page(
    tables: DynamoTables, dynamodb: Any
) -> None:
    key = items.operation_key("Shop", "01") | {"open": {"S": "1"}}
    respond(dynamodb, "Query", {"Items": [key], "LastEvaluatedKey": key})

    assert tables.open_operations().next == "01 Shop"


def test_the_position_of_the_schedule_is_stored(tables: DynamoTables) -> None:
    assert tables.sweep_position() is None

    for position in ("01 Shop", "02 Blog"):
        tables.save_sweep_position(position)

        assert tables.sweep_position() == position
    assert tables.open_operations().items == ()


@pytest.mark.parametrize("damage", [{}, {"after": {"N": "7"}}, {"after": {"M": {}}}])
def test_a_damaged_position_is_none_until_the_next_write(
    tables: DynamoTables, dynamodb: Any, damage: dict[str, Any]
) -> None:
    item = encode(items.SWEEP_POSITION) | damage
    dynamodb.put_item(TableName=samples.NAMES.log, Item=item)

    assert tables.sweep_position() is None
    tables.save_sweep_position("01 Shop")
    assert tables.sweep_position() == "01 Shop"


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
