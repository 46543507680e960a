"""DELETE /stacks/{applicationName}/operations/{id}: the abort restores the previous state."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from devops_core.errors import LostClaimError, ThrottledError
from devops_core.model.operation import LEASE
from devops_core.naming import Environment
from tests.lab.client import USER, Client, Reply
from tests.lab.fakes import Call, Crash, FakeCloud
from tests.lab.fakes.task_service import HANG

ABORTED = "aborted by iam user/alice"


def _version(cloud: FakeCloud, environment: Environment) -> str | None:
    service = cloud.tables.inventory_of("Shop").service(environment)
    return service.version if service else None


def _hanging(cloud: FakeCloud, api: Client, *environments: str) -> Reply:
    cloud.push("slow", HANG)
    reply = api.deploy("slow", *environments)
    assert reply.status == 202
    return reply


def test_an_aborted_deploy_restores_the_previous_version(shop: FakeCloud, api: Client) -> None:
    api.finished(api.deploy("1.0", "dev"))
    before = shop.containers.running("Shop", "dev").arn
    running = _hanging(shop, api, "dev", "qa")
    answer = api.abort(running.id)
    assert (answer.status, answer.operation["status"]) == (202, "IN_PROGRESS")
    assert answer.body["message"] == "returning to the previous version"
    ended = api.finished(answer)
    assert (ended.operation["status"], ended.operation["abortedBy"]) == ("FAILED", USER)
    why = "the rollout did not complete before the abort"
    assert ended.operation["reasons"] == [ABORTED, f"DEV slow: {why}", f"QA slow: {why}"]
    assert shop.containers.running("Shop", "dev").arn == before
    assert _version(shop, Environment.DEV) == "1.0"
    assert shop.containers.tagged(running.id) == []
    events = [(event.outcome, event.caller) for event in shop.tables.events_of("Shop", running.id)]
    assert events[1] == ("ABORTING", USER)


def test_an_abort_keeps_completed_environments(shop: FakeCloud, api: Client) -> None:
    running = api.deploy("1.0", "dev", "qa", "stage")
    shop.containers.automatic = False
    for name in ("dev", "qa"):
        for _ in range(2):
            shop.containers.advance("Shop", name)
    api.tick()
    answer = api.abort(running.id)
    assert answer.body["message"] == (
        "returning to the previous version; already complete and kept: DEV, QA"
    )
    shop.containers.automatic = True
    assert api.finished(answer).operation["status"] == "FAILED"
    environments = (Environment.DEV, Environment.QA, Environment.STAGE)
    assert [_version(shop, name) for name in environments] == ["1.0", "1.0", None]


def test_a_leased_swap_can_be_aborted_before_the_switch(promoted: FakeCloud, api: Client) -> None:
    promoted.containers.automatic = False
    promoted.containers.service("Shop", "prod-2").desired = 0
    promoted.containers.service("Shop", "prod-2").running = 0
    running = api.swap()
    record = promoted.tables.operations["Shop", running.id]
    leased = replace(record, lease_until=promoted.clock.now() + timedelta(seconds=30))
    promoted.tables.operations["Shop", running.id] = leased
    answer = api.abort(running.id)
    assert (answer.status, answer.body["message"]) == (
        202,
        "all customers get the previous release",
    )
    promoted.containers.automatic = True
    assert api.finished(answer).operation["status"] == "FAILED"


def test_a_completed_rollout_cannot_be_aborted(shop: FakeCloud, api: Client) -> None:
    shop.containers.automatic = False
    running = api.deploy("1.0", "dev")
    for _ in range(2):
        shop.containers.advance("Shop", "dev")
    answer = api.abort(running.id)
    assert (answer.status, answer.operation["status"]) == (200, "SUCCEEDED")
    assert answer.body["message"].startswith("too late for an abort")
    assert _version(shop, Environment.DEV) == "1.0"


def test_an_aborted_deploy_that_ecs_never_received_leaves_no_task_definition(
    shop: FakeCloud, api: Client
) -> None:
    shop.wire.fail("containers.update", ThrottledError("AWS throttles"))
    running = api.deploy("1.0", "dev")
    assert api.abort(running.id).operation["status"] == "FAILED"
    assert shop.containers.tagged(running.id) == []


def test_an_aborted_promote_restores_the_idle_slot(shop: FakeCloud, api: Client) -> None:
    api.finished(api.deploy("1.0", "stage"))
    shop.containers.automatic = False
    running = api.promote()
    api.abort(running.id)
    shop.containers.automatic = True
    assert api.finished(running).operation["reasons"][0] == ABORTED
    assert _version(shop, Environment.PROD_BLUE) is None


@pytest.mark.parametrize("finished", [False, True], ids=["in progress", "complete"])
def test_an_aborted_create_deletes_its_stack(cloud: FakeCloud, api: Client, finished: bool) -> None:
    cloud.stacks.pace = None
    reply = api.create()
    if finished:
        cloud.stacks.finish("Shop")
    answer = api.abort(reply.id)
    assert answer.body["message"] == "the created resources are being deleted"
    cloud.stacks.finish("Shop")
    ended = api.finished(answer)
    assert (ended.operation["status"], ended.operation["reasons"]) == ("FAILED", [ABORTED])
    assert cloud.tables.rows == {}
    assert cloud.stacks.named("Shop") is None


def test_an_aborted_create_without_a_stack_ends_immediately(cloud: FakeCloud, api: Client) -> None:
    cloud.wire.fail("stacks.create", ThrottledError("AWS throttles"))
    reply = api.create()
    answer = api.abort(reply.id)
    assert (answer.status, answer.body["message"]) == (200, "the created resources are deleted")
    assert cloud.tables.rows == {}


def test_an_aborted_swap_does_not_switch_production(shop: FakeCloud, api: Client) -> None:
    _ready(shop, api)
    shop.wire.fail("load_balancer.switch", ThrottledError("AWS throttles"))
    swap = api.swap()
    answer = api.abort(swap.id)
    assert (answer.status, answer.body["message"]) == (
        200,
        "all customers have the previous release",
    )
    assert answer.operation["reasons"] == [ABORTED]
    assert _version(shop, Environment.PROD_GREEN) is None


def test_a_swap_that_switched_production_returns_all_customers(
    shop: FakeCloud, api: Client
) -> None:
    _ready(shop, api)
    production = shop.tables.inventory_of("Shop").application
    assert production is not None

    def refuse_test_listener(call: Call) -> None:
        if call.name == "load_balancer.switch" and call.args[0] == production.test_listener:
            raise ThrottledError("AWS throttles")

    shop.wire.before.append(refuse_test_listener)
    swap = api.swap()
    answer = api.abort(swap.id)
    assert answer.body["message"] == "all customers have the previous release"
    ended = answer.operation
    assert (ended["status"], ended["reasons"]) == ("FAILED", [ABORTED])
    assert ended["returnedAt"]
    assert shop.live("Shop") == "prod-1"
    assert _version(shop, Environment.PROD_GREEN) is None


@pytest.mark.usefixtures("shop")
def test_a_delete_cannot_be_aborted(api: Client) -> None:
    deleting = api.delete()
    answer = api.abort(deleting.id)
    assert (answer.status, answer.body["code"]) == (409, "NOT_ABORTABLE")
    assert answer.body["errorMessage"] == (
        "a delete cannot be aborted, because CloudFormation cannot stop it: wait for its end"
    )
    assert api.finished(deleting).operation["status"] == "SUCCEEDED"


def test_an_ended_operation_cannot_be_aborted_and_an_abort_can_be_repeated(
    shop: FakeCloud, api: Client
) -> None:
    done = api.finished(api.deploy("1.0", "dev"))
    answer = api.abort(done.id)
    assert (answer.status, answer.body["code"]) == (409, "ALREADY_ENDED")
    assert answer.body["errorMessage"] == (
        f"operation {done.id} has already ended: its status is SUCCEEDED"
    )
    running = _hanging(shop, api, "dev")
    assert [api.abort(running.id).status for _ in range(2)] == [202, 202]
    api.settle()
    assert (again := api.abort(running.id)).status == 200
    assert again.body["message"] == "the previous version runs again"
    outcomes = [event.outcome for event in shop.tables.events_of("Shop", running.id)]
    assert outcomes.count("ABORTING") == 1


def test_a_caller_can_wait_for_the_end_of_an_abort(shop: FakeCloud, api: Client) -> None:
    running = _hanging(shop, api, "dev")
    answer = api.abort(running.id, headers={"Prefer": "wait=20"})
    assert (answer.status, answer.operation["status"]) == (200, "FAILED")
    assert answer.headers["Preference-Applied"] == "wait=20"


@pytest.mark.parametrize(
    ("application", "operation"), [("Shop", "01JN8F1ST00000000000000ZZZ"), ("-", "no id")]
)
def test_an_unknown_operation_is_not_found(
    shop: FakeCloud, api: Client, application: str, operation: str
) -> None:
    answer = api.abort(operation, application)
    assert (answer.status, answer.body["code"]) == (404, "NOT_FOUND")
    assert shop.tables.in_progress() == []


def test_a_worker_cannot_overwrite_a_concurrent_abort(shop: FakeCloud, api: Client) -> None:
    """The worker has sent its update; the next worker rolls it back after the lease."""
    shop.push("slow", HANG)
    aborts = []

    def meanwhile() -> None:
        ((_, operation),) = shop.tables.in_progress()
        aborts.append(api.abort(operation))

    shop.wire.on("containers.update", meanwhile, after=True)
    started = api.deploy("slow", "dev")
    assert [answer.status for answer in aborts] == [202]
    assert started.operation["abortedBy"] == USER
    shop.clock.wait(LEASE.total_seconds())
    assert api.finished(started).operation["status"] == "FAILED"
    assert _version(shop, Environment.DEV) is None


def test_an_abort_that_loses_every_race_is_refused(shop: FakeCloud, api: Client) -> None:
    running = _hanging(shop, api, "dev")
    shop.wire.fail("tables.save", LostClaimError(running.id), times=5)
    answer = api.abort(running.id)
    assert (answer.status, answer.body["code"]) == (409, "CHANGED_MEANWHILE")
    assert (
        answer.body["errorMessage"]
        == f"operation {running.id} changed at the same moment: repeat the call"
    )
    assert api.abort(running.id).status == 202


def test_the_schedule_completes_an_abort_after_a_crash(shop: FakeCloud, api: Client) -> None:
    running = _hanging(shop, api, "dev")
    shop.wire.fail("containers.update", Crash(), times=1)
    with pytest.raises(Crash):
        api.abort(running.id)
    assert api.finished(running).operation["reasons"][0] == ABORTED


def _ready(cloud: FakeCloud, api: Client) -> None:
    api.finished(api.deploy("1.0", "stage"))
    api.finished(api.promote())
    assert _version(cloud, Environment.PROD_BLUE) == "1.0"
