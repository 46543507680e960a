from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from devops_core.adapters.dynamodb import items
from devops_core.adapters.dynamodb.tables import DynamoTables
from devops_core.errors import (
    AlreadyExistsError,
    BusyError,
    ChangedMeanwhileError,
    ThrottledError,
    UnreachableError,
)
from devops_core.model.claims import AlreadyClaimedError, Claim
from devops_core.model.inventory import Inventory, Row
from devops_core.model.specification import (
    ApplicationRecord,
    RecordClaim,
    Revision,
    Specification,
)
from devops_core.naming import Environment
from tests.adapters.conftest import Time
from tests.lab import samples
from tests.lab.moto.hooks import (
    break_after,
    cancel,
    meanwhile,
    parameters,
    refuse,
    respond,
    send_twice,
)


def existing(tables: DynamoTables, name: str = "Shop") -> Inventory:
    """Return the inventory of a created application."""
    claim = samples.create_claim(name, f"00{name}")
    tables.claim(claim)
    tables.close(samples.created_closing(claim))
    return tables.inventory(name)[0]


def deploy(*taken: Row, identity: str = "01DEPLOY", unchanged: tuple[Row, ...] = ()) -> Claim:
    operation = samples.minimal_operation("deploy", identity)
    event = samples.minimal_event(operation)
    return Claim(operation=operation, event=event, taken=taken, unchanged=unchanged)


def dev(tables: DynamoTables) -> Row:
    return tables.inventory("Shop")[0].rows[Environment.DEV]


def entries(dynamodb: Any, application: str = "Shop") -> list[str]:
    query: dict[str, Any] = {
        "KeyConditionExpression": "applicationName = :a",
        "ExpressionAttributeValues": {":a": {"S": application}},
    }
    return [item["entry"]["S"] for item in dynamodb.query(TableName="Log", **query)["Items"]]


def created(tables: DynamoTables) -> tuple[Row, ApplicationRecord]:
    """Return the row of dev and the record of a created application."""
    inventory = existing(tables)
    assert inventory.record is not None
    return inventory.rows[Environment.DEV], inventory.record


def record_of(tables: DynamoTables) -> ApplicationRecord:
    record = tables.inventory("Shop")[0].record
    assert record is not None
    return record


def update(seen: ApplicationRecord, number: int, identity: str = "01UPDATE") -> RecordClaim:
    """Return the part of a claim that makes a new revision the present one."""
    specification = Specification(number, {"email": "new@example.com"})
    new = seen._replace(specification=specification, current=number)
    revision = Revision(specification, identity, "ci", samples.NOW)
    return RecordClaim(seen, taken=True, new=new, revision=revision)


def with_record(claim: Claim, record: RecordClaim) -> Claim:
    return replace(claim, record=record)


def row_counts(dynamodb: Any) -> dict[str, int]:
    """Return the numbers of rows in the inventory tables, without the empty ones."""
    tables = ("NonProduction", "Production", "TrainingDA")
    counts = {table: dynamodb.scan(TableName=table)["Count"] for table in tables}
    return {table: count for table, count in counts.items() if count}


def test_a_claim_takes_rows_and_writes_record_and_event(
    tables: DynamoTables, dynamodb: Any
) -> None:
    before = existing(tables).rows
    claim = deploy(before[Environment.DEV], unchanged=(before[Environment.PROD_GREEN],))

    tables.claim(claim)

    after = tables.inventory("Shop")[0].rows
    taken = replace(before[Environment.DEV], claim="01DEPLOY", revision=2)
    assert dict(after) == dict(before) | {Environment.DEV: taken}
    assert tables.operation("Shop", "01DEPLOY") == claim.operation
    assert {"OPERATION#01DEPLOY", "EVENT#01DEPLOY#000"} <= set(entries(dynamodb))


