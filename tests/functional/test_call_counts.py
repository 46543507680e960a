"""The number of outgoing calls before a response, which determines its latency."""

from devops_core.errors import ThrottledError
from tests.lab.client import Client, Reply
from tests.lab.fakes import Call, FakeCloud
from tests.lab.fakes.task_service import CRASH


def _calls(cloud: FakeCloud, start: int, reply: Reply, status: int) -> list[str]:
    assert reply.status == status
    return cloud.wire.names(start)


def test_a_create_makes_four_calls(cloud: FakeCloud, api: Client) -> None:
    assert _calls(cloud, 0, api.create(), 202) == [
        "templates.read", "tables.claim", "stacks.create", "tables.save",
    ]  # fmt: skip


def test_a_create_without_a_visible_stack_reads_nothing_else(cloud: FakeCloud, api: Client) -> None:
    cloud.stacks.lag = 2
    reply = api.create()
    api.status(reply.id)
    start = len(cloud.wire.journal)
    assert _calls(cloud, start, api.status(reply.id), 200) == [
        "tables.operation", "tables.inventory", "stacks.describe",
    ]  # fmt: skip


def test_the_end_of_a_create_reads_the_stack_and_its_resources(
    cloud: FakeCloud, api: Client
) -> None:
    reply = api.create()
    api.tick()
    start = len(cloud.wire.journal)
    assert _calls(cloud, start, api.status(reply.id), 200) == [
        "tables.operation", "tables.inventory", "stacks.describe", "containers.services",
        "containers.blueprint", "containers.blueprint", "containers.blueprint", "tables.close",
    ]  # fmt: skip


def test_a_deploy_makes_seven_calls(promoted: FakeCloud, api: Client) -> None:
    start = len(promoted.wire.journal)
    assert _calls(promoted, start, api.deploy("1.1", "dev"), 202) == [
        "tables.inventory", "images.digest", "containers.services", "tables.claim",
        "containers.register", "containers.update", "tables.save",
    ]  # fmt: skip


def test_each_further_environment_of_a_deploy_adds_two_calls(
    promoted: FakeCloud, api: Client
) -> None:
    start = len(promoted.wire.journal)
    calls = _calls(promoted, start, api.deploy("1.1", "dev", "qa", "stage"), 202)
    assert len(calls) == 11
    assert calls.count("containers.services") == 1
    assert calls.count("images.digest") == 1


def test_a_promote_makes_eight_calls(promoted: FakeCloud, api: Client) -> None:
    start = len(promoted.wire.journal)
    api.finished(api.deploy("1.1", "dev"))
    start = len(promoted.wire.journal)
    assert _calls(promoted, start, api.promote(), 202) == [
        "tables.inventory", "load_balancer.rules", "images.digest", "containers.services",
        "tables.claim", "containers.register", "containers.update", "tables.save",
    ]  # fmt: skip


def test_a_swap_changes_a_correct_test_listener_too(promoted: FakeCloud, api: Client) -> None:
    """Its description can be older than an earlier swap."""
    estate = promoted.stacks.estate
    listener = estate.listener("Shop", "test")
    promoted.load_balancer.listeners[listener] = [estate.target_group("Shop", "prod-1")]
    assert api.swap().status == 200
    assert promoted.wire.count("load_balancer.switch") == 2


def test_a_swap_makes_ten_calls(promoted: FakeCloud, api: Client) -> None:
    start = len(promoted.wire.journal)
    assert _calls(promoted, start, api.swap(), 200) == [
        "tables.inventory", "load_balancer.rules", "load_balancer.rules",
        "containers.services", "load_balancer.healthy", "load_balancer.healthy", "tables.claim",
        "load_balancer.switch", "load_balancer.switch", "tables.close",
    ]  # fmt: skip


def test_a_delete_makes_five_calls(promoted: FakeCloud, api: Client) -> None:
    start = len(promoted.wire.journal)
    assert _calls(promoted, start, api.delete(), 202) == [
        "tables.inventory", "tables.claim", "stacks.unprotect", "stacks.delete", "tables.save",
    ]  # fmt: skip


def test_a_status_read_of_an_ended_operation_makes_one_call(
    promoted: FakeCloud, api: Client
) -> None:
    ended = api.finished(api.deploy("1.1", "dev"))
    start = len(promoted.wire.journal)
    assert _calls(promoted, start, api.status(ended.id), 200) == ["tables.operation"]


def test_a_refused_request_makes_no_call_and_a_repeated_request_makes_two(
    promoted: FakeCloud, api: Client
) -> None:
    start = len(promoted.wire.journal)
    assert _calls(promoted, start, api.deploy("not valid", "dev"), 400) == []
    key = {"Idempotency-Key": "k"}
    api.finished(api.deploy("1.1", "dev", headers=key))
    start = len(promoted.wire.journal)
    again = api.deploy("1.1", "dev", headers=key)
    assert _calls(promoted, start, again, 200) == ["tables.inventory", "tables.operation"]


def test_stop_reasons_are_not_read_without_stopped_tasks(shop: FakeCloud, api: Client) -> None:
    def throttle_one(call: Call) -> None:
        if call.name == "containers.register" and call.args[0]["family"] == "Shop-qa":
            shop.wire.heal()
            raise ThrottledError("AWS throttles")

    shop.wire.before.append(throttle_one)
    reply = api.deploy("1.0", "dev", "qa")
    assert reply.operation["waitingFor"] == "AWS throttles"
    assert api.finished(reply).operation["status"] == "SUCCEEDED"
    assert shop.wire.count("containers.stopped") == 0


def test_stop_reasons_of_ended_environments_are_not_read(shop: FakeCloud, api: Client) -> None:
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
    services = [call.args[1] for call in shop.wire.journal[start:] if call.method == "stopped"]
    assert services == []


def test_a_worker_that_takes_over_saves_the_lease_once(shop: FakeCloud, api: Client) -> None:
    shop.wire.fail("containers.register", ThrottledError("AWS throttles"), times=1)
    reply = api.deploy("1.0", "dev")
    shop.clock.pass_(seconds=2)
    start = len(shop.wire.journal)
    assert _calls(shop, start, api.status(reply.id), 200) == [
        "tables.operation", "tables.inventory", "containers.services", "containers.find",
        "tables.save", "containers.register", "containers.update", "tables.save",
    ]  # fmt: skip
