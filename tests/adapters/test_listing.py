"""Lists page by page, on moto."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from devops_core.adapters.dynamodb import items
from devops_core.adapters.dynamodb.listing import DynamoListing
from devops_core.adapters.dynamodb.tables import DynamoTables
from devops_core.details import details_type
from devops_core.errors import InvalidRequestError, ThrottledError
from devops_core.model.listing import EventSearch, Page
from devops_core.model.operation import Event
from devops_core.naming import Environment
from devops_core.operation_id import new_operation_id
from tests.lab import samples
from tests.lab.fakes.cloud import in_turn
from tests.lab.moto.hooks import refuse, respond

T = TypeVar("T")
START = samples.NOW


@pytest.fixture
def listing(dynamodb: Any) -> DynamoListing:
    return DynamoListing(dynamodb, samples.NAMES, in_turn, details_type)


@pytest.fixture
def queries(dynamodb: Any) -> list[dict[str, Any]]:
    """Return the parameters of later calls of DynamoDB."""
    seen: list[dict[str, Any]] = []
    for operation in ("Query", "BatchGetItem", "Scan"):
        dynamodb.meta.events.register(
            f"provide-client-params.dynamodb.{operation}",
            lambda params, model, **_: seen.append({"called": model.name, **params}),
        )
    return seen


def pages(ask: Callable[[str | None], Page[T]]) -> Iterator[tuple[T, ...]]:
    """Yield the pages of a list, each read with the token of the previous page."""
    page = ask(None)
    yield page.items
    while page.next:
        page = ask(page.next)
        yield page.items


def identity(minutes: float) -> str:
    """Return the id of an operation that began `minutes` after START."""
    return new_operation_id(START + timedelta(minutes=minutes))[:10] + "0" * 16


def events(tables: DynamoTables, *some: tuple[str, float, str, str]) -> list[Event]:
    """Write and return events: application, minutes after START, operation, key of each."""
    written = [
        replace(
            samples.denied_event(),
            application=application,
            time=START + timedelta(minutes=minutes),
            operation=operation,
            key=key,
        )
        for application, minutes, operation, key in some
    ]
    for event in written:
        tables.count_refusal(event)
    return written


def create(tables: DynamoTables, names: Iterable[str], team: str = "web") -> None:
    for number, name in enumerate(names):
        claim = samples.create_claim(name, f"{number:026}")
        new = [
            replace(row, application=replace(row.application, technical_team=team))
            for row in claim.new
        ]
        tables.claim(replace(claim, new=new))


def test_applications_are_in_alphabetical_order_in_any_case(
    tables: DynamoTables, listing: DynamoListing, queries: list[dict[str, Any]]
) -> None:
    create(tables, ["shop", "Basket", "Zoo", "admin"])
    queries.clear()

    found = list(pages(lambda after: listing.applications(None, after, 2)))

    assert found == [("admin", "Basket"), ("shop", "Zoo")]
    assert [query["called"] for query in queries] == ["Query", "Query"]
    assert all(query["ConsistentRead"] for query in queries)


def test_a_team_has_its_own_applications(tables: DynamoTables, listing: DynamoListing) -> None:
    create(tables, [f"A{number}" for number in range(5)])
    create(tables, [f"B{number}" for number in range(3)], team="data")
    create(tables, ["C0"])

    found = list(pages(lambda after: listing.applications("web", after, 4)))

    assert found == [("A0", "A1", "A2", "A3"), ("A4", "C0")]
    assert listing.applications("nobody", None, 100) == Page(())


def test_a_list_that_ends_with_its_page_has_no_next(
    tables: DynamoTables, listing: DynamoListing
) -> None:
    create(tables, ["A0", "A1"])

    assert listing.applications(None, None, 2) == Page(("A0", "A1"))


def test_an_application_that_is_deleted_is_not_listed(
    tables: DynamoTables, listing: DynamoListing
) -> None:
    claim = samples.create_claim()
    tables.claim(claim)
    tables.close(samples.failed_closing(claim))

    assert listing.applications(None, None, 10) == Page(())
    (operations,) = pages(lambda after: listing.operations("Shop", after, 10))
    assert [operation.id for operation in operations] == [claim.operation.id]


def test_a_page_ends_after_a_number_of_examined_items(
    tables: DynamoTables, listing: DynamoListing, dynamodb: Any
) -> None:
    """A team can have few of many thousand applications: no page examines all of them."""
    create(tables, ["Shop"], team="data")
    others = [
        {"Items": [], "ScannedCount": 500, "LastEvaluatedKey": _name_key(f"other{number}")}
        for number in range(4)
    ]
    sent = respond(dynamodb, "Query", *others)

    page = listing.applications("data", None, 10)

    assert page == Page((), "other3")
    assert len(sent) == 4
    assert listing.applications("data", page.next, 10) == Page(("Shop",))


def _name_key(name: str) -> dict[str, Any]:
    return {"applicationName": {"S": "NAMES#"}, "entry": {"S": name}}


def test_inventories_come_a_hundred_rows_at_a_time(
    tables: DynamoTables, listing: DynamoListing, queries: list[dict[str, Any]]
) -> None:
    names = [f"App{number:02}" for number in range(20)]
    create(tables, names)
    expected = [tables.inventory(name)[0] for name in names]
    queries.clear()

    found = listing.inventories([*names, "Nothing"], tuple(Environment))

    assert found[:-1] == expected
    assert (dict(found[-1].rows), found[-1].record) == ({}, None)
    assert {each.record and each.record.claim for each in found[:-1]} == {
        f"{number:026}" for number in range(20)
    }
    sizes = [sum(len(keys["Keys"]) for keys in each["RequestItems"].values()) for each in queries]
    # 21 applications have 7 rows and a record each.
    assert sizes == [100, 68]
    assert all(keys["ConsistentRead"] for each in queries for keys in each["RequestItems"].values())


def test_only_the_requested_environments_are_read(
    tables: DynamoTables, listing: DynamoListing, queries: list[dict[str, Any]]
) -> None:
    create(tables, ["Shop"])
    queries.clear()

    (found,) = listing.inventories(["Shop"], (Environment.PROD_GREEN,))

    assert set(found.rows) == {Environment.PROD_GREEN}
    assert found.specification == samples.MINIMAL_SPECIFICATION
    (query,) = queries
    assert set(query["RequestItems"]) == {"Production", "Log"}
    assert query["RequestItems"]["Log"]["Keys"] == [items.record_key("Shop")]


def test_each_application_is_listed_with_its_own_record(
    tables: DynamoTables, listing: DynamoListing, dynamodb: Any
) -> None:
    create(tables, ["Blog", "Shop", "Zoo"])
    dynamodb.delete_item(TableName=samples.NAMES.log, Key=items.record_key("Shop"))

    found = listing.inventories(["Zoo", "Shop", "Blog"], tuple(Environment))

    assert [each.record and each.record.claim for each in found] == [
        f"{2:026}", None, f"{0:026}",
    ]  # fmt: skip
    assert [len(each.rows) for each in found] == [4, 4, 4]


def test_no_applications_have_no_inventories(
    listing: DynamoListing, queries: list[dict[str, Any]]
) -> None:
    assert listing.inventories([], tuple(Environment)) == []
    assert queries == []


def test_operations_have_the_newest_first_and_their_current_state(
    tables: DynamoTables, listing: DynamoListing
) -> None:
    claim = samples.create_claim("Shop", identity(0))
    tables.claim(claim)
    tables.close(samples.failed_closing(claim))
    tables.claim(samples.create_claim("Shop", identity(1)))
    tables.claim(samples.create_claim("Blog", identity(2)))

    found = list(pages(lambda after: listing.operations("Shop", after, 1)))

    assert found == [
        (tables.operation("Shop", identity(1)),),
        (tables.operation("Shop", identity(0)),),
    ]


def test_events_of_all_and_of_one_application_have_the_newest_first(
    tables: DynamoTables, listing: DynamoListing
) -> None:
    """The time of the event decides, not the start of its operation."""
    early, late = identity(0), identity(1)
    written = events(
        tables,
        ("Shop", 0, early, "000"), ("Shop", 1, late, "000"), ("Blog", 1, identity(1.1), "000"),
        ("Shop", 2, late, "END"), ("Shop", 3, early, "END"),
    )  # fmt: skip
    newest = written[::-1]

    of_all = list(pages(lambda after: listing.events(EventSearch(), after, 2)))
    of_shop = list(pages(lambda after: listing.events(EventSearch(application="Shop"), after, 3)))

    assert [event for page in of_all for event in page] == newest
    assert [len(page) for page in of_all] == [2, 2, 1]
    shops = [event for event in newest if event.application == "Shop"]
    assert of_shop == [tuple(shops[:3]), tuple(shops[3:])]


@pytest.mark.parametrize("application", ["Shop", None])
@pytest.mark.parametrize("operation", [None, identity(0)])
def test_events_from_a_time_to_before_another(
    tables: DynamoTables, listing: DynamoListing, application: str | None, operation: str | None
) -> None:
    written = events(
        tables, *[("Shop", minutes, identity(0), f"00{minutes}") for minutes in range(5)]
    )
    since, until = (START + timedelta(minutes=minutes) for minutes in (1, 3))
    search = EventSearch(application=application, operation=operation)

    def found(**bounds: Any) -> list[Event]:
        return list(listing.events(replace(search, **bounds), None, 100).items)

    assert found(since=since, until=until) == written[2:0:-1]
    assert found(since=since) == written[:0:-1]
    assert found(until=until) == written[2::-1]
    assert found(since=until, until=since) == []
    assert found(since=since, until=since) == []


@pytest.mark.parametrize("application", ["Shop", None])
def test_events_of_an_operation(
    tables: DynamoTables, listing: DynamoListing, application: str | None
) -> None:
    one, other = identity(0), identity(0.5)
    written = events(
        tables, ("Shop", 0, one, "000"), ("Shop", 0.5, other, "000"), ("Shop", 9000, one, "END")
    )
    search = EventSearch(application=application, operation=one)

    found = list(pages(lambda after: listing.events(search, after, 1)))

    assert found == [(written[2],), (written[0],)]


@pytest.mark.parametrize("application", ["Shop", None])
def test_an_operation_without_events_has_an_empty_page(
    tables: DynamoTables, listing: DynamoListing, application: str | None
) -> None:
    events(tables, ("Shop", 0, identity(0), "000"))
    search = EventSearch(application=application, operation=identity(0.1))

    assert listing.events(search, None, 10) == Page(())


@pytest.mark.parametrize("time", ["00000000", "76EZ91ZN0", "7X3V3QQN", "7ZZZZZZZ"])
def test_an_id_can_have_any_time(listing: DynamoListing, time: str) -> None:
    assert listing.events(EventSearch(operation=f"{time:Z<26}"), None, 10) == Page(())


@pytest.mark.parametrize(
    "ask",
    [
        lambda listing: listing.operations("Shop", "TIME#2026", 1),
        lambda listing: listing.events(EventSearch(application="Shop"), "OPERATION#1", 1),
        lambda listing: listing.events(EventSearch(since=START), "TIME#2020", 1),
        lambda listing: listing.applications(None, "\x7f\x7f", 1),
    ],
)
def test_a_token_of_another_list_is_refused(
    listing: DynamoListing, queries: list[dict[str, Any]], ask: Callable[[DynamoListing], Any]
) -> None:
    """DynamoDB would refuse a start outside of the requested range."""
    with pytest.raises(
        InvalidRequestError, match="nextToken: must be the nextToken of a page of this call"
    ):
        ask(listing)
    assert queries == []


def test_a_throttled_list_is_an_error(listing: DynamoListing, dynamodb: Any) -> None:
    refuse(dynamodb, "Query", "ThrottlingException")

    with pytest.raises(ThrottledError):
        listing.operations("Shop", None, 1)


def test_an_operation_of_an_unknown_kind_is_listed_without_its_details(
    dynamodb: Any, listing: DynamoListing
) -> None:
    """A newer version of the service wrote it."""
    unknown = replace(samples.full_operation("swap"), kind="relocate")
    item = items.operation_item(unknown, "write")
    dynamodb.put_item(TableName=samples.NAMES.log, Item=item)

    page = listing.operations(unknown.application, None, 10)

    assert [(each.kind, each.details) for each in page.items] == [("relocate", None)]