def test_a_create_writes_its_record_and_its_first_revision(
    tables: DynamoTables, dynamodb: Any
) -> None:
    claim = samples.create_claim()
    sent = parameters(dynamodb, "TransactWriteItems")

    tables.claim(claim)

    assert record_of(tables) == samples.MINIMAL_RECORD._replace(claim="01CREATE")
    assert tables.revisions("Shop", [1]) == {1: samples.revision(claim.operation)}
    assert {"APPLICATION", "SPEC#00000001", "OPERATION#01CREATE"} <= set(entries(dynamodb))
    assert len(sent) == 1


def test_a_create_holds_its_record_although_the_caller_names_no_holder(
    tables: DynamoTables,
) -> None:
    claim = samples.create_claim()
    assert claim.record is not None
    assert claim.record.new is not None
    assert claim.record.new.claim is None

    tables.claim(claim)

    assert record_of(tables).claim == claim.operation.id


@pytest.mark.parametrize("entry", ["APPLICATION", "SPEC#00000001"])
def test_a_create_does_not_replace_a_record_or_a_revision_that_remained(
    tables: DynamoTables, dynamodb: Any, entry: str
) -> None:
    item = {"applicationName": {"S": "Shop"}, "entry": {"S": entry}, "claim": {"S": "01OLD"}}
    dynamodb.put_item(TableName="Log", Item=item)

    with pytest.raises(ChangedMeanwhileError, match="repeat the call"):
        tables.claim(samples.create_claim())

    assert entries(dynamodb) == [entry]
    assert row_counts(dynamodb) == {}


def test_a_claim_with_the_present_revision_keeps_the_record(
    tables: DynamoTables, dynamodb: Any
) -> None:
    row, seen = created(tables)

    tables.claim(with_record(deploy(row), RecordClaim(seen)))

    assert record_of(tables) == seen
    assert dev(tables).claim == "01DEPLOY"
    assert [each for each in entries(dynamodb) if each.startswith("SPEC#")] == ["SPEC#00000001"]


@pytest.mark.parametrize("taken", [False, True])
def test_a_claim_is_refused_after_another_revision_became_present(
    tables: DynamoTables, dynamodb: Any, taken: bool
) -> None:
    row, seen = created(tables)
    changed = seen._replace(specification=Specification(2, {"email": "b@example.com"}), current=2)
    dynamodb.put_item(TableName="Log", Item=items.record_item("Shop", changed))

    with pytest.raises(ChangedMeanwhileError, match="repeat the call"):
        tables.claim(with_record(deploy(row), RecordClaim(seen, taken=taken)))

    assert record_of(tables) == changed
    assert dev(tables).claim is None
    assert tables.operation("Shop", "01DEPLOY") is None


def test_a_revision_can_become_present_between_the_read_and_the_claim(
    tables: DynamoTables, dynamodb: Any
) -> None:
    row, seen = created(tables)
    winner = with_record(deploy(identity="01UPDATE"), update(seen, 2))
    meanwhile(dynamodb, "TransactWriteItems", lambda: tables.claim(winner))

    with pytest.raises(ChangedMeanwhileError):
        tables.claim(with_record(deploy(row), RecordClaim(seen)))

    assert (record_of(tables).current, record_of(tables).claim) == (2, "01UPDATE")


def test_a_claim_does_not_need_a_free_record(tables: DynamoTables) -> None:
    """An update changes the stack for minutes; deploys of the present revision continue."""
    row, seen = created(tables)
    tables.claim(with_record(deploy(identity="01UPDATE"), RecordClaim(seen, taken=True)))

    tables.claim(with_record(deploy(row), RecordClaim(seen)))

    assert dev(tables).claim == "01DEPLOY"
    assert record_of(tables).claim == "01UPDATE"


