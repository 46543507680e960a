"""DELETE /stacks/{applicationName}/operations/{id}: what is turned back, and what is not."""

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


def test_a_deploy_goes_back_to_the_version_before(shop: FakeCloud, api: Client) -> None:
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


def test_an_environment_that_is_done_is_left_so(shop: FakeCloud, api: Client) -> None:
    running = api.deploy("1.0", "dev", "qa")
    shop.containers.automatic = False
    for _ in range(2):
        shop.containers.advance("Shop", "dev")
    api.tick()
    answer = api.abort(running.id)
    assert answer.body["message"] == (
        "returning to the previous version; already complete and kept: DEV"
    )
    shop.containers.automatic = True
    assert api.finished(answer).operation["status"] == "FAILED"
    assert [_version(shop, name) for name in (Environment.DEV, Environment.QA)] == ["1.0", None]


def test_all_environments_that_are_done_are_named(shop: FakeCloud, api: Client) -> None:
    running = api.deploy("1.0", "dev", "qa", "stage")
    shop.containers.automatic = False
    for name in ("dev", "qa"):
        for _ in range(2):
            shop.containers.advance("Shop", name)
    api.tick()
    answer = api.abort(running.id)
    assert answer.body["message"].endswith("; already complete and kept: DEV, QA")
    shop.containers.automatic = True
    assert api.finished(answer).operation["status"] == "FAILED"


def test_a_swap_in_the_hands_of_a_worker_is_not_too_late(promoted: FakeCloud, api: Client) -> None:
    promoted.containers.automatic = False
    promoted.containers.service("Shop", "prod-2").desired = 0
    promoted.containers.service("Shop", "prod-2").running = 0
    running = api.swap()
    record = promoted.tables.operations["Shop", running.id]
    leased = replace(record, lease_until=promoted.clock.now() + timedelta(seconds=30))
    promoted.tables.operations["Shop", running.id] = leased
    answer = api.abort(running.id)
    assert (answer.status, answer.body["message"]) == (202, "production is not switched")
    promoted.containers.automatic = True
    assert api.finished(answer).operation["status"] == "FAILED"


def test_a_rollout_that_is_complete_is_finished(shop: FakeCloud, api: Client) -> None:
    shop.containers.automatic = False
    running = api.deploy("1.0", "dev")
    for _ in range(2):
        shop.containers.advance("Shop", "dev")
    answer = api.abort(running.id)
    assert (answer.status, answer.operation["status"]) == (200, "SUCCEEDED")
    assert answer.body["message"].startswith("too late for an abort")
    assert _version(shop, Environment.DEV) == "1.0"


def test_a_deploy_that_was_not_given_to_ecs_yet_leaves_nothing(
    shop: FakeCloud, api: Client
) -> None:
    shop.wire.fail("containers.update", ThrottledError("AWS throttles"))
    running = api.deploy("1.0", "dev")
    assert api.abort(running.id).operation["status"] == "FAILED"
    assert shop.containers.tagged(running.id) == []


def test_a_promote_goes_back_too(shop: FakeCloud, api: Client) -> None:
    api.finished(api.deploy("1.0", "stage"))
    shop.containers.automatic = False
    running = api.promote()
    api.abort(running.id)
    shop.containers.automatic = True
    assert api.finished(running).operation["reasons"][0] == ABORTED
    assert _version(shop, Environment.PROD_BLUE) is None


@pytest.mark.parametrize("finished", [False, True], ids=["on its way", "complete"])
def test_what_a_create_has_made_is_deleted(cloud: FakeCloud, api: Client, finished: bool) -> None:
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


def test_a_create_that_has_made_nothing_ends_at_once(cloud: FakeCloud, api: Client) -> None:
    cloud.wire.fail("stacks.create", ThrottledError("AWS throttles"))
    reply = api.create()
    answer = api.abort(reply.id)
    assert (answer.status, answer.body["message"]) == (200, "the created resources are deleted")
    assert cloud.tables.rows == {}


def test_a_swap_that_has_not_moved_the_customers_leaves_them(shop: FakeCloud, api: Client) -> None:
    _ready(shop, api)
    shop.wire.fail("load_balancer.switch", ThrottledError("AWS throttles"))
    swap = api.swap()
    answer = api.abort(swap.id)
    assert (answer.status, answer.body["message"]) == (200, "production was not switched")
    assert answer.operation["reasons"] == [ABORTED]
    assert _version(shop, Environment.PROD_GREEN) is None


def test_a_swap_that_has_moved_them_is_finished(shop: FakeCloud, api: Client) -> None:
    _ready(shop, api)
    production = shop.tables.inventory_of("Shop").application
    assert production is not None

    def refuse_test_listener(call: Call) -> None:
        if call.name == "load_balancer.switch" and call.args[0] == production.test_listener:
            raise ThrottledError("AWS throttles")

    shop.wire.before.append(refuse_test_listener)
    swap = api.swap()
    answer = api.abort(swap.id)
    assert answer.body["message"] == ("too late for an abort: the operation is completed")
    shop.wire.heal()
    assert api.finished(answer).operation["status"] == "SUCCEEDED"
    assert _version(shop, Environment.PROD_GREEN) == "1.0"


@pytest.mark.usefixtures("shop")
def test_a_delete_goes_on(api: Client) -> None:
    deleting = api.delete()
    answer = api.abort(deleting.id)
    assert (answer.status, answer.body["code"]) == (409, "NOT_ABORTABLE")
    assert answer.body["errorMessage"] == (
        "a delete cannot be aborted, because CloudFormation cannot stop it: wait for its end"
    )
    assert api.finished(deleting).operation["status"] == "SUCCEEDED"


def test_what_has_ended_is_not_aborted_and_twice_is_once(shop: FakeCloud, api: Client) -> None:
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


def test_an_abort_can_be_waited_for(shop: FakeCloud, api: Client) -> None:
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


def test_who_acts_while_it_is_aborted_leaves_it(shop: FakeCloud, api: Client) -> None:
    """The worker has sent its update; whoever comes after its lease goes back."""
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


def test_an_abort_that_loses_every_race_says_so(shop: FakeCloud, api: Client) -> None:
    running = _hanging(shop, api, "dev")
    shop.wire.fail("tables.save", LostClaimError(running.id), times=5)
    answer = api.abort(running.id)
    assert (answer.status, answer.body["code"]) == (409, "CHANGED_MEANWHILE")
    assert (
        answer.body["errorMessage"]
        == f"operation {running.id} changed at the same moment: repeat the call"
    )
    assert api.abort(running.id).status == 202


def test_an_abort_whose_worker_dies_is_done_by_the_schedule(shop: FakeCloud, api: Client) -> None:
    running = _hanging(shop, api, "dev")
    shop.wire.fail("containers.update", Crash(), times=1)
    with pytest.raises(Crash):
        api.abort(running.id)
    assert api.finished(running).operation["reasons"][0] == ABORTED


def _ready(cloud: FakeCloud, api: Client) -> None:
    api.finished(api.deploy("1.0", "stage"))
    api.finished(api.promote())
    assert _version(cloud, Environment.PROD_BLUE) == "1.0"
