"""Requests that lose a race return the new state, not the error that the race caused."""

from __future__ import annotations

from devops_core.errors import ThrottledError
from tests.lab.client import Client
from tests.lab.fakes import FakeCloud


def test_a_swap_that_loses_to_a_promote_names_the_promote(shop: FakeCloud, api: Client) -> None:
    api.finished(api.deploy("1.0", "dev"))
    promotes: list[str] = []
    shop.wire.on("load_balancer.rules", lambda: promotes.append(api.promote().id))
    reply = api.swap()
    assert (reply.status, reply.body["code"]) == (409, "BUSY")
    assert [reply.id] == promotes


def test_a_swap_that_loses_to_a_delete_finds_no_application(shop: FakeCloud, api: Client) -> None:
    shop.wire.on("load_balancer.rules", lambda: api.finished(api.delete()))
    reply = api.swap()
    assert (reply.status, reply.body["code"]) == (409, "NO_SUCH_APPLICATION")


def test_a_refusal_without_a_race_is_not_checked_again(shop: FakeCloud, api: Client) -> None:
    start = len(shop.wire.journal)
    assert api.swap().body["code"] == "NOT_READY"
    assert shop.wire.count("tables.inventory", start) == 2
    assert shop.wire.count("containers.services", start) == 1


def test_a_read_during_the_end_of_a_delete_returns_the_end(shop: FakeCloud, api: Client) -> None:
    reply = api.delete()
    shop.wire.on("tables.inventory", api.settle)
    read = api.status(reply.id)
    assert (read.status, read.operation["status"]) == (200, "SUCCEEDED")


def test_a_read_of_a_swap_during_a_delete_returns_the_end_of_the_swap(
    shop: FakeCloud, api: Client
) -> None:
    api.finished(api.deploy("1.0", "dev"))
    api.finished(api.promote())
    shop.wire.fail("load_balancer.switch", ThrottledError("slow down"), times=1)
    swap = api.swap()
    shop.clock.pass_(seconds=2)

    def end_and_delete() -> None:
        api.settle()
        api.finished(api.delete())

    shop.wire.on("tables.inventory", end_and_delete)
    read = api.status(swap.id)
    assert (read.status, read.operation["status"]) == (200, "SUCCEEDED")
