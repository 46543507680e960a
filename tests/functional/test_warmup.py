"""Pages that a swap fetches from the blue slot before it becomes live."""

from __future__ import annotations

import pytest

from devops_core.errors import AccessDeniedError, AwsError, ThrottledError
from devops_core.naming import Environment
from tests.lab.client import Client
from tests.lab.fakes import FakeCloud

TEST_URL = "http://internal-Shop-prod.elb.example:8080"


@pytest.fixture
def warmed(cloud: FakeCloud, api: Client) -> FakeCloud:
    """Shop with two warm-up pages, and with 1.0 in the blue slot."""
    cloud.push("1.0")
    api.finished(api.create(service={"warmup": ["/", "/products?page=1"]}))
    api.finished(api.deploy("1.0", "dev"))
    api.finished(api.promote())
    cloud.web.pages = {f"{TEST_URL}/": 200, f"{TEST_URL}/products?page=1": 503}
    return cloud


def test_pages_are_fetched_from_the_test_listener_before_the_switch(
    warmed: FakeCloud, api: Client
) -> None:
    row = warmed.tables.inventory_of("Shop").rows[Environment.PROD_BLUE]
    assert row.url == TEST_URL
    start = len(warmed.wire.journal)
    reply = api.swap(version="1.0")
    names = warmed.wire.names(start)
    assert names[names.index("tables.claim") :] == [
        "tables.claim", "web.get", "web.get", "load_balancer.switch", "load_balancer.switch",
        "tables.close",
    ]  # fmt: skip
    assert reply.status == 200
    assert reply.operation["warmup"] == [
        {"path": "/", "status": 200, "seconds": 0.25},
        {"path": "/products?page=1", "status": 503, "seconds": 0.25},
    ]
    assert api.status(reply.id).operation["warmup"] == reply.operation["warmup"]
    (record,) = [each for each in warmed.tables.operations.values() if each.id == reply.id]
    assert [repr(page.milliseconds) for page in record.details.warmed] == ["250", "250"]


def test_an_unreachable_page_is_reported_and_does_not_delay_the_swap(
    warmed: FakeCloud, api: Client
) -> None:
    warmed.web.pages.clear()
    reply = api.swap(version="1.0")
    assert (reply.status, reply.operation["status"]) == (200, "SUCCEEDED")
    reasons = [(page["reason"], page.get("status")) for page in reply.operation["warmup"]]
    assert reasons == [("no answer: timed out", None)] * 2


@pytest.mark.parametrize("error", [ThrottledError("slow down"), AccessDeniedError("may not")])
def test_no_error_of_a_page_prevents_a_swap(
    warmed: FakeCloud, api: Client, error: AwsError
) -> None:
    warmed.wire.fail("web.get", error)
    assert api.swap(version="1.0").operation["status"] == "SUCCEEDED"


def test_a_swap_back_is_warmed_up(warmed: FakeCloud, api: Client) -> None:
    api.swap(version="1.0")
    start = len(warmed.wire.journal)
    assert api.swap().operation["warmup"][0]["status"] == 200
    assert warmed.wire.count("web.get", start) == 2


def test_a_test_listener_with_another_target_prevents_the_warm_up(
    warmed: FakeCloud, api: Client
) -> None:
    estate = warmed.stacks.estate
    group = estate.target_group("Shop", "prod-1")
    warmed.load_balancer.listeners[estate.listener("Shop", "test")] = [group]
    reply = api.swap(version="1.0")
    assert "warmup" not in reply.operation
    assert warmed.wire.count("web.get") == 0


def test_nothing_is_fetched_without_configured_pages(promoted: FakeCloud, api: Client) -> None:
    assert "warmup" not in api.swap(version="1.0").operation
    assert promoted.wire.count("web.get") == 0


def test_the_duration_of_a_swap_starts_at_the_request(warmed: FakeCloud, api: Client) -> None:
    warmed.wire.on("tables.inventory", lambda: warmed.clock.wait(1.5))
    warmed.wire.on("tables.close", lambda: warmed.clock.wait(2))
    reply = api.swap(version="1.0")
    assert reply.operation["took"] == {"untilSwitched": 2.0, "untilEnded": 2.0}
    warmed.push("1.1")
    deployed = api.deploy("1.1", "dev")
    assert "took" not in deployed.operation
    assert list(api.finished(deployed).operation["took"]) == ["untilEnded"]
