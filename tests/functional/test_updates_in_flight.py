"""Updates that are sent while the record is saved that releases the lease."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devops_core.errors import (
    AccessDeniedError,
    RefusedError,
    ThrottledError,
    UnreachableError,
)
from devops_core.model.operation import LEASE, Operation, Status
from devops_core.naming import Environment
from tests.lab.client import SCHEDULE, Client
from tests.lab.fakes import Call, Crash, FakeCloud


@pytest.fixture(params=[False, True], ids=["forwards", "backwards"], autouse=True)
def order(shop: FakeCloud, request: pytest.FixtureRequest) -> Iterator[None]:
    """The order in which simultaneous calls arrive."""
    shop.backwards = request.param
    yield
    shop.backwards = False


def _record(cloud: FakeCloud) -> Operation:
    return list(cloud.tables.operations.values())[-1]


def _refuse(cloud: FakeCloud, service: str, error: Exception) -> None:
    def refuse(call: Call) -> None:
        if call.name == "containers.update" and call.args[1] == service:
            raise error

    cloud.wire.before.append(refuse)


def test_the_record_is_saved_once_and_the_response_shows_the_reply_of_ecs(
    shop: FakeCloud, api: Client
) -> None:
    start = len(shop.wire.journal)
    reply = api.deploy("1.0", "dev", "qa")
    assert shop.wire.count("tables.save", start) == 1
    assert reply.operation["waitingFor"].startswith("DEV: rollout IN_PROGRESS, 0 of 1 new tasks")
    assert _record(shop).waiting_for == "DEV: ECS to show the update; QA: ECS to show the update"
    assert _record(shop).lease_until is None


def test_a_second_worker_does_not_repeat_an_update_in_flight(shop: FakeCloud, api: Client) -> None:
    """The record is saved, but ECS does not yet show the update."""
    shop.wire.on("containers.update", lambda: api.wake(SCHEDULE))
    reply = api.deploy("1.0", "dev")
    assert api.finished(reply).operation["status"] == "SUCCEEDED"
    assert shop.wire.count("containers.update") == 1


def test_an_update_that_ecs_refuses_is_rolled_back_under_a_new_lease(
    shop: FakeCloud, api: Client
) -> None:
    _refuse(shop, "qa", RefusedError("QA is not to be changed"))
    reply = api.deploy("1.0", "dev", "qa")
    leases = [call.args[0].lease_until for call in shop.wire.journal if call.method == "save"]
    assert leases[-3:] == [None, shop.clock.now() + LEASE, None]
    assert reply.environments["QA"]["reason"] == "QA is not to be changed"
    ended = api.finished(reply)
    assert [part["status"] for part in ended.environments.values()] == ["SUCCEEDED", "FAILED"]
    assert len(shop.containers.tagged(reply.id)) == 1


@pytest.mark.parametrize("error", [ThrottledError("slow down"), AccessDeniedError("may not")])
def test_a_failed_update_is_repeated_by_the_next_worker(
    shop: FakeCloud, api: Client, error: Exception
) -> None:
    shop.wire.fail("containers.update", error, times=1)
    reply = api.deploy("1.0", "dev")
    assert reply.operation["waitingFor"] == str(error)
    (part,) = _record(shop).progress
    assert (part.asked_at, _record(shop).lease_until) == (None, None)
    shop.clock.pass_(seconds=2)
    api.status(reply.id)
    assert shop.wire.count("containers.update") == 2
    assert api.finished(reply).operation["status"] == "SUCCEEDED"


def test_an_update_without_a_response_is_repeated_after_the_lease(
    shop: FakeCloud, api: Client
) -> None:
    shop.wire.fail("containers.update", UnreachableError("no answer"), times=1)
    reply = api.deploy("1.0", "dev")
    for _ in range(2):
        assert api.status(reply.id).operation["waitingFor"] == "DEV: ECS to show the update"
        assert shop.wire.count("containers.update") == 1
        shop.clock.wait(LEASE.total_seconds() - 1 if _ == 0 else 1)
    assert api.finished(reply).operation["status"] == "SUCCEEDED"
    assert shop.wire.count("containers.update") == 2


def test_a_received_update_with_a_lost_response_is_followed_immediately(
    shop: FakeCloud, api: Client
) -> None:
    shop.wire.fail("containers.update", UnreachableError("no answer"), times=1, lost=True)
    reply = api.deploy("1.0", "dev")
    assert reply.operation["waitingFor"] == "no answer"
    assert api.status(reply.id).operation["waitingFor"].startswith("DEV: rollout IN_PROGRESS")
    assert api.finished(reply).operation["status"] == "SUCCEEDED"
    assert shop.wire.count("containers.update") == 1


def test_a_rollout_without_a_saved_record_is_continued(shop: FakeCloud, api: Client) -> None:
    shop.wire.fail("tables.save", UnreachableError("no answer"), times=1)
    reply = api.deploy("1.0", "dev")
    assert (reply.status, _record(shop).progress[0].target) == (202, None)
    shop.clock.wait(LEASE.total_seconds())
    assert api.finished(reply).operation["status"] == "SUCCEEDED"
    assert len(shop.containers.tagged(reply.id)) == 1


@pytest.mark.parametrize("name", ["containers.update", "tables.save"])
@pytest.mark.parametrize("lost", [False, True])
def test_a_crash_between_the_save_and_the_update_is_recovered(
    shop: FakeCloud, api: Client, name: str, lost: bool
) -> None:
    shop.wire.fail(name, Crash(), times=1, lost=lost)
    with pytest.raises(Crash):
        api.deploy("1.0", "dev")
    shop.clock.wait(LEASE.total_seconds())
    api.settle()
    assert _record(shop).status is Status.SUCCEEDED
    assert len(shop.containers.tagged(_record(shop).id)) == 1


def test_an_abort_waits_for_an_update_in_flight(shop: FakeCloud, api: Client) -> None:
    """ECS receives it after the abort, and the abort rolls it back."""
    before = shop.containers.running("Shop", "dev").arn
    shop.containers.automatic = False
    aborts = []
    shop.wire.on("containers.update", lambda: aborts.append(api.abort(_record(shop).id)))
    reply = api.deploy("1.0", "dev")
    shop.containers.automatic = True
    assert [answer.operation["status"] for answer in aborts] == ["IN_PROGRESS"]
    shop.clock.wait(LEASE.total_seconds())
    assert api.finished(reply).operation["status"] == "FAILED"
    assert shop.containers.running("Shop", "dev").arn == before
    assert shop.tables.inventory_of("Shop").rows[Environment.DEV].claim is None
