"""Rows and listeners that were changed by hand: requests are refused with instructions, or wait."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from devops_core.errors import ThrottledError
from devops_core.model.inventory import Row
from devops_core.naming import Environment
from tests.lab.client import Client
from tests.lab.fakes import FakeCloud
from tests.lab.reads import STACK, get

GREEN, BLUE = Environment.PROD_GREEN, Environment.PROD_BLUE


@pytest.fixture
def halved(promoted: FakeCloud) -> Iterator[FakeCloud]:
    """Shop with rows that assign prod-1 to both roles of production."""
    right = _row(promoted, BLUE).service
    _change(promoted, BLUE, service=_row(promoted, GREEN).service)
    yield promoted
    _change(promoted, BLUE, service=right)


def _row(cloud: FakeCloud, environment: Environment) -> Row:
    return cloud.tables.rows["Shop", environment]


def _change(cloud: FakeCloud, environment: Environment, **changes: Any) -> None:
    cloud.tables.rows["Shop", environment] = replace(_row(cloud, environment), **changes)


@pytest.mark.usefixtures("halved")
def test_a_swap_needs_both_slots(api: Client) -> None:
    reply = api.swap()
    assert (reply.status, reply.body["code"]) == (409, "CONFLICT")
    assert (
        reply.body["errorMessage"]
        == "the inventory lacks a production slot: delete the application and create it again"
    )


@pytest.mark.usefixtures("halved")
def test_a_promote_needs_the_idle_slot(api: Client) -> None:
    reply = api.promote()
    assert (reply.status, reply.body["code"]) == (409, "CONFLICT")
    assert (
        reply.body["errorMessage"]
        == "the inventory lacks the slot prod-2: delete the application and create it again"
    )


@pytest.mark.parametrize("missing", ["production_listener", "test_listener"])
def test_production_needs_both_listeners(promoted: FakeCloud, api: Client, missing: str) -> None:
    lost: dict[str, Any] = {missing: None}
    for key, row in promoted.tables.rows.items():
        application = replace(row.application, **lost)
        promoted.tables.rows[key] = replace(row, application=application)
    for reply in (api.swap(), api.promote()):
        assert (reply.status, reply.body["code"]) == (409, "CONFLICT")
        assert reply.body["errorMessage"] == (
            "the application has no listeners: delete it and create it again"
        )
    live = get(api, STACK, "Shop", live="true")
    assert live.status == 200


def test_a_swap_waits_for_a_slot_that_is_missing_in_the_rows(
    promoted: FakeCloud, api: Client
) -> None:
    def throttle() -> None:
        promoted.wire.fail("load_balancer.switch", ThrottledError("AWS throttles"), times=1)

    promoted.wire.on("load_balancer.switch", throttle, after=True)
    reply = api.swap()
    assert (reply.status, reply.operation["waitingFor"]) == (202, "AWS throttles")
    right = _row(promoted, GREEN).service
    _change(promoted, GREEN, service=_row(promoted, BLUE).service)
    promoted.clock.pass_(seconds=2)
    waiting = api.status(reply.id).operation
    assert (waiting["status"], waiting["waitingFor"]) == (
        "IN_PROGRESS", "production lacks a slot: delete the application and create it again",
    )  # fmt: skip
    _change(promoted, GREEN, service=right)
    assert api.status(reply.id).operation["status"] == "SUCCEEDED"


def test_a_listener_with_a_foreign_target_group_is_refused_with_instructions(
    promoted: FakeCloud, api: Client
) -> None:
    listener = promoted.stacks.estate.listener("Shop", "production")
    right = promoted.load_balancer.listeners[listener]
    promoted.load_balancer.listeners[listener] = ["a foreign target group"]
    promoted.wire.watchers.clear()
    for reply in (api.swap(), api.promote()):
        assert (reply.status, reply.body["code"]) == (409, "CONFLICT")
        assert reply.body["errorMessage"] == (
            "the production listener does not forward to exactly one of the slots prod-1 and"
            " prod-2, because it was changed by hand: forward it to one of their target groups"
        )
    promoted.load_balancer.listeners[listener] = right


def test_an_operation_ends_without_its_rows(promoted: FakeCloud, api: Client) -> None:
    right = _row(promoted, Environment.DEV)
    promoted.containers.service("Shop", "dev").running = 0
    promoted.containers.automatic = False
    reply = api.deploy("1.0", "dev")
    promoted.containers.automatic = True
    del promoted.tables.rows["Shop", Environment.DEV]
    api.settle()
    promoted.tables.rows["Shop", Environment.DEV] = right
    assert reply.status == 202
    assert api.status(reply.id).operation["status"] == "SUCCEEDED"
