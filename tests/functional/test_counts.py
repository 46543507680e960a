"""How many calls go out until a caller has its answer: what they cost in time."""

import pytest

from devops_core.errors import ThrottledError
from tests.lab.client import Client, Reply
from tests.lab.fakes import Call, FakeCloud
from tests.lab.fakes.task_service import CRASH


def _calls(cloud: FakeCloud, start: int, reply: Reply, status: int) -> list[str]:
    assert reply.status == status
    return cloud.wire.names(start)


@pytest.fixture
def ready(shop: FakeCloud, api: Client) -> FakeCloud:
    api.finished(api.deploy("1.0", "dev"))
    api.finished(api.promote())
    return shop


def test_create_takes_four_calls(cloud: FakeCloud, api: Client) -> None:
    assert _calls(cloud, 0, api.create(), 202) == [
        "templates.read", "tables.claim", "stacks.create", "tables.save",
    ]  # fmt: skip


def test_a_create_whose_stack_does_not_show_yet_looks_for_nothing_else(
    cloud: FakeCloud, api: Client
) -> None:
    cloud.stacks.lag = 2
    reply = api.create()
    api.status(reply.id)
    start = len(cloud.wire.journal)
    assert _calls(cloud, start, api.status(reply.id), 200) == [
        "tables.operation", "tables.inventory", "stacks.describe",
    ]  # fmt: skip


def test_the_end_of_a_create_looks_at_its_stack_and_what_that_has_made(
    cloud: FakeCloud, api: Client
) -> None:
    reply = api.create()
    api.tick()
    start = len(cloud.wire.journal)
    assert _calls(cloud, start, api.status(reply.id), 200) == [
        "tables.operation", "tables.inventory", "stacks.describe", "containers.blueprint",
        "containers.blueprint", "containers.blueprint", "tables.close",
    ]  # fmt: skip


def test_a_deploy_takes_six_calls(ready: FakeCloud, api: Client) -> None:
    start = len(ready.wire.journal)
    assert _calls(ready, start, api.deploy("1.1", "dev"), 202) == [
        "tables.inventory", "images.digest", "tables.claim", "containers.register",
        "containers.update", "tables.save",
    ]  # fmt: skip


def test_a_deploy_to_three_takes_two_more_for_each(ready: FakeCloud, api: Client) -> None:
    start = len(ready.wire.journal)
    calls = _calls(ready, start, api.deploy("1.1", "dev", "qa", "stage"), 202)
    assert len(calls) == 10
    assert calls.count("images.digest") == 1


def test_a_promotion_takes_seven_calls(ready: FakeCloud, api: Client) -> None:
    start = len(ready.wire.journal)
    api.finished(api.deploy("1.1", "dev"))
    start = len(ready.wire.journal)
    assert _calls(ready, start, api.promote(), 202) == [
        "tables.inventory", "load_balancer.forwards_to", "images.digest", "tables.claim",
        "containers.register", "containers.update", "tables.save",
    ]  # fmt: skip


def test_a_swap_leaves_a_test_listener_alone_that_is_right_already(
    ready: FakeCloud, api: Client
) -> None:
    estate = ready.stacks.estate
    listener = estate.listener("Shop", "test")
    ready.load_balancer.listeners[listener] = [estate.target_group("Shop", "prod-1")]
    assert api.swap().status == 200
    assert ready.wire.count("load_balancer.switch") == 1


def test_a_swap_takes_nine_calls(ready: FakeCloud, api: Client) -> None:
    start = len(ready.wire.journal)
    assert _calls(ready, start, api.swap(), 200) == [
        "tables.inventory", "load_balancer.forwards_to", "containers.services",
        "load_balancer.healthy", "load_balancer.healthy", "tables.claim",
        "load_balancer.switch", "load_balancer.switch", "tables.close",
    ]  # fmt: skip


def test_a_delete_takes_four_calls(ready: FakeCloud, api: Client) -> None:
    start = len(ready.wire.journal)
    assert _calls(ready, start, api.delete(), 202) == [
        "tables.inventory", "tables.claim", "stacks.delete", "tables.save",
    ]  # fmt: skip


def test_the_status_of_what_has_ended_takes_one_call(ready: FakeCloud, api: Client) -> None:
    ended = api.finished(api.deploy("1.1", "dev"))
    start = len(ready.wire.journal)
    assert _calls(ready, start, api.status(ended.id), 200) == ["tables.operation"]


def test_a_refusal_takes_no_call_and_a_repeat_two(ready: FakeCloud, api: Client) -> None:
    start = len(ready.wire.journal)
    assert _calls(ready, start, api.deploy("not valid", "dev"), 400) == []
    key = {"Idempotency-Key": "k"}
    api.finished(api.deploy("1.1", "dev", headers=key))
    start = len(ready.wire.journal)
    again = api.deploy("1.1", "dev", headers=key)
    assert _calls(ready, start, again, 200) == ["tables.inventory", "tables.operation"]


def test_nobody_asks_why_tasks_stopped_while_none_has(shop: FakeCloud, api: Client) -> None:
    def throttle_one(call: Call) -> None:
        if call.name == "containers.register" and call.args[0]["family"] == "Shop-qa":
            shop.wire.heal()
            raise ThrottledError("AWS throttles")

    shop.wire.before.append(throttle_one)
    reply = api.deploy("1.0", "dev", "qa")
    assert reply.operation["waitingFor"] == "AWS throttles"
    assert api.finished(reply).operation["status"] == "SUCCEEDED"
    assert shop.wire.count("containers.stopped") == 0


def test_nobody_asks_why_tasks_stopped_of_what_has_ended(shop: FakeCloud, api: Client) -> None:
    shop.push("bad", CRASH)
    reply = api.deploy("bad", "dev", "qa")
    shop.containers.automatic = False
    for _ in range(3):
        shop.containers.advance("Shop", "dev")
    api.tick()
    shop.containers.service("Shop", "dev").complete(shop.clock.now())
    api.tick()
    assert api.status(reply.id).environments["DEV"]["status"] == "FAILED"
    start = len(shop.wire.journal)
    api.tick()
    asked = [call.args[1] for call in shop.wire.journal[start:] if call.method == "stopped"]
    assert asked == []
    shop.containers.automatic = True


def test_who_takes_over_takes_the_lease_once(shop: FakeCloud, api: Client) -> None:
    shop.wire.fail("containers.register", ThrottledError("AWS throttles"), times=1)
    reply = api.deploy("1.0", "dev")
    start = len(shop.wire.journal)
    assert _calls(shop, start, api.status(reply.id), 200) == [
        "tables.operation", "tables.inventory", "containers.services", "containers.find",
        "tables.save", "containers.register", "containers.update", "tables.save",
    ]  # fmt: skip
