"""ECS Exec: `ecsexec` and the task role determine it at each rollout."""

from __future__ import annotations

import pytest

from devops_core.access import AccessPolicy
from tests.lab.callers import with_policy
from tests.lab.client import Client
from tests.lab.dry import DryClient, plan
from tests.lab.fakes import ACCOUNT, FakeCloud
from tests.lab.fakes.task_service import HANG

ROLE = f"arn:aws:iam::{ACCOUNT}:role/payments-tasks"
WITH_ROLE = {"service": {"taskRole": ROLE}}
NAMES = ("dev", "prod-1", "prod-2")
OFF = "DEV: OVERWRITTEN, because ecsexec in parameters.yml is off: the rollout turns off ECS Exec"


def turn(cloud: FakeCloud, *, on: bool) -> None:
    """Change `ecsexec` of the installation."""
    cloud.settings = cloud.settings._replace(ecs_exec=on)


@pytest.fixture
def roles(cloud: FakeCloud) -> FakeCloud:
    """An installation that lists a task role for the team."""
    with_policy(cloud, AccessPolicy(task_roles={"*": (ROLE,)}))
    return cloud


@pytest.fixture
def allowed(roles: FakeCloud, promoted: FakeCloud) -> FakeCloud:
    """Shop, promoted, whose specification can have the role."""
    assert roles is promoted
    return promoted


def executing(cloud: FakeCloud) -> list[str]:
    """Return the services with ECS Exec."""
    found = (cloud.containers.services_[("Shop", name)] for name in NAMES)
    return [each.name for each in found if each.execute_command]


def updates(cloud: FakeCloud) -> int:
    return sum(call.name == "containers.update" for call in cloud.wire.journal)


@pytest.mark.parametrize(
    ("on", "role", "expected"),
    [(True, True, [*NAMES]), (True, False, []), (False, True, []), (False, False, [])],
)
def test_a_create_turns_it_on_for_tasks_with_a_role(
    roles: FakeCloud, api: Client, on: bool, role: bool, expected: list[str]
) -> None:
    turn(roles, on=on)
    service = {"environment": {"LEVEL": "info"}} | (WITH_ROLE["service"] if role else {})
    api.finished(api.create(service=service))
    assert executing(roles) == expected


def test_a_rollout_turns_it_on_and_off_without_another_call(
    allowed: FakeCloud, api: Client
) -> None:
    api.finished(api.patch(WITH_ROLE))
    api.finished(api.deploy("1.1", "dev"))
    assert executing(allowed) == []
    turn(allowed, on=True)
    before = updates(allowed)
    api.finished(api.deploy("1.2", "dev"))
    assert updates(allowed) == before + 1
    assert executing(allowed) == ["dev"]
    api.finished(api.promote())
    assert executing(allowed) == ["dev", "prod-2"]
    turn(allowed, on=False)
    done = api.finished(api.deploy("1.0", "dev"))
    assert done.operation["warnings"] == [OFF]
    assert executing(allowed) == ["prod-2"]


def test_a_change_of_the_count_keeps_it(allowed: FakeCloud, api: Client) -> None:
    turn(allowed, on=True)
    api.finished(api.patch(WITH_ROLE))
    api.finished(api.deploy("1.1", "dev"))
    api.finished(api.promote())
    turn(allowed, on=False)
    api.finished(api.patch({"overrides": {"prod": {"desiredCount": 2}}}))
    assert executing(allowed) == ["dev", "prod-2"]


def test_a_rollout_without_the_role_turns_it_off(allowed: FakeCloud, api: Client) -> None:
    """ECS refuses ECS Exec without a task role."""
    turn(allowed, on=True)
    api.finished(api.patch(WITH_ROLE))
    assert executing(allowed) == ["dev"]
    done = api.finished(api.patch({"service": {"taskRole": None}}))
    assert done.operation["status"] == "SUCCEEDED"
    assert [each for each in done.operation["warnings"] if each.startswith("DEV")] == [
        "DEV: OVERWRITTEN, because the tasks have no task role: the rollout turns off ECS Exec"
    ]
    assert executing(allowed) == []


def test_a_rollback_to_tasks_without_a_role_turns_it_off(allowed: FakeCloud, api: Client) -> None:
    allowed.containers.behaviours[allowed.containers.running("Shop", "dev").image] = HANG
    turn(allowed, on=True)
    started = api.patch(WITH_ROLE)
    assert executing(allowed) == ["dev"]
    assert api.abort(started.id).status == 202
    done = api.finished(started)
    assert done.operation["status"] == "FAILED"
    assert "taskRoleArn" not in allowed.containers.running("Shop", "dev").request
    assert executing(allowed) == []


def test_a_plan_shows_that_a_change_by_hand_is_overwritten(
    promoted: FakeCloud, api: Client, dry: DryClient
) -> None:
    promoted.containers.services_[("Shop", "dev")].execute_command = True
    assert plan(dry.deploy("1.1", "dev"))["warnings"] == [OFF]
    done = api.finished(api.deploy("1.1", "dev"))
    assert done.operation["warnings"] == [OFF]
    assert executing(promoted) == []