@pytest.mark.parametrize("new", [False, True], ids=["a delete", "an update"])
def test_a_record_that_is_held_is_busy(tables: DynamoTables, dynamodb: Any, new: bool) -> None:
    _, seen = created(tables)
    tables.claim(with_record(deploy(identity="01WON"), RecordClaim(seen, taken=True)))
    lost = update(seen, 2, "02LOST") if new else RecordClaim(seen, taken=True)

    with pytest.raises(
        BusyError, match=r"^the specification of Shop is held by operation 01WON: wait for its end$"
    ) as raised:
        tables.claim(with_record(deploy(identity="02LOST"), lost))

    assert raised.value.details == {"operation": {"id": "01WON", "applicationName": "Shop"}}
    assert record_of(tables).claim == "01WON"
    assert "SPEC#00000002" not in entries(dynamodb)


def test_a_held_row_precedes_a_held_record(tables: DynamoTables) -> None:
    row, seen = created(tables)
    tables.claim(with_record(deploy(row, identity="01WON"), RecordClaim(seen, taken=True)))

    with pytest.raises(BusyError, match="DEV of Shop is held by operation 01WON"):
        tables.claim(with_record(deploy(row, identity="02"), RecordClaim(seen, taken=True)))


def test_a_taken_record_keeps_its_other_members(tables: DynamoTables, dynamodb: Any) -> None:
    existing(tables)
    full = samples.FULL_RECORD._replace(claim=None)
    dynamodb.put_item(TableName="Log", Item=items.record_item("Shop", full))

    tables.claim(with_record(deploy(identity="01DELETE"), RecordClaim(full, taken=True)))

    assert record_of(tables) == full._replace(claim="01DELETE")


def test_an_update_writes_the_record_and_the_revision(tables: DynamoTables, dynamodb: Any) -> None:
    _, seen = created(tables)
    claim = update(seen, 2)

    tables.claim(with_record(deploy(identity="01UPDATE"), claim))

    assert claim.new is not None
    assert record_of(tables) == claim.new._replace(claim="01UPDATE")
    assert tables.revisions("Shop", [1, 2])[2] == claim.revision
    assert {"SPEC#00000001", "SPEC#00000002"} <= set(entries(dynamodb))


def test_a_removed_record_refuses_the_claim(tables: DynamoTables, dynamodb: Any) -> None:
    row, seen = created(tables)
    dynamodb.delete_item(TableName="Log", Key=items.record_key("Shop"))

    for claim in (RecordClaim(seen), RecordClaim(seen, taken=True), update(seen, 2)):
        with pytest.raises(ChangedMeanwhileError):
            tables.claim(with_record(deploy(row), claim))

    assert tables.inventory("Shop")[0].record is None
    assert "SPEC#00000002" not in entries(dynamodb)


def test_an_application_without_a_record_can_be_deleted(tables: DynamoTables) -> None:
    row, _ = created(tables)

    tables.claim(with_record(deploy(row), RecordClaim(None, taken=True)))

    assert dev(tables).claim == "01DEPLOY"


def test_a_claim_writes_a_corrected_row_completely(tables: DynamoTables) -> None:
    row = existing(tables).rows[Environment.DEV]
    assert row.service
    found = replace(row, service=replace(row.service, task_definition="by hand", version="7"))

    tables.claim(replace(deploy(found), corrected=(found,)))

    assert dev(tables) == replace(found, claim="01DEPLOY", revision=row.revision + 1)
    with pytest.raises(BusyError):
        tables.claim(replace(deploy(found, identity="02DEPLOY"), corrected=(found,)))


def test_a_corrected_row_must_not_have_changed_since_the_read(tables: DynamoTables) -> None:
    row = existing(tables).rows[Environment.DEV]
    old = replace(row, revision=row.revision - 1)

    with pytest.raises(ChangedMeanwhileError):
        tables.claim(replace(deploy(old), corrected=(old,)))

    assert dev(tables) == row


def test_the_sdk_gives_the_transaction_a_token(tables: DynamoTables, dynamodb: Any) -> None:
    bodies: list[bytes] = []
    dynamodb.meta.events.register(
        "before-call.dynamodb.TransactWriteItems",
        lambda params, **_: bodies.append(params["body"]),
    )

    tables.claim(samples.create_claim())

    assert b"ClientRequestToken" in bodies[0]


