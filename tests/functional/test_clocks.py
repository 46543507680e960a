"""Workers whose clocks are wrong, jump or are set back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from devops_core.model.operation import LEASE
from devops_core.naming import Environment
from tests.lab.client import SCHEDULE, Client
from tests.lab.fakes import FakeCloud
from tests.lab.templates import ROOT, load

_HOUR = timedelta(hours=1)


def test_a_stack_that_appears_after_the_deadline_is_deleted(cloud: FakeCloud, api: Client) -> None:
    cloud.stacks.lag = 2
    reply = api.create()
    cloud.clock.skew = _HOUR
    late = api.finished(reply)
    assert late.operation["reasons"][0] == "the stack is still CREATE_IN_PROGRESS"
    assert [stack.status for stack in cloud.stacks.stacks.values()] == ["DELETE_COMPLETE"]
    assert cloud.tables.rows == {}


def test_a_duration_is_not_negative_after_a_clock_was_set_back(
    shop: FakeCloud, api: Client
) -> None:
    reply = api.deploy("1.0", "dev")
    shop.clock.skew = -_HOUR
    assert api.finished(reply).operation["took"] == {"untilEnded": 0.0}


@pytest.mark.parametrize("ahead", [2 * LEASE, _HOUR], ids=["lease", "deadline"])
@pytest.mark.parametrize("call", ["containers.register", "containers.update"])
def test_two_workers_with_different_clocks_leave_correct_records(
    call: str, ahead: timedelta
) -> None:
    """Two workers can act if their clocks differ by more than the reserve of a lease.

    Therefore no watcher checks that one worker acts at a time. The records are still correct.
    """
    cloud = FakeCloud()
    (api := Client(cloud)).finished(api.create())
    cloud.push("1.0")

    def other_worker() -> None:
        cloud.clock.skew = ahead
        api.wake(SCHEDULE)
        cloud.clock.skew = timedelta()

    cloud.wire.on(call, other_worker)
    api.deploy("1.0", "dev")
    api.settle()
    for _ in range(3):
        cloud.clock.pass_(minutes=5)
        api.drift_check()
    (deploy,) = [each for each in cloud.tables.operations.values() if each.kind == "deploy"]
    row = cloud.tables.inventory_of("Shop").service(Environment.DEV)
    assert row is not None
    runs = cloud.containers.running("Shop", "dev")
    assert row.task_definition == runs.arn
    assert (row.digest is not None) is runs.image.endswith(row.digest or "no digest")
    assert api.finished(api.delete()).operation["status"] == "SUCCEEDED"
    assert not [each for each in cloud.containers.tagged(deploy.id) if each.active]


def test_a_lease_is_longer_than_the_timeout_of_each_function() -> None:
    service = load(ROOT / "serverless.yml")
    functions = service["functions"].values()
    longest = max(each.get("timeout", service["provider"]["timeout"]) for each in functions)
    assert timedelta(seconds=longest + 5) <= LEASE
