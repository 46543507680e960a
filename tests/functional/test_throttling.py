"""The metric of throttled calls that the retries of the SDK did not solve."""

from __future__ import annotations

from datetime import timedelta

import pytest

from devops_core.errors import ThrottledError, UnreachableError
from tests.lab.client import SCHEDULE, USER, Client
from tests.lab.events import DEPLOYMENT_COMPLETED
from tests.lab.fakes import FakeCloud
from tests.lab.measured import forget, sums, told

THROTTLED = ThrottledError("AWS throttles")


def test_a_throttled_call_is_counted(shop: FakeCloud, api: Client) -> None:
    forget(shop)
    shop.wire.fail("tables.inventory", THROTTLED, times=1)
    assert api.deploy("1.0", "dev").status == 503
    assert sums(shop) == {("Throttles",): 1}
    (facts,) = told(shop, "failed")
    assert (facts["caller"], facts["applicationName"]) == (USER, "Shop")
    assert facts["requestId"]
    assert "ThrottledError" in facts["error"]


def test_other_errors_are_not_counted_as_throttling(shop: FakeCloud, api: Client) -> None:
    forget(shop)
    shop.wire.fail("tables.inventory", UnreachableError("no answer"), times=1)
    assert api.deploy("1.0", "dev").status == 503
    assert shop.measured == []


@pytest.mark.parametrize("name", ["tables.save", "containers.register", "containers.update"])
def test_a_throttled_operation_is_counted(shop: FakeCloud, api: Client, name: str) -> None:
    forget(shop)
    shop.wire.fail(name, THROTTLED, times=1)
    reply = api.deploy("1.0", "dev")
    assert reply.status == 202
    assert sums(shop) == {("Throttles",): 1}
    assert told(shop, "interrupted") == [
        {
            "operation": reply.id,
            "kind": "deploy",
            "applicationName": "Shop",
            "caller": USER,
            "error": "AWS throttles",
        }
    ]


def test_each_throttled_step_is_counted(shop: FakeCloud, api: Client) -> None:
    forget(shop)
    shop.wire.fail("containers.register", THROTTLED)
    api.deploy("1.0", "dev", "qa")
    assert sums(shop)["Throttles",] == 2
    assert [facts["error"] for facts in told(shop, "interrupted")] == ["AWS throttles"]


def test_a_throttled_observation_is_counted_and_another_error_is_not(
    shop: FakeCloud, api: Client
) -> None:
    shop.containers.automatic = False
    api.deploy("1.0", "dev")
    for error, count in ((THROTTLED, 1), (UnreachableError("no answer"), 0)):
        forget(shop)
        shop.clock.pass_(seconds=2)
        shop.wire.fail("containers.services", error, times=1)
        api.wake(SCHEDULE)
        assert sums(shop)["Throttles",] == count
        assert [facts["error"] for facts in told(shop, "interrupted")] == [error.message]


def _pause(cloud: FakeCloud, operation: str) -> float:
    """Return the seconds until the next run of an operation; 0 without a pause."""
    record = cloud.tables.operations["Shop", operation]
    return (record.paused_until - cloud.clock.now()).total_seconds() if record.paused_until else 0


@pytest.mark.parametrize(
    ("first", "name"),
    [
        ("containers.register", "containers.register"),
        ("containers.register", "containers.find"),
        ("containers.update", "containers.update"),
    ],
)
def test_a_throttled_operation_pauses_longer_each_time(
    shop: FakeCloud, api: Client, first: str, name: str
) -> None:
    shop.wire.fail(first, THROTTLED, times=1)
    reply = api.deploy("1.0", "dev")
    shop.wire.fail(name, THROTTLED)
    for longest in (2, 4, 8, 16, 32, 32):
        pause = _pause(shop, reply.id)
        assert longest / 2 <= pause <= longest
        start = len(shop.wire.journal)
        shop.clock.pass_(seconds=pause - 0.001)
        assert api.status(reply.id).operation["waitingFor"] == "AWS throttles"
        api.wake(DEPLOYMENT_COMPLETED)
        assert not [each for each in shop.wire.journal[start:] if each.port == "containers"]
        shop.clock.pass_(seconds=0.001)
        api.wake(DEPLOYMENT_COMPLETED)
    shop.wire.heal()
    assert api.finished(reply).operation["status"] == "SUCCEEDED"


def test_two_throttled_operations_do_not_continue_at_the_same_time(
    shop: FakeCloud, api: Client
) -> None:
    shop.wire.fail("containers.register", THROTTLED)
    replies = [api.deploy("1.0", name) for name in ("dev", "qa", "stage")]
    assert len({_pause(shop, reply.id) for reply in replies}) == 3


@pytest.mark.parametrize("name", ["containers.register", "containers.update"])
def test_a_run_without_throttling_resets_the_pause(shop: FakeCloud, api: Client, name: str) -> None:
    shop.containers.automatic = False
    shop.wire.fail(name, THROTTLED, times=2)
    reply = api.deploy("1.0", "dev")
    api.tick()
    assert shop.tables.operations["Shop", reply.id].throttles == 2
    api.tick()
    api.tick()
    assert shop.tables.operations["Shop", reply.id].throttles == 0
    assert _pause(shop, reply.id) == 0


def test_an_abort_ends_the_pause(shop: FakeCloud, api: Client) -> None:
    shop.wire.fail("containers.register", THROTTLED)
    reply = api.deploy("1.0", "dev")
    assert _pause(shop, reply.id) > 0
    assert api.abort(reply.id).operation["status"] == "FAILED"


def test_a_waiting_caller_observes_aws_less_often_with_the_age_of_the_operation(
    shop: FakeCloud, api: Client
) -> None:
    shop.containers.automatic = False
    reply = api.deploy("1.0", "dev")
    observed = []
    for _ in range(4):
        start = len(shop.wire.journal)
        api.status(reply.id, headers={"Prefer": "wait=20"})
        observed.append(shop.wire.count("containers.services", start))
        assert shop.wire.count("tables.operation", start) == 21
    assert observed == [16, 7, 5, 5]


def test_a_waiting_caller_sees_the_end_by_another_worker_at_once(
    shop: FakeCloud, api: Client
) -> None:
    shop.containers.automatic = False
    reply = api.deploy("1.0", "dev")
    api.status(reply.id)
    shop.clock.pass_(seconds=100)

    def end() -> None:
        shop.containers.service("Shop", "dev").complete(shop.clock.now())
        api.wake(DEPLOYMENT_COMPLETED)

    shop.wire.on("containers.services", end, after=True)
    start = shop.clock.now()
    assert api.status(reply.id, headers={"Prefer": "wait=20"}).operation["status"] == "SUCCEEDED"
    assert shop.clock.now() - start == timedelta(seconds=1)


def test_a_throttled_table_counts_as_an_error_and_as_throttling(
    shop: FakeCloud, api: Client
) -> None:
    api.deploy("1.0", "dev")
    forget(shop)
    shop.wire.fail("tables.operation", THROTTLED, times=1)
    api.wake(SCHEDULE)
    assert (sums(shop)["ReconcileErrors",], sums(shop)["Throttles",]) == (1, 1)
    forget(shop)
    shop.wire.fail("tables.open_operations", THROTTLED, times=1)
    with pytest.raises(ThrottledError):
        api.wake(SCHEDULE)
    assert sums(shop) == {("Throttles",): 1}
    assert told(shop, "failed")[0]["cause"] == "Scheduled Event"
