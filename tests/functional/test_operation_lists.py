"""Lists of operations and events, page by page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.lab.client import USER, Client
from tests.lab.fakes import FakeCloud
from tests.lab.reads import EVENTS, NAMED, OPERATIONS, READS, STACK, STACKS, get, pages


@pytest.mark.usefixtures("promoted")
def test_a_list_returns_the_same_members_as_a_status_read(api: Client) -> None:
    found = [each for page in pages(api, OPERATIONS, "Shop", limit="1") for each in page]

    assert [each["kind"] for each in found] == ["deploy-blue", "deploy", "create"]
    for each in found:
        assert api.status(each["id"]).operation == each


def test_events_are_returned_newest_first(promoted: FakeCloud, api: Client) -> None:
    found = [each for page in pages(api, EVENTS, "Shop", limit="3") for each in page]

    assert found == [each for page in pages(api, "/events", limit="100") for each in page]
    assert [each["time"] for each in found] == sorted(
        (each["time"] for each in found), reverse=True
    )
    assert len(found) == len(promoted.tables.events)
    newest, first = found[0], found[-1]
    assert (newest["kind"], newest["outcome"], newest["version"]) == (
        "deploy-blue", "SUCCEEDED", "1.0",
    )  # fmt: skip
    assert (first["kind"], first["outcome"], first["caller"]) == ("create", "ACCEPTED", USER)
    assert "key" not in first


def test_events_can_be_filtered_by_operation_and_time(promoted: FakeCloud, api: Client) -> None:
    promoted.clock.pass_(hours=1)
    since = promoted.clock.now().isoformat()
    swap = api.swap()
    until = (promoted.clock.now() + timedelta(seconds=1)).isoformat()

    for resource, application in ((EVENTS, "Shop"), ("/events", None)):
        of_swap = get(api, resource, application, operation=swap.id).body["events"]
        assert {each["operation"] for each in of_swap} == {swap.id}
        assert get(api, resource, application, since=since, until=until).body["events"] == of_swap
        before = get(api, resource, application, until=since).body["events"]
        assert swap.id not in {each["operation"] for each in before}
        outside = get(api, resource, application, operation=swap.id, until=since)
        assert (outside.status, outside.body) == (200, {"events": []})


@pytest.mark.usefixtures("promoted")
def test_a_page_of_events_makes_one_call(cloud: FakeCloud, api: Client) -> None:
    start = len(cloud.wire.journal)

    get(api, EVENTS, "Shop")
    get(api, "/events")

    assert cloud.wire.count("listing.events", start) == 2


@pytest.mark.usefixtures("shop")
def test_unknown_applications_and_operations_are_404(api: Client) -> None:
    for resource in NAMED:
        for name in ("shop", "Nothing", "internal", "x" * 300, "a/b"):
            reply = get(api, resource, name)
            assert (reply.status, reply.body["code"]) == (404, "NOT_FOUND")
            suggestion = ": did you mean Shop?" if name == "shop" else ""
            assert reply.body["errorMessage"] == (
                f"there is no application {name[:64]} (names are case-sensitive){suggestion}"
            )
    operation = "01JN8EY4M00000000000000009"
    for name, suggestion in (("shop", ": did you mean Shop?"), ("Shop", ""), ("Nothing", "")):
        reply = api.status(operation, name)
        assert (reply.status, reply.body["code"]) == (404, "NOT_FOUND")
        assert reply.body["errorMessage"] == (
            f"application {name} has no operation {operation}{suggestion}"
        )
    for resource, application in ((EVENTS, "Shop"), ("/events", None)):
        unknown = "01JN8EY4M00000000000000009"
        reply = get(api, resource, application, operation=unknown)
        assert reply.status == 404
        assert reply.body["errorMessage"] == f"there are no events of operation {unknown}"


def test_a_recorded_refusal_is_returned(owned: FakeCloud, api: Client) -> None:
    stranger = Client(owned, USER.replace("alice", "mallory"))
    assert stranger.deploy("1.0", "dev").status == 403

    assert stranger.deploy("1.0", "dev").status == 403

    denied = get(api, "/events").body["events"][-1]

    assert (denied["outcome"], denied["caller"].rpartition("/")[2]) == ("DENIED", "mallory")
    assert (denied["count"], denied["firstTime"]) == (2, denied["lastTime"])
    assert get(api, "/events", operation=denied["operation"]).body["events"] == [denied]


@pytest.mark.parametrize(
    ("resource", "query", "fields"),
    [
        (STACKS, {"limit": "0"}, ["limit"]),
        (STACKS, {"limit": "101", "environment": "DEV", "status": "active"},
         ["environment", "limit", "status"]),
        (STACKS, {"verison": "1"}, ["verison"]),
        (STACKS, {"nextToken": "?"}, ["nextToken"]),
        (STACK, {"live": "yes"}, ["live"]),
        (STACK, {"limit": "1"}, ["limit"]),
        (OPERATIONS, {"since": "2025-03-01T00:00:00Z"}, ["since"]),
        (OPERATIONS, {"nextToken": "YmFza2V0"}, ["nextToken"]),
        (EVENTS, {"since": "yesterday", "until": "2025-03-01"}, ["since", "until"]),
        (EVENTS, {"since": "2025-03-02T00:00:00Z", "until": "2025-03-01T23:59:59Z"}, ["until"]),
        (EVENTS, {"operation": "17"}, ["operation"]),
        ("/events", {"nextToken": "YmFza2V0", "limit": "ten"}, ["limit"]),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("shop")
def test_an_invalid_query_is_refused_with_all_faults(
    api: Client, resource: str, query: dict[str, str], fields: list[str]
) -> None:
    reply = get(api, resource, "Shop" if resource in NAMED else None, **query)

    assert (reply.status, reply.body["code"]) == (400, "INVALID_REQUEST")
    assert [error["field"] for error in reply.body["errors"]] == fields


def test_reads_write_nothing(promoted: FakeCloud, api: Client) -> None:
    start = len(promoted.wire.journal)

    for resource in READS:
        reply = get(api, resource, "Shop" if resource in NAMED else None)
        assert reply.status == 200
    assert get(api, STACK, "Shop", live="true").status == 200

    assert promoted.wire.writes(start) == []
