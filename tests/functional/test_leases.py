"""Leases: one worker acts at a time, and the next one observes before it repeats a call."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from devops_core.errors import AccessDeniedError, RefusedError, ThrottledError, UnreachableError
from devops_core.model.operation import LEASE
from tests.lab.client import SCHEDULE, Client
from tests.lab.events import DEPLOYMENT_COMPLETED
from tests.lab.fakes import Call, Crash, FakeCloud
from tests.lab.fakes.task_service import CRASH


def test_a_second_worker_does_nothing_during_a_lease(shop: FakeCloud, api: Client) -> None:
    seen: list[list[str]] = []
    api.tick()

    def second_worker() -> None:
        start = len(shop.wire.journal)
        assert api.wake(SCHEDULE) == 1
        seen.append(shop.wire.names(start))

    shop.wire.on("containers.register", second_worker)
    shop.wire.on("containers.update", second_worker)
    reply = api.deploy("1.0", "dev")
    assert seen == [["outbox.due", "tables.open_operations", "tables.operation"]] * 2
    assert api.finished(reply).operation["status"] == "SUCCEEDED"
    assert shop.wire.count("containers.register") == 1


def test_one_of_two_concurrent_workers_acts(shop: FakeCloud, api: Client) -> None:
    shop.wire.fail("containers.register", ThrottledError("slow down"), times=1)
    reply = api.deploy("1.0", "dev")
    assert shop.containers.tagged(reply.id) == []
    shop.clock.pass_(seconds=2)
    # The other worker completes its work between the observation and the lease of the first.
    shop.wire.on("containers.services", lambda: api.wake(DEPLOYMENT_COMPLETED), after=True)
    start = len(shop.wire.journal)
    api.wake(SCHEDULE)
    assert len(shop.containers.tagged(reply.id)) == 1
    assert shop.wire.count("containers.register", start) == 1
    assert shop.wire.count("containers.update", start) == 1


def test_one_of_two_concurrent_workers_ends_the_operation(shop: FakeCloud, api: Client) -> None:
    reply = api.deploy("1.0", "dev")
    api.status(reply.id)
    shop.wire.on("containers.services", lambda: api.wake(DEPLOYMENT_COMPLETED), after=True)
    assert api.status(reply.id).operation["status"] == "SUCCEEDED"
    keys = [event.key for event in shop.tables.events_of("Shop", reply.id)]
    assert keys == ["000", "001", "END"]


def test_one_of_two_concurrent_workers_ends_a_delete(shop: FakeCloud, api: Client) -> None:
    reply = api.delete()
    # The rows disappear between two reads of the other worker.
    shop.wire.on("tables.inventory", api.settle)
    assert api.status(reply.id).operation["status"] == "SUCCEEDED"
    keys = [event.key for event in shop.tables.events_of("Shop", reply.id)]
    assert keys.count("END") == 1


@pytest.mark.parametrize("name", ["containers.register", "containers.update", "tables.save"])
@pytest.mark.parametrize("lost", [False, True])
def test_a_worker_that_takes_over_observes_before_it_repeats_a_call(
    shop: FakeCloud, api: Client, name: str, lost: bool
) -> None:
    shop.wire.fail(name, Crash(), times=1, lost=lost)
    with pytest.raises(Crash):
        api.deploy("1.0", "dev")
    ((_, operation),) = shop.tables.in_progress()
    before = len(shop.wire.journal)
    api.wake(DEPLOYMENT_COMPLETED)
    if not (name == "tables.save" and lost):
        held = [call for call in shop.wire.journal[before:] if call.changes_aws]
        assert held == [], "the lease of the crashed worker is still valid"
    shop.clock.wait(LEASE.total_seconds() + 1)
    api.wake(DEPLOYMENT_COMPLETED)
    api.settle()
    assert api.status(operation).operation["status"] == "SUCCEEDED"
    assert len(shop.containers.tagged(operation)) == 1
    assert shop.containers.service("Shop", "dev").made == 2


def test_a_task_definition_of_a_crashed_worker_is_used(shop: FakeCloud, api: Client) -> None:
    shop.wire.fail("containers.register", Crash(), times=1, lost=True)
    with pytest.raises(Crash):
        api.deploy("1.0", "dev")
    ((_, operation),) = shop.tables.in_progress()
    (registered,) = shop.containers.tagged(operation)
    shop.clock.wait(66)
    api.settle()
    assert shop.containers.running("Shop", "dev").arn == registered.arn
    assert shop.wire.count("containers.register") == 1


def test_stop_reasons_are_reported_although_the_update_was_not_recorded(
    shop: FakeCloud, api: Client
) -> None:
    shop.push("bad", CRASH)
    shop.wire.fail("containers.update", Crash(), times=1, lost=True)
    with pytest.raises(Crash):
        api.deploy("bad", "dev")
    ((_, operation),) = shop.tables.in_progress()
    for _ in range(3):
        shop.containers.advance("Shop", "dev")
    shop.clock.wait(66)
    api.settle()
    assert "exit code 1" in api.status(operation).environments["DEV"]["reason"]


def test_stop_reasons_are_reported_after_ecs_removed_the_failed_deployment(
    shop: FakeCloud, api: Client
) -> None:
    shop.push("bad", CRASH)
    shop.containers.automatic = False
    reply = api.deploy("bad", "dev")
    api.status(reply.id)  # the update is recorded
    service = shop.containers.service("Shop", "dev")
    while service.primary.state != "COMPLETED":
        shop.containers.advance("Shop", "dev")
    service.deployments = [service.primary]
    api.settle()
    assert "exit code 1" in api.status(reply.id).environments["DEV"]["reason"]


def test_a_task_definition_of_a_crashed_worker_is_used_for_a_new_service(
    cloud: FakeCloud, api: Client
) -> None:
    reply = api.create(service={"environment": {"MODE": "fast"}})
    cloud.stacks.finish("Shop")
    cloud.wire.fail("containers.register", Crash(), times=1, lost=True)
    with pytest.raises(Crash):
        api.tick()
    cloud.clock.wait(66)
    assert api.finished(reply).operation["status"] == "SUCCEEDED"
    assert cloud.wire.count("containers.register") == 3


def test_an_update_is_not_repeated_after_an_outdated_response(shop: FakeCloud, api: Client) -> None:
    """ECS can return an older state of a service ("eventual consistency model", ECS API)."""

    def as_before(call: Call, effect: Callable[[], Any]) -> Any:
        before = shop.containers.service("Shop", "dev").shown()
        answer = effect()
        return before if call.name == "containers.update" else answer

    shop.clock.wait(1)
    shop.wire.around = as_before
    reply = api.deploy("1.0", "dev")
    assert reply.operation["waitingFor"] == "DEV: ECS to show the update"
    assert shop.wire.count("containers.update") == 1
    assert api.finished(reply).operation["status"] == "SUCCEEDED"


def test_a_crash_before_the_claim_leaves_nothing(shop: FakeCloud, api: Client) -> None:
    shop.wire.fail("tables.claim", Crash(), times=1)
    with pytest.raises(Crash):
        api.deploy("1.0", "dev")
    assert shop.tables.in_progress() == []
    assert api.deploy("1.0", "dev").status == 202


def test_a_crash_after_the_claim_is_recovered(shop: FakeCloud, api: Client) -> None:
    shop.wire.fail("tables.claim", Crash(), times=1, lost=True)
    with pytest.raises(Crash):
        api.deploy("1.0", "dev")
    ((_, operation),) = shop.tables.in_progress()
    shop.clock.wait(66)
    api.settle()
    assert api.status(operation).operation["status"] == "SUCCEEDED"


def test_a_call_without_a_response_keeps_its_lease(shop: FakeCloud, api: Client) -> None:
    api.tick()
    shop.wire.fail("containers.register", UnreachableError("no answer"), times=1, lost=True)
    reply = api.deploy("1.0", "dev")
    assert reply.operation["waitingFor"] == "no answer"
    start = len(shop.wire.journal)
    api.wake(SCHEDULE)
    assert shop.wire.writes(start) == []
    shop.clock.wait(66)
    api.settle()
    assert api.status(reply.id).operation["status"] == "SUCCEEDED"
    assert shop.wire.count("containers.register") == 1


def test_a_worker_that_loses_its_lease_returns_the_result_of_the_other(
    shop: FakeCloud, api: Client
) -> None:
    def lose_the_lease() -> None:
        shop.clock.wait(66)
        api.settle()

    shop.wire.on("tables.save", lose_the_lease)
    reply = api.deploy("1.0", "dev")
    assert (reply.status, reply.operation["status"]) == (200, "SUCCEEDED")


# --- orphans ---


@pytest.mark.parametrize("error", [ThrottledError("slow down"), UnreachableError("no answer")])
def test_an_orphan_is_deregistered_after_an_aws_error(
    shop: FakeCloud, api: Client, error: Exception
) -> None:
    shop.push("bad", CRASH)
    shop.wire.fail("containers.deregister", error, times=2)
    failed = api.finished(api.deploy("bad", "dev"))
    assert failed.operation["status"] == "FAILED"
    assert shop.containers.tagged(failed.id) == []


@pytest.mark.parametrize(
    "error", [AccessDeniedError("may not deregister"), RefusedError("no such task definition")]
)
def test_a_deploy_ends_without_the_right_to_deregister_an_orphan(
    shop: FakeCloud, api: Client, error: Exception
) -> None:
    first = api.finished(api.deploy("1.0", "dev"))
    shop.wire.fail("containers.deregister", error)
    started = shop.clock.now()
    assert api.finished(api.deploy("1.1", "dev")).operation["status"] == "SUCCEEDED"
    assert shop.clock.now() - started < timedelta(minutes=5)
    (left,) = shop.containers.tagged(first.id)
    left.active = False


def test_a_deploy_ends_at_its_deadline_although_an_orphan_remains(
    shop: FakeCloud, api: Client
) -> None:
    first = api.finished(api.deploy("1.0", "dev"))
    shop.wire.fail("containers.deregister", ThrottledError("slow down"))
    reply = api.deploy("1.1", "dev")
    shop.clock.pass_(minutes=5)
    api.tick()
    assert shop.tables.in_progress() == [("Shop", reply.id)]
    shop.clock.pass_(minutes=26)
    assert api.status(reply.id).operation["status"] == "SUCCEEDED"
    (left,) = shop.containers.tagged(first.id)
    left.active = False
