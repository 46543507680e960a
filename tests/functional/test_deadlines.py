"""Every operation ends, also if AWS never responds as expected."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

import pytest

from devops_core.errors import AccessDeniedError, AwsError, ThrottledError
from devops_core.model.inventory import RowStatus
from devops_core.naming import Environment
from tests.lab.client import Client, Reply
from tests.lab.fakes import FakeCloud

ERRORS = [
    AccessDeniedError("the service's role lacks the permission x:Y"),
    ThrottledError("AWS throttles"),
]


def _deploy(api: Client) -> Reply:
    return api.deploy("1.1", "dev")


def _promote(api: Client) -> Reply:
    return api.promote()


def _create(api: Client) -> Reply:
    return api.create("Other")


def _delete(api: Client) -> Reply:
    return api.delete()


def _green(cloud: FakeCloud) -> str | None:
    """Return the live slot of the inventory."""
    service = cloud.tables.inventory_of("Shop").service(Environment.PROD_GREEN)
    return service.name if service else None


CALLS = [_deploy, _promote, _create, _delete]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("error", ERRORS)
def test_every_operation_ends_although_aws_refuses_every_call(
    promoted: FakeCloud, api: Client, call: Callable[[Client], Reply], error: AwsError
) -> None:
    for name in ("stacks", "containers"):
        promoted.wire.on("tables.claim", partial(promoted.wire.fail, name, error), after=True)
    reply = call(api)
    assert reply.status == 202
    assert reply.operation["waitingFor"] == error.message
    api.tick()
    api.settle(limit=95)
    ended = api.status(reply.id, reply.operation["applicationName"])
    assert ended.operation["status"] == "FAILED"
    assert error.message in ended.operation["reasons"]
    assert {part["status"] for part in ended.environments.values()} == {"FAILED"}
    assert {part["reason"] for part in ended.environments.values()} == {error.message}
    promoted.wire.heal()
    if call is _create:
        # The rows remain, because CloudFormation might have created a stack. It has not.
        assert api.finished(api.delete("Other")).operation["status"] == "SUCCEEDED"


def test_an_operation_that_is_given_up_keeps_completed_environments(
    promoted: FakeCloud, api: Client
) -> None:
    reply = api.deploy("1.1", "dev", "qa")
    promoted.containers.automatic = False
    for _ in range(2):
        promoted.containers.advance("Shop", "dev")
    api.tick()
    promoted.wire.fail("containers", ThrottledError("AWS throttles"))
    api.settle(limit=61)
    ended = api.status(reply.id)
    assert {name: part["status"] for name, part in ended.environments.items()} == {
        "DEV": "SUCCEEDED", "QA": "FAILED",
    }  # fmt: skip
    assert "reason" not in ended.environments["DEV"]
    promoted.wire.heal()
    # The delete finds the task definition that was registered for QA.
    assert api.finished(api.delete()).operation["status"] == "SUCCEEDED"


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("name", ["containers.register", "containers.update"])
def test_a_deploy_with_a_permanently_refused_step_ends_at_the_deadline(
    promoted: FakeCloud, api: Client, name: str, error: AwsError
) -> None:
    promoted.wire.fail(name, error)
    reply = api.deploy("1.1", "dev")
    promoted.clock.pass_(minutes=30)
    ended = api.status(reply.id)
    assert ended.operation["status"] == "FAILED"
    assert "within the time limit" in ended.environments["DEV"]["reason"]
    assert promoted.containers.tagged(reply.id) == []


@pytest.mark.parametrize("error", ERRORS)
def test_a_swap_without_observations_does_not_switch_production(
    promoted: FakeCloud, api: Client, error: AwsError
) -> None:
    green = promoted.containers.service("Shop", "prod-1")
    green.desired = green.running = 2
    reply = api.swap()
    promoted.wire.fail("load_balancer", error)
    api.tick()
    seen = api.status(reply.id).operation
    assert (seen["status"], seen["waitingFor"]) == ("IN_PROGRESS", error.message)
    api.settle(limit=46)
    ended = api.status(reply.id).operation
    assert (ended["status"], ended["reasons"]) == ("FAILED", [error.message])
    assert _green(promoted) == "prod-1"
    promoted.wire.heal()
    assert api.swap(version="1.0").status == 200


def test_a_swap_without_observations_after_the_switch_records_the_live_slot(
    promoted: FakeCloud, api: Client
) -> None:
    def blind() -> None:
        promoted.wire.fail("load_balancer", ThrottledError("AWS throttles"))

    promoted.wire.on("load_balancer.switch", blind, after=True)
    reply = api.swap(version="1.0")
    api.settle(limit=46)
    assert api.status(reply.id).operation["status"] == "FAILED"
    assert _green(promoted) == "prod-2"
    promoted.wire.heal()
    again = api.swap(version="1.0")
    assert again.body["message"] == "1.0 is already live; the swap changed nothing"
    assert api.swap().status == 200


def test_a_stack_that_never_completes_is_deleted_at_the_deadline(
    cloud: FakeCloud, api: Client
) -> None:
    cloud.stacks.pace = None
    reply = api.create()
    cloud.clock.pass_(minutes=61)
    going = api.status(reply.id).operation
    assert (going["status"], going["reasons"]) == (
        "IN_PROGRESS", ["the stack is still CREATE_IN_PROGRESS at the time limit"],
    )  # fmt: skip
    cloud.stacks.finish("Shop")
    assert api.status(reply.id).operation["status"] == "FAILED"
    assert cloud.tables.rows == {}


def test_a_failed_stack_that_cannot_be_deleted_stays_in_the_inventory(
    cloud: FakeCloud, api: Client
) -> None:
    cloud.stacks.pace = None
    reply = api.create()
    cloud.clock.pass_(minutes=61)
    api.status(reply.id)
    cloud.clock.pass_(minutes=60)
    ended = api.status(reply.id).operation
    assert ended["status"] == "FAILED"
    assert ended["reasons"][1:] == [
        "the stack was not deleted: CloudFormation could not delete the stack",
        "the operation last waited for: the deletion of the failed stack",
    ]
    assert {row.status for row in cloud.tables.rows.values()} == {RowStatus.DELETE_FAILED}
    cloud.stacks.finish("Shop")
    assert api.finished(api.delete()).operation["status"] == "SUCCEEDED"


def test_an_overdue_stack_is_deleted_after_hours_without_a_worker(
    cloud: FakeCloud, api: Client
) -> None:
    cloud.stacks.pace = None
    reply = api.create()
    cloud.clock.pass_(hours=3)
    going = api.status(reply.id).operation
    assert (going["status"], going["waitingFor"]) == (
        "IN_PROGRESS", "the deletion of the failed stack",
    )  # fmt: skip
    cloud.clock.pass_(minutes=59)
    assert api.status(reply.id).operation["status"] == "IN_PROGRESS"
    cloud.stacks.finish("Shop")
    assert (
        api.status(reply.id).operation["reasons"][0]
        == "the stack is still CREATE_IN_PROGRESS at the time limit"
    )
    assert cloud.tables.rows == {}


def test_a_delete_that_never_completes_fails_and_can_be_repeated(
    shop: FakeCloud, api: Client
) -> None:
    shop.stacks.pace = None
    reply = api.delete()
    shop.clock.pass_(minutes=61)
    ended = api.status(reply.id).operation
    assert ended["reasons"] == [
        "CloudFormation did not delete the stack within the time limit",
        "the operation last waited for: stack DELETE_IN_PROGRESS",
    ]
    shop.stacks.finish("Shop")
    assert api.finished(api.delete()).operation["status"] == "SUCCEEDED"
    assert shop.tables.rows == {}


def _minutes(reply: Reply) -> float:
    """Return the minutes from a request to its deadline."""
    requested, deadline = (
        datetime.fromisoformat(reply.operation[name]) for name in ("requestedAt", "deadline")
    )
    return (deadline - requested).total_seconds() / 60


@pytest.mark.parametrize(
    ("service", "minutes"), [({}, 30), ({"rolloutMinutes": 90}, 90), ({"rolloutMinutes": 180}, 180)]
)
def test_the_application_sets_the_deadline_of_its_rollouts(
    cloud: FakeCloud, api: Client, service: dict[str, int], minutes: int
) -> None:
    created = api.finished(api.create(service=service))
    cloud.push("1.0")
    deployed = api.finished(api.deploy("1.0", "dev"))
    promoted = api.finished(api.promote())
    swapped = api.swap()
    assert [_minutes(each) for each in (created, deployed, promoted, swapped)] == [
        2 * minutes, minutes, minutes, 15,
    ]  # fmt: skip


def test_a_slow_rollout_ends_within_the_time_limit_of_its_application(
    cloud: FakeCloud, api: Client
) -> None:
    api.finished(api.create(service={"rolloutMinutes": 90}))
    cloud.push("1.0")
    cloud.containers.automatic = False
    slow = api.deploy("1.0", "dev")
    cloud.clock.pass_(minutes=89)
    assert api.status(slow.id).operation["status"] == "IN_PROGRESS"
    cloud.containers.service("Shop", "dev").complete(cloud.clock.now())
    assert api.status(slow.id).operation["status"] == "SUCCEEDED"
