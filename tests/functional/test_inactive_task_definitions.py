"""Task definitions that another tool deregistered while a rollout is in progress.

ECS refuses an INACTIVE task definition in UpdateService: "you can't update an existing service to
reference an INACTIVE task definition" (ECS API, DeregisterTaskDefinition).
"""

from __future__ import annotations

import pytest

from devops_core.errors import AccessDeniedError, AwsError, RefusedError, ThrottledError
from devops_core.naming import Environment
from tests.lab.client import Client, Reply
from tests.lab.dry import DryClient
from tests.lab.fakes import Crash, FakeCloud
from tests.lab.fakes.task_service import HANG

KEPT = (
    "No rollback: the previous task definition is INACTIVE, because another tool deregistered it."
    " The service keeps slow until its next rollout"
)
EFFECT = "no rollback, because the previous task definition cannot run: DEV"


@pytest.fixture
def hanging(shop: FakeCloud, api: Client) -> Reply:
    """A deploy of slow over 1.0 to dev, which does not complete."""
    api.finished(api.deploy("1.0", "dev"))
    shop.push("slow", HANG)
    return api.deploy("slow", "dev")


def _deregister_by_another_tool(cloud: FakeCloud, service: str = "dev") -> None:
    row = cloud.tables.inventory_of("Shop").rows[Environment(service.upper())]
    assert row.service
    cloud.containers.task_definitions[row.service.task_definition].active = False


def _sent(cloud: FakeCloud, start: int) -> list[str]:
    calls = cloud.wire.journal[start:]
    return [call.args[2] for call in calls if call.name == "containers.update"]


def _complete(cloud: FakeCloud) -> None:
    """Let the hanging tasks start, which ends the rollout."""
    service = cloud.containers.service("Shop", "dev")
    service.complete(cloud.clock.right())


def test_an_abort_does_not_send_an_inactive_task_definition(
    shop: FakeCloud, api: Client, hanging: Reply
) -> None:
    _deregister_by_another_tool(shop)
    target = shop.containers.running("Shop", "dev")
    start = len(shop.wire.journal)
    answer = api.abort(hanging.id)
    assert _sent(shop, start) == []
    assert (answer.status, answer.operation["status"]) == (200, "FAILED")
    assert answer.body["message"] == EFFECT
    (reason,) = answer.operation["reasons"][1:]
    assert reason == f"DEV slow: the rollout did not complete before the abort. {KEPT}"
    assert shop.containers.running("Shop", "dev").arn == target.arn
    assert target.active
    _complete(shop)


def test_the_row_has_the_version_that_remains(shop: FakeCloud, api: Client, hanging: Reply) -> None:
    _deregister_by_another_tool(shop)
    api.abort(hanging.id)
    row = shop.tables.inventory_of("Shop").rows[Environment.DEV]
    running = shop.containers.running("Shop", "dev")
    assert row.service
    assert (row.service.version, row.service.task_definition) == ("slow", running.arn)
    _complete(shop)
    api.finished(api.deploy("1.1", "dev"))
    assert not running.active


def test_a_dry_run_of_the_abort_has_no_rollback(
    shop: FakeCloud, dry: DryClient, hanging: Reply
) -> None:
    _deregister_by_another_tool(shop)
    plan = dry.abort(hanging.id).body["plan"]
    assert plan["message"] == EFFECT
    assert [each["version"] for each in plan["environments"]] == ["slow"]


def test_a_failed_rollout_does_not_return_to_an_inactive_task_definition(
    shop: FakeCloud, api: Client, hanging: Reply
) -> None:
    _deregister_by_another_tool(shop)
    service = shop.containers.service("Shop", "dev")
    service.primary.state = "FAILED"
    start = len(shop.wire.journal)
    ended = api.status(hanging.id)
    assert _sent(shop, start) == []
    assert ended.operation["status"] == "FAILED"
    assert ended.operation["reasons"][0].endswith(KEPT)
    _complete(shop)


def test_the_other_environments_return(shop: FakeCloud, api: Client) -> None:
    shop.push("slow", HANG)
    running = api.deploy("slow", "dev", "qa")
    _deregister_by_another_tool(shop)
    answer = api.abort(running.id)
    assert answer.body["message"] == f"returning to the previous version; {EFFECT}"
    ended = api.finished(answer)
    assert ended.operation["status"] == "FAILED"
    again = api.abort(running.id).body["message"]
    assert again == f"the previous version runs again; {EFFECT}"
    versions = [
        service.version
        for name in (Environment.DEV, Environment.QA)
        if (service := shop.tables.inventory_of("Shop").service(name))
    ]
    assert versions == ["slow", None]
    _complete(shop)


def test_a_refused_rollback_keeps_the_running_task_definition(
    shop: FakeCloud, api: Client, hanging: Reply
) -> None:
    """Another tool deregisters the task definition between the check and the update."""
    shop.wire.on("containers.update", lambda: _deregister_by_another_tool(shop))
    ended = api.abort(hanging.id)
    (reason,) = ended.operation["reasons"][1:]
    assert reason.endswith("before the abort. No rollback: TaskDefinition is inactive")
    assert shop.containers.running("Shop", "dev").active
    assert api.abort(hanging.id).body["message"] == EFFECT
    _complete(shop)


@pytest.mark.parametrize(
    "error", [AccessDeniedError("the service's role lacks a permission"), ThrottledError("busy")]
)
def test_a_rollback_that_aws_blocks_for_ever_keeps_the_running_task_definition(
    shop: FakeCloud, api: Client, hanging: Reply, error: AwsError
) -> None:
    """The row has the release that runs, and the next deploy replaces it completely."""
    shop.wire.fail("containers.update", error)
    api.abort(hanging.id)
    api.settle(limit=95)
    ended = api.status(hanging.id).operation
    assert ended["status"] == "FAILED"
    assert ended["reasons"][1].endswith(f"before the abort. No rollback: {error.message}")
    row = shop.tables.inventory_of("Shop").rows[Environment.DEV]
    running = shop.containers.running("Shop", "dev")
    assert row.service
    assert (row.service.version, row.service.task_definition) == ("slow", running.arn)
    assert row.service.unverified
    shop.wire.heal()
    api.finished(api.deploy("1.1", "dev"))
    assert not running.active


def test_a_deleted_task_definition_counts_as_inactive(
    shop: FakeCloud, api: Client, hanging: Reply
) -> None:
    _deregister_by_another_tool(shop)
    shop.wire.fail("containers.active", RefusedError("Unable to describe task definition."))
    assert api.abort(hanging.id).body["message"] == EFFECT
    _complete(shop)


@pytest.mark.parametrize("crash", [{"lost": False}, {"lost": True}], ids=["before", "after"])
def test_the_next_worker_decides_the_same(
    shop: FakeCloud, api: Client, hanging: Reply, crash: dict[str, bool]
) -> None:
    _deregister_by_another_tool(shop)
    shop.wire.fail("tables.close", Crash(), times=1, **crash)
    with pytest.raises(Crash):
        api.abort(hanging.id)
    ended = api.finished(hanging)
    assert ended.operation["reasons"][1].endswith(KEPT)
    _complete(shop)


def test_a_normal_rollout_does_not_read_the_previous_task_definition(
    shop: FakeCloud, api: Client
) -> None:
    api.finished(api.deploy("1.0", "dev"))
    start = len(shop.wire.journal)
    api.finished(api.deploy("1.1", "dev"))
    assert "containers.active" not in shop.wire.names(start)