def test_the_loser_of_a_race_gets_the_winners_id(tables: DynamoTables, dynamodb: Any) -> None:
    row = existing(tables).rows[Environment.DEV]
    meanwhile(dynamodb, "TransactWriteItems", lambda: tables.claim(deploy(row, identity="01WON")))

    with pytest.raises(BusyError, match="DEV of Shop is held by operation 01WON") as raised:
        tables.claim(deploy(row, identity="02LOST"))

    assert raised.value.details == {"operation": {"id": "01WON", "applicationName": "Shop"}}
    assert dev(tables).claim == "01WON"
    assert tables.operation("Shop", "02LOST") is None
    assert "EVENT#02LOST#000" not in entries(dynamodb)


def test_an_unchanged_row_must_be_free(tables: DynamoTables) -> None:
    rows = existing(tables).rows
    tables.claim(deploy(rows[Environment.DEV], identity="01WON"))

    claim = deploy(rows[Environment.DA], identity="02", unchanged=(rows[Environment.DEV],))

    with pytest.raises(BusyError, match="01WON"):
        tables.claim(claim)


@pytest.mark.parametrize("kept", [True, False])
def test_a_row_that_changed_since_it_was_read_refuses_the_claim(
    tables: DynamoTables, kept: bool
) -> None:
    rows = existing(tables).rows
    seen = replace(rows[Environment.DEV], revision=0)
    claim = (
        deploy(rows[Environment.DA], unchanged=(seen,))
        if kept
        else deploy(seen, rows[Environment.DA])
    )

    with pytest.raises(ChangedMeanwhileError):
        tables.claim(claim)

    assert not tables.inventory("Shop")[0].held_by("01DEPLOY")


def test_a_removed_row_refuses_the_claim(tables: DynamoTables) -> None:
    with pytest.raises(ChangedMeanwhileError):
        tables.claim(deploy(samples.MINIMAL_ROW))


def test_an_application_is_created_once(tables: DynamoTables) -> None:
    tables.claim(samples.create_claim(identity="01FIRST"))

    with pytest.raises(AlreadyExistsError, match="operation 01FIRST is in progress") as raised:
        tables.claim(samples.create_claim(identity="02SECOND"))

    assert raised.value.details == {"operation": {"id": "01FIRST", "applicationName": "Shop"}}


def test_a_complete_application_refuses_another_create(tables: DynamoTables) -> None:
    existing(tables)

    with pytest.raises(
        AlreadyExistsError, match=r"Shop already exists: choose another name$"
    ) as raised:
        tables.claim(samples.create_claim(identity="02SECOND"))

    assert raised.value.details == {}


def test_a_name_that_differs_only_in_case_is_taken(tables: DynamoTables) -> None:
    existing(tables, "Shop")

    with pytest.raises(AlreadyExistsError, match="Shop already exists, and SHOP differs"):
        tables.claim(samples.create_claim("SHOP", "02SECOND"))


def test_a_name_is_reserved_in_any_case(tables: DynamoTables) -> None:
    assert tables.reserved("Shop") is None
    tables.claim(samples.create_claim("Shop", "01"))

    assert [tables.reserved(name) for name in ("Shop", "SHOP", "Shop2")] == ["Shop", "Shop", None]


def test_a_reservation_is_read_consistently(tables: DynamoTables, dynamodb: Any) -> None:
    sent = respond(dynamodb, "GetItem", {"Item": items.name_item(samples.MINIMAL_APPLICATION)})

    assert tables.reserved("shop") == "Shop"
    assert '"ConsistentRead": true' in sent[0]["body"].decode()


def test_a_reservation_without_rows_refuses_a_create(tables: DynamoTables, dynamodb: Any) -> None:
    dynamodb.put_item(TableName="Log", Item=items.name_item(samples.MINIMAL_APPLICATION))

    with pytest.raises(AlreadyExistsError, match=r"Shop already exists: choose another name$"):
        tables.claim(samples.create_claim())


