"""Versions whose tasks were not started, because their service is scaled to 0."""

from __future__ import annotations

from typing import Any

import pytest

from devops_core.model.inventory import Service
from devops_core.naming import Environment
from tests.lab.client import Client, Reply
from tests.lab.dry import DryClient
from tests.lab.fakes import FakeCloud
from tests.lab.fakes.task_service import HANG
from tests.lab.reads import STACK, get, rows

NOT_STARTED = "no task was started: the service is scaled to 0"


def _scale(cloud: FakeCloud, name: str, count: int) -> None:
    service = cloud.containers.service("Shop", name)
    service.desired = service.running = count


@pytest.fixture
def stopped(shop: FakeCloud, api: Client) -> Reply:
    """A deploy of 1.0 to stage, which is scaled to 0."""
    _scale(shop, "stage", 0)
    reply = api.finished(api.deploy("1.0", "stage"))
    _scale(shop, "stage", 1)
    return reply


def _service(cloud: FakeCloud, environment: Environment) -> Service:
    service = cloud.tables.inventory_of("Shop").service(environment)
    assert service
    return service


def _row(api: Client, environment: str) -> dict[str, Any]:
    found: dict[str, Any] = rows(get(api, STACK, "Shop").body["stack"])
    return dict(found[environment])


def test_the_operation_warns_that_no_task_was_started(shop: FakeCloud, stopped: Reply) -> None:
    assert stopped.operation["status"] == "SUCCEEDED"
    assert stopped.operation["warnings"] == [f"STAGE 1.0: {NOT_STARTED}"]
    assert stopped.environments["STAGE"]["reason"] == NOT_STARTED
    events = shop.tables.events_of("Shop", stopped.id)
    assert [event.reason for event in events if event.environment] == [NOT_STARTED]


def test_a_failed_operation_has_the_warning_too(shop: FakeCloud, api: Client) -> None:
    _scale(shop, "stage", 0)
    shop.push("slow", HANG)
    running = api.deploy("slow", "dev", "stage")
    stage = shop.containers.service("Shop", "stage")
    stage.complete(shop.clock.right())
    api.tick()
    api.abort(running.id)
    ended = api.finished(running).operation
    assert (ended["status"], ended["warnings"]) == ("FAILED", [f"STAGE slow: {NOT_STARTED}"])
    _scale(shop, "stage", 1)


@pytest.mark.parametrize("source", ["stage", None])
@pytest.mark.usefixtures("stopped")
def test_a_promote_refuses_the_version(
    shop: FakeCloud, api: Client, dry: DryClient, source: str | None
) -> None:
    message = (
        f"1.0 in STAGE of Shop is not verified ({NOT_STARTED}): scale the service to at least one"
        " task, then deploy 1.0 again"
    )
    members: dict[str, Any] = {"environment": source} if source else {}
    for client in (dry, api):
        answer = client.promote(**members)
        assert (answer.status, answer.body["code"]) == (409, "NOT_DEPLOYABLE")
        assert answer.body["errorMessage"] == message
    assert shop.tables.in_progress() == []


@pytest.mark.usefixtures("stopped")
def test_a_read_of_the_application_has_the_reason(api: Client) -> None:
    assert _row(api, "STAGE")["unverified"] == NOT_STARTED
    assert "unverified" not in _row(api, "DEV")


@pytest.mark.usefixtures("stopped")
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_rollout_with_tasks_verifies_the_version(
    shop: FakeCloud, api: Client, version: str
) -> None:
    again = api.finished(api.deploy(version, "stage"))
    assert "warnings" not in again.operation
    assert _service(shop, Environment.STAGE).unverified is None
    assert api.finished(api.promote()).operation["status"] == "SUCCEEDED"


def test_a_verified_version_stays_verified_without_tasks(shop: FakeCloud, api: Client) -> None:
    api.finished(api.deploy("1.0", "stage"))
    _scale(shop, "stage", 0)
    again = api.deploy("1.0", "stage")
    assert again.status == 200
    assert again.operation["warnings"] == [f"STAGE 1.0: {NOT_STARTED}"]
    assert _service(shop, Environment.STAGE).unverified is None
    _scale(shop, "stage", 1)
    assert api.promote().status == 202


def test_a_version_without_a_rollback_is_not_verified(shop: FakeCloud, api: Client) -> None:
    shop.push("slow", HANG)
    running = api.deploy("slow", "stage")
    previous = _service(shop, Environment.STAGE).task_definition
    shop.containers.task_definitions[previous].active = False
    api.abort(running.id)
    assert _service(shop, Environment.STAGE).unverified == "its rollout did not complete"
    assert api.promote().status == 409
    shop.containers.service("Shop", "stage").complete(shop.clock.right())


def test_a_promote_to_a_slot_without_tasks_warns_until_its_swap(
    shop: FakeCloud, api: Client
) -> None:
    api.finished(api.deploy("1.0", "dev"))
    _scale(shop, "prod-2", 0)
    promoted = api.finished(api.promote())
    assert promoted.operation["warnings"] == [f"PROD-BLUE 1.0: {NOT_STARTED}"]
    assert _row(api, "PROD-BLUE")["unverified"] == NOT_STARTED
    api.finished(api.swap())
    assert _service(shop, Environment.PROD_GREEN).unverified is None


def test_the_drift_check_does_not_verify_a_version_without_tasks(
    settled: FakeCloud, api: Client
) -> None:
    row = _service(settled, Environment.DEV)
    definition = settled.containers.add({**row.blueprint, "memory": "1024"})
    running = settled.containers.service("Shop", "dev")
    _scale(settled, "dev", 0)
    running.deploy(definition, settled.clock.now())
    running.complete(settled.clock.now())
    settled.clock.pass_(minutes=10)
    assert api.drift_check() == 1
    assert _service(settled, Environment.DEV).unverified == NOT_STARTED
    _scale(settled, "dev", 1)
