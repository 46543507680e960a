"""The reconcile handler: the operations that the schedule and events advance."""

from __future__ import annotations

from typing import Any

import pytest

from devops_core.errors import ThrottledError
from tests.lab.client import SCHEDULE, Client
from tests.lab.events import DEPLOYMENT_COMPLETED, deployment_state, stack_status, task_stopped
from tests.lab.fakes import FakeCloud


def test_the_schedule_advances_all_open_operations(shop: FakeCloud, api: Client) -> None:
    first, second = api.deploy("1.0", "dev"), api.deploy("1.1", "qa")
    third = api.create("Other")
    assert api.tick() == 3
    assert api.tick() == 3
    for reply in (first, second, third):
        application = reply.operation["applicationName"]
        assert api.status(reply.id, application).operation["status"] == "SUCCEEDED"
    assert shop.tables.in_progress() == []
    assert api.tick() == 0


@pytest.mark.parametrize("without", [{}, {"resources": []}, {"detail": {}}])
def test_a_stack_event_advances_its_create(
    cloud: FakeCloud, api: Client, without: dict[str, Any]
) -> None:
    api.create()
    cloud.stacks.finish("Shop")
    assert api.wake(stack_status("Shop", "CREATE_COMPLETE") | without) == 1
    assert cloud.tables.in_progress() == []
    assert cloud.wire.count("tables.open_operations") == 0


def test_a_stack_event_advances_its_delete(shop: FakeCloud, api: Client) -> None:
    api.delete()
    shop.stacks.finish("Shop")
    assert api.wake(stack_status("Shop", "DELETE_COMPLETE")) == 1
    assert shop.tables.rows == {}


@pytest.mark.parametrize("event", [DEPLOYMENT_COMPLETED, task_stopped("Shop", "dev")])
def test_an_ecs_event_advances_its_deploy(
    shop: FakeCloud, api: Client, event: dict[str, Any]
) -> None:
    shop.containers.automatic = False
    reply = api.deploy("1.0", "dev")
    shop.containers.service("Shop", "dev").complete(shop.clock.now())
    assert api.wake(event) == 1
    assert shop.tables.operations["Shop", reply.id].status == "SUCCEEDED"


@pytest.mark.parametrize("name", ["Other", "Shop-dev-api"])
def test_an_event_advances_only_its_own_application(
    shop: FakeCloud, api: Client, name: str
) -> None:
    api.finished(api.create(name))
    shop.push("1.0", application=name)
    mine, other = api.deploy("1.0", "dev"), api.deploy("1.0", "dev", application=name)
    for event, own in (
        (DEPLOYMENT_COMPLETED, "Shop"),
        (deployment_state(name, "dev", "SERVICE_DEPLOYMENT_COMPLETED"), name),
    ):
        start = len(shop.wire.journal)
        assert api.wake(event) == 1
        looked = {call.args[0] for call in shop.wire.journal[start:] if call.port == "tables"}
        assert looked & {"Shop", name} == {own}
    assert {mine.operation["status"], other.operation["status"]} == {"IN_PROGRESS"}


@pytest.mark.parametrize(
    "event",
    [
        stack_status("Stranger", "CREATE_COMPLETE"),
        deployment_state("Stranger", "web", "SERVICE_DEPLOYMENT_FAILED"),
        task_stopped("Stranger", "web"),
    ],
)
def test_foreign_events_are_ignored(shop: FakeCloud, api: Client, event: dict[str, Any]) -> None:
    api.deploy("1.0", "dev")
    start = len(shop.wire.journal)
    assert api.wake(event) == 0
    assert shop.wire.names(start) == ["tables.inventory"]


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"detail": None, "resources": None},
        {"source": "aws.ec2", "detail": {"instance-id": "i-1"}, "resources": ["arn:aws:ec2:x"]},
        {"detail": {"stack-id": 17, "clusterArn": ["x"]}, "resources": [None, "nonsense"]},
    ],
)
@pytest.mark.usefixtures("shop")
def test_an_unknown_event_has_the_effect_of_the_schedule(
    api: Client, event: dict[str, Any]
) -> None:
    api.deploy("1.0", "dev")
    assert api.wake(event) == 1


def test_duplicate_and_late_events_change_nothing(shop: FakeCloud, api: Client) -> None:
    reply = api.finished(api.deploy("1.0", "dev"))
    api.tick()
    start = len(shop.wire.journal)
    for event in (DEPLOYMENT_COMPLETED, DEPLOYMENT_COMPLETED, task_stopped("Shop", "dev"), SCHEDULE,
                  stack_status("Shop", "CREATE_COMPLETE")):  # fmt: skip
        assert api.wake(event) == 0
    assert shop.wire.writes(start) == []
    assert len(shop.tables.events_of("Shop", reply.id)) == 3


def test_an_observation_without_a_change_writes_nothing(shop: FakeCloud, api: Client) -> None:
    shop.containers.automatic = False
    api.deploy("1.0", "dev")
    api.tick()
    start = len(shop.wire.journal)
    for _ in range(3):
        assert api.tick() == 1
    assert shop.wire.writes(start) == []


def test_an_operation_with_an_error_does_not_stop_the_others(shop: FakeCloud, api: Client) -> None:
    broken, sound = api.deploy("1.0", "dev"), api.deploy("1.0", "qa")
    shop.wire.fail("tables.operation", ZeroDivisionError("odd record"), times=2)
    api.wake(SCHEDULE)
    facts = [facts for message, facts in shop.lines if message == "reconcile failed"]
    error = "ZeroDivisionError('odd record')"
    assert facts == [
        {"operation": each.id, "applicationName": "Shop", "error": error}
        for each in (broken, sound)
    ]
    assert api.wake(SCHEDULE) == 2
    shop.lines.clear()


def test_a_schedule_that_cannot_read_fails_and_is_retried(shop: FakeCloud, api: Client) -> None:
    shop.wire.fail("tables.open_operations", ThrottledError("slow down"))
    with pytest.raises(ThrottledError):
        api.wake(SCHEDULE)


def test_each_advanced_operation_writes_a_log_line(shop: FakeCloud, api: Client) -> None:
    reply = api.deploy("1.0", "dev")
    shop.lines.clear()
    api.wake(DEPLOYMENT_COMPLETED)
    assert [message for message, _ in shop.lines] == ["reconciled", "woken"]
    assert shop.lines[0][1]["operation"] == reply.id