def test_a_failed_create_releases_its_name(tables: DynamoTables) -> None:
    claim = samples.create_claim("Shop", "01")
    tables.claim(claim)
    tables.close(samples.failed_closing(claim))

    tables.claim(samples.create_claim("SHOP", "02"))


def test_a_used_key_precedes_all_other_errors(tables: DynamoTables) -> None:
    first = samples.create_claim(identity="01FIRST")
    used = samples.idempotency_record(first.operation)
    tables.claim(replace(first, idempotency=used))
    second = samples.create_claim(identity="02SECOND")

    with pytest.raises(AlreadyClaimedError) as raised:
        tables.claim(replace(second, idempotency=samples.idempotency_record(second.operation)))

    assert raised.value.record == used


def test_an_expired_key_can_be_used_again(tables: DynamoTables, time: Time) -> None:
    first = samples.create_claim("Blog", "01")
    tables.claim(replace(first, idempotency=samples.idempotency_record(first.operation)))
    time.value += timedelta(days=1, seconds=1)
    second = samples.create_claim("Shop", "02")
    later = replace(samples.idempotency_record(second.operation), expires_at=2_000_000_000)

    tables.claim(replace(second, idempotency=later))

    assert tables.inventory("Shop", later.key)[1] == later


@pytest.mark.parametrize("taken", [False, True])
def test_a_claim_of_a_record_that_is_sent_twice_takes_effect_once(
    tables: DynamoTables, dynamodb: Any, taken: bool
) -> None:
    _, seen = created(tables)
    claim = update(seen, 2) if taken else RecordClaim(seen)
    sends = send_twice(dynamodb, "TransactWriteItems")

    tables.claim(with_record(deploy(identity="01UPDATE"), claim))

    assert sends[:2] == [1, 2]
    assert record_of(tables).claim == ("01UPDATE" if taken else None)
    assert tables.operation("Shop", "01UPDATE") is not None


@pytest.mark.parametrize("make", [samples.create_claim, lambda: deploy(samples.MINIMAL_ROW)])
def test_a_claim_that_is_sent_twice_takes_effect_once(
    tables: DynamoTables, dynamodb: Any, make: Callable[[], Claim]
) -> None:
    claim = make()
    if claim.taken:
        claim = deploy(existing(tables).rows[Environment.DEV])
    claim = replace(claim, idempotency=samples.idempotency_record(claim.operation))
    sends = send_twice(dynamodb, "TransactWriteItems")

    tables.claim(claim)

    assert sends[:2] == [1, 2]
    rows = tables.inventory("Shop")[0]
    assert len(rows.held_by(claim.operation.id)) == len(claim.taken) + len(claim.new)


def test_a_claim_without_a_response_can_have_taken_effect(
    tables: DynamoTables, dynamodb: Any
) -> None:
    break_after(dynamodb, "TransactWriteItems", ReadTimeoutError(endpoint_url="http://db"))

    with pytest.raises(UnreachableError):
        tables.claim(samples.create_claim())

    assert tables.operation("Shop", "01CREATE") is not None


def test_a_throttled_claim_has_no_effect(tables: DynamoTables, dynamodb: Any) -> None:
    refuse(dynamodb, "TransactWriteItems", "ThrottlingException")

    with pytest.raises(ThrottledError):
        tables.claim(samples.create_claim())

    assert tables.operation("Shop", "01CREATE") is None


def test_a_short_conflict_is_retried(tables: DynamoTables, dynamodb: Any) -> None:
    row = existing(tables).rows[Environment.DEV]
    seen = cancel(dynamodb, "TransactionConflict", times=2)

    tables.claim(deploy(row))

    assert len(seen) == 3
    assert dev(tables).claim == "01DEPLOY"


def test_a_lasting_conflict_is_reported_as_a_change(tables: DynamoTables, dynamodb: Any) -> None:
    row = existing(tables).rows[Environment.DEV]
    seen = cancel(dynamodb, "TransactionConflict", times=9)

    with pytest.raises(ChangedMeanwhileError):
        tables.claim(deploy(row))

    assert len(seen) == 3
