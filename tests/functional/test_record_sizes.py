"""The size of the records of swaps: the largest that calls and AWS can cause."""

from __future__ import annotations

import json

import pytest

from devops_core.adapters.dynamodb import items
from tests.functional.test_progressive_swap import CANARY, minutes
from tests.lab.client import Client, Reply
from tests.lab.fakes import FakeCloud

LARGEST = 32 * 1024
ALARMS = [f"{number}" + "a" * 254 for number in range(10)]
PAGES = [f"/{number}{'p' * 1000}?{'a' * 1023}" for number in range(10)]


@pytest.fixture
def cloud() -> FakeCloud:
    """An account without a watcher: persons break the promises about the listener."""
    return FakeCloud()


@pytest.fixture
def warmed(promoted: FakeCloud, api: Client) -> FakeCloud:
    assert api.patch({"service": {"warmup": PAGES}}).status == 200
    api.settle()
    api.promote()
    api.settle()
    promoted.monitoring.states = dict.fromkeys(ALARMS, "OK")
    return promoted


def size(cloud: FakeCloud, reply: Reply) -> int:
    operation = cloud.tables.operations["Shop", reply.id]
    return len(json.dumps(items.operation_item(operation, "x" * 32)))


def add_rules(cloud: FakeCloud) -> None:
    """Add as many rules as a load balancer can have to both listeners."""
    estate = cloud.stacks.estate
    groups = [estate.target_group("Shop", slot) for slot in ("prod-1", "prod-2")]
    for which in ("production", "test"):
        rules = {str(number): groups for number in range(49_900, 50_000)}
        cloud.load_balancer.others[estate.listener("Shop", which)] = rules


@pytest.mark.parametrize("state", ["ALARM", "INSUFFICIENT_DATA"])
def test_a_swap_that_waits_for_tasks(warmed: FakeCloud, api: Client, state: str) -> None:
    """Its pages are not fetched yet; it ignores alarms, or they return the customers."""
    warmed.containers.automatic = False
    idle = warmed.containers.service("Shop", "prod-2")
    idle.desired = idle.running = 0
    warmed.monitoring.states = dict.fromkeys(ALARMS, state)
    reply = api.swap(**CANARY, alarms=ALARMS, ignoreAlarms=True, judge={})
    add_rules(warmed)
    sizes = [size(warmed, reply)]
    warmed.monitoring.states = dict.fromkeys(ALARMS, "ALARM")
    for _ in range(17):
        minutes(api, 1)
        sizes.append(size(warmed, reply))
    assert api.status(reply.id).operation["status"] == "FAILED"
    assert max(sizes) < LARGEST


@pytest.mark.parametrize("ignored", [True, False], ids=["ignored alarms", "alarms"])
def test_a_swap_that_returns(warmed: FakeCloud, api: Client, *, ignored: bool) -> None:
    alarming = dict.fromkeys(ALARMS, "ALARM")
    warmed.monitoring.states = alarming if ignored else dict.fromkeys(ALARMS, "OK")
    reply = api.swap(**CANARY, alarms=ALARMS, ignoreAlarms=True, judge={"minRequests": 1000000})
    warmed.monitoring.states = {}
    minutes(api, 4)
    add_rules(warmed)
    warmed.monitoring.states = alarming
    sizes = []
    for _ in range(25):
        minutes(api, 1)
        sizes.append(size(warmed, reply))
    ended = api.status(reply.id).operation
    assert ended["status"] == "FAILED"
    assert any("more" in text for text in ended["reasons"])
    assert all(len(page["path"]) == 201 for page in ended["warmup"])
    assert max(sizes) < LARGEST
