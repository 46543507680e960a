"""Reads of the inventory: versions, times and callers by application and environment."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from devops_core.errors import RefusedError, ThrottledError
from devops_core.model.inventory import RowStatus
from devops_core.naming import Environment
from tests.lab.client import USER, Client
from tests.lab.fakes import FakeCloud
from tests.lab.fakes.task_service import HANG
from tests.lab.reads import EVENTS, OPERATIONS, STACK, STACKS, get, pages, rows


def names(api: Client, **query: str) -> list[str]:
    found = [stack for page in pages(api, STACKS, **query) for stack in page]
    return [stack["applicationName"] for stack in found]


@pytest.fixture
def three(promoted: FakeCloud, api: Client) -> FakeCloud:
    """Shop, promoted; Basket of the same team; Zoo of another."""
    for name, team in (("Basket", "payments"), ("Zoo", "animals")):
        api.finished(api.create(name, tags={"technicalTeam": team}))
    return promoted


def test_applications_are_listed_with_the_versions_of_their_environments(
    three: FakeCloud, api: Client
) -> None:
    (page,) = pages(api, STACKS)

    assert [stack["applicationName"] for stack in page] == ["Basket", "Shop", "Zoo"]
    shop = page[1]
    assert (shop["technicalTeam"], shop["email"]) == ("payments", "team@example.com")
    assert list(rows(shop)) == ["DEV", "QA", "STAGE", "TRAINING", "PROD-BLUE", "PROD-GREEN"]
    dev = rows(shop)["DEV"]
    assert (dev["status"], dev["version"], dev["by"]) == ("ACTIVE", "1.0", USER)
    assert dev["digest"] == three.images.pushed["shop", "1.0"]
    assert dev["since"] == dev["deployedAt"]
    assert dev["url"] == "http://internal-Shop-dev.elb.example"
    assert "version" not in rows(shop)["QA"]
    production = {name: rows(shop)[name] for name in ("PROD-BLUE", "PROD-GREEN")}
    assert {row["slot"]: row["live"] for row in production.values()} == {
        "prod-2": False, "prod-1": True,
    }  # fmt: skip
    assert "live" not in dev


def test_a_list_without_applications_is_empty(api: Client) -> None:
    assert get(api, STACKS).body == {"stacks": []}
    assert get(api, "/events").body == {"events": []}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, {"Basket", "Shop", "Zoo"}),
        ({"team": "payments"}, {"Basket", "Shop"}),
        ({"team": "Payments"}, set()),
        ({"environment": "qa"}, {"Shop"}),
        ({"environment": "prod-green"}, {"Basket", "Shop", "Zoo"}),
        ({"version": "1.0"}, {"Shop"}),
        ({"version": "1.0", "environment": "qa"}, set()),
        ({"version": "1.0", "environment": "prod-blue"}, {"Shop"}),
        ({"status": "DELETE_FAILED"}, {"Zoo"}),
        ({"status": "DELETE_FAILED", "team": "payments"}, set()),
    ],
)
def test_filters_can_be_combined(
    three: FakeCloud, api: Client, query: dict[str, str], found: set[str]
) -> None:
    row = three.tables.rows["Zoo", Environment.DEV]
    three.tables.rows["Zoo", Environment.DEV] = replace(row, status=RowStatus.DELETE_FAILED)

    assert set(names(api, **query)) == found

    three.tables.rows["Zoo", Environment.DEV] = row


@pytest.mark.usefixtures("three")
def test_only_the_requested_environments_are_returned(api: Client) -> None:
    (page,) = pages(api, STACKS, version="1.0")

    assert [list(rows(stack)) for stack in page] == [["DEV", "PROD-BLUE"]]


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_contain_each_application_once(api: Client, limit: int) -> None:
    assert names(api, limit=str(limit)) == ["Basket", "Shop", "Zoo"]
    assert names(api, limit=str(limit), environment="qa") == ["Shop"]
    found = [page for page in pages(api, STACKS, limit=str(limit), team="payments")]
    assert [len(page) for page in found] == ([1, 1] if limit == 1 else [2])


def test_a_full_page_continues_after_its_last_application(api: Client) -> None:
    for name in ("Alpha", "Bravo", "Charlie", "Delta"):
        some = ["dev"] if name == "Alpha" else ["qa"]
        api.finished(api.create(name, environments={"nonProd": some}))

    found = list(pages(api, STACKS, environment="qa", limit="2"))

    assert [[stack["applicationName"] for stack in page] for page in found] == [
        ["Bravo", "Charlie"], ["Delta"],
    ]  # fmt: skip


def test_a_page_reads_a_limited_number_of_rows(api: Client, cloud: FakeCloud) -> None:
    """A filter with few matches returns short pages, so that each call takes a limited time."""
    accepted = api.create("App000")
    row = cloud.tables.rows["App000", Environment.DEV]
    for number in range(1, 450):
        application = replace(row.application, name=f"App{number:03}")
        cloud.tables.rows[application.name, row.environment] = replace(
            row, application=application, claim=None
        )

    found = list(pages(api, STACKS, version="9.9", limit="100"))

    assert found == [[], [], []]
    assert cloud.wire.count("listing.inventories") == 5
    for number in range(1, 450):
        del cloud.tables.rows[f"App{number:03}", row.environment]
    api.finished(accepted)


def test_a_list_contains_rows_that_were_just_written(api: Client, cloud: FakeCloud) -> None:
    creating = api.create()
    (stack,) = get(api, STACKS).body["stacks"]
    assert {row["status"] for row in stack["environments"]} == {"CREATING"}
    assert all(row["operation"]["id"] == creating.id for row in stack["environments"])
    assert stack["environments"][0]["operation"]["url"] == creating.operation["url"]
    assert get(api, EVENTS, "Shop").body["events"][-1]["operation"] == creating.id
    api.finished(creating)
    deleting = api.delete()
    assert rows(get(api, STACK, "Shop").body["stack"])["DEV"]["operation"]["id"] == deleting.id
    api.finished(deleting)
    assert get(api, STACKS).body["stacks"] == []
    assert get(api, STACK, "Shop").status == 404
    assert [each["kind"] for each in get(api, OPERATIONS, "Shop").body["operations"]] == [
        "delete", "create",
    ]  # fmt: skip
    assert cloud.tables.in_progress() == []


def test_an_application_is_returned_with_tags_and_repository(
    promoted: FakeCloud, api: Client
) -> None:
    stack = get(api, STACK, "Shop").body["stack"]

    assert stack["tags"] == {"technicalTeam": "payments"}
    assert stack["repository"].endswith(".dkr.ecr.eu-west-1.amazonaws.com/shop")
    assert stack["repositoryName"] == "shop"
    assert not any("tasks" in row for row in stack["environments"])
    assert promoted.wire.count("containers.services", len(promoted.wire.journal) - 1) == 0


def test_live_returns_the_state_of_the_services(promoted: FakeCloud, api: Client) -> None:
    promoted.containers.automatic = False
    promoted.push("slow", HANG)
    deploying = api.deploy("slow", "dev")

    dev = rows(get(api, STACK, "Shop", live="true").body["stack"])["DEV"]

    assert dev["tasks"] == {"desired": 1, "running": 1, "pending": 0, "healthy": 1}
    assert dev["rollout"]["state"] == "IN_PROGRESS"
    assert dev["operation"]["id"] == deploying.id
    assert dev["messages"][0]["message"] == "(service dev) has started 1 tasks."
    assert dev["version"] == "1.0"
    api.abort(deploying.id)


def test_live_follows_the_production_listener(promoted: FakeCloud, api: Client) -> None:
    estate = promoted.stacks.estate
    listener = estate.listener("Shop", "production")
    before = promoted.load_balancer.listeners[listener]
    promoted.load_balancer.listeners[listener] = [estate.target_group("Shop", "prod-2")]

    def shown(**query: str) -> dict[str, Any]:
        found = rows(get(api, STACK, "Shop", **query).body["stack"])
        return {name: row.get("live") for name, row in found.items() if "slot" in row}

    assert shown() == {"PROD-BLUE": False, "PROD-GREEN": True}
    assert shown(live="true") == {"PROD-BLUE": True, "PROD-GREEN": False}
    promoted.load_balancer.listeners[listener] = before


def test_live_names_no_slot_for_a_foreign_listener_target() -> None:
    cloud = FakeCloud()
    api = Client(cloud)
    api.finished(api.create())
    cloud.load_balancer.listeners[cloud.stacks.estate.listener("Shop", "production")] = ["other"]

    found = rows(get(api, STACK, "Shop", live="true").body["stack"])

    assert not any("live" in row for row in found.values())


def test_live_returns_the_existing_resources_during_a_create(api: Client) -> None:
    creating = api.create()

    found = rows(get(api, STACK, "Shop", live="true").body["stack"])

    assert all("tasks" not in row for row in found.values())
    api.finished(creating)


def test_live_returns_services_that_are_not_yet_in_the_rows(
    promoted: FakeCloud, api: Client
) -> None:
    row = promoted.tables.rows["Shop", Environment.QA]
    promoted.tables.rows["Shop", Environment.QA] = replace(row, service=None)

    found = rows(get(api, STACK, "Shop", live="true").body["stack"])

    assert found["QA"]["tasks"] == {"desired": 1, "running": 1, "pending": 0}
    assert found["DEV"]["tasks"]["healthy"] == 1
    promoted.tables.rows["Shop", Environment.QA] = row


def test_live_omits_missing_resources(promoted: FakeCloud, api: Client) -> None:
    gone = RefusedError("One or more target groups not found")
    promoted.wire.fail("load_balancer.healthy", gone)
    promoted.wire.fail("load_balancer.rules", RefusedError("One or more listeners not found"))

    dev = rows(get(api, STACK, "Shop", live="true").body["stack"])["DEV"]

    assert dev["tasks"] == {"desired": 1, "running": 1, "pending": 0}


def test_live_is_refused_if_aws_throttles(promoted: FakeCloud, api: Client) -> None:
    promoted.wire.fail("containers.services", ThrottledError("AWS throttles DescribeServices"))

    reply = get(api, STACK, "Shop", live="true")

    assert (reply.status, reply.body["code"]) == (503, "THROTTLED")
    assert reply.headers["Retry-After"] == "5"


def test_recorded_drift_is_returned(promoted: FakeCloud, api: Client) -> None:
    row = promoted.tables.rows["Shop", Environment.QA]
    words = "arn:aws:ecs:eu-west-1:123456789012:service/Shop/qa is gone"
    promoted.tables.rows["Shop", Environment.QA] = replace(row, drift=words)

    assert (
        rows(get(api, STACK, "Shop").body["stack"])["QA"]["drift"] == "ecs service/Shop/qa is gone"
    )

    promoted.tables.rows["Shop", Environment.QA] = row


def test_a_swap_changes_the_time_and_the_caller_of_the_last_change(
    promoted: FakeCloud, api: Client
) -> None:
    promoted.clock.pass_(hours=1)
    Client(promoted, USER.replace("alice", "bob")).swap()

    green = rows(get(api, STACK, "Shop").body["stack"])["PROD-GREEN"]

    assert (green["version"], green["slot"], green["live"]) == ("1.0", "prod-2", True)
    assert (green["by"].endswith("bob"), green["deployedBy"].endswith("alice")) == (True, True)
    assert green["deployedAt"] < green["since"]
