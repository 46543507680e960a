"""The metric of throttled calls that the retries of the SDK did not solve."""

from __future__ import annotations

import pytest

from devops_core.errors import ThrottledError, UnreachableError
from tests.lab.client import SCHEDULE, USER, Client
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
        shop.wire.fail("containers.services", error, times=1)
        api.wake(SCHEDULE)
        assert sums(shop)["Throttles",] == count
        assert [facts["error"] for facts in told(shop, "interrupted")] == [error.message]


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
