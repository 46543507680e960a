"""Changes outside of the service: the records follow them, and AWS is not changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from devops_core import render
from devops_core.errors import ThrottledError
from devops_core.model.inventory import Row, RowStatus, Service
from devops_core.naming import PRODUCTION, Environment, Image
from tests.lab.client import Client
from tests.lab.events import stack_status
from tests.lab.fakes import FakeCloud
from tests.lab.fakes.cloud import REGISTRY

CALLER = "the drift check of this service"


def _row(cloud: FakeCloud, environment: Environment) -> Row:
    return cloud.tables.inventory_of("Shop").rows[environment]


def _service(cloud: FakeCloud, environment: Environment) -> Service:
    service = _row(cloud, environment).service
    assert service is not None
    return service


def _listen(cloud: FakeCloud, which: str, *slots: str) -> None:
    estate = cloud.stacks.estate
    listener = estate.listener("Shop", which)
    cloud.load_balancer.listeners[listener] = [estate.target_group("Shop", slot) for slot in slots]


def _by_hand(cloud: FakeCloud, environment: Environment, image: str) -> str:
    """Give a service a task definition with another image, as in the console."""
    service = _service(cloud, environment)
    request = render.task_definition(service.blueprint, service.container, Image.parse(image), {})
    definition = cloud.containers.add(request)
    running = cloud.containers.service("Shop", service.name)
    running.deploy(definition, cloud.clock.now())
    running.complete(cloud.clock.now())
    cloud.clock.pass_(minutes=10)
    return definition


def _repairs(cloud: FakeCloud) -> list[Any]:
    return [each for each in cloud.tables.operations.values() if each.kind == "repair"]


def test_a_check_without_drift_writes_nothing(settled: FakeCloud, api: Client) -> None:
    start = len(settled.wire.journal)
    assert api.drift_check() == 0
    assert settled.wire.writes(start) == []
    assert settled.wire.names(start)[0] == "tables.applications"


def test_rows_follow_a_manual_exchange_of_the_listeners(settled: FakeCloud, api: Client) -> None:
    _listen(settled, "production", "prod-2")
    _listen(settled, "test", "prod-1")
    start = len(settled.wire.journal)
    assert api.drift_check() == 1
    assert [_service(settled, role).name for role in PRODUCTION] == ["prod-1", "prod-2"]
    assert _service(settled, Environment.PROD_GREEN).was_live
    assert _row(settled, Environment.PROD_GREEN).updated_by == CALLER
    assert settled.wire.writes(start) == ["tables.correct"]
    (repair,) = _repairs(settled)
    seen = api.status(repair.id).operation
    why = "the production listener forwards to prod-2; the inventory had prod-1"
    assert (seen["kind"], seen["status"], seen["reasons"]) == ("repair", "SUCCEEDED", [why])
    events = settled.tables.events_of("Shop", repair.id)
    outcomes = [event.outcome for event in events]
    assert outcomes == ["DRIFT", "SUCCEEDED", "SUCCEEDED", "SUCCEEDED"]
    assert (events[0].reason, events[0].caller) == (why, CALLER)
    settled.clock.pass_(minutes=10)
    assert api.drift_check() == 0
    assert (
        api.swap(version="1.0").body["message"] == "1.0 is already live; the swap changed nothing"
    )


def test_a_listener_with_a_foreign_target_is_recorded_once(settled: FakeCloud, api: Client) -> None:
    _listen(settled, "production", "dev")
    settled.wire.watchers.clear()
    assert api.drift_check() == 1
    note = _row(settled, Environment.PROD_GREEN).drift
    assert note is not None
    assert "does not forward to exactly one of the slots" in note
    settled.clock.pass_(minutes=10)
    assert api.drift_check() == 0
    (repair,) = _repairs(settled)
    assert (repair.status, repair.progress[0].reason) == ("FAILED", note)
    _listen(settled, "production", "prod-1")
    assert api.drift_check() == 1
    assert _row(settled, Environment.PROD_GREEN).drift is None
    assert _repairs(settled)[-1].reasons == ("PROD-GREEN: the drift has ended",)


def test_a_deleted_listener_is_recorded(settled: FakeCloud, api: Client) -> None:
    estate, listeners = settled.stacks.estate, settled.load_balancer.listeners
    taken = listeners.pop(estate.listener("Shop", "test"))
    assert api.drift_check() == 1
    assert _row(settled, Environment.PROD_BLUE).drift == (
        "the test listener does not exist: delete the application and create it again"
    )
    listeners[estate.listener("Shop", "test")] = taken


def test_a_swap_corrects_a_moved_test_listener(settled: FakeCloud, api: Client) -> None:
    _listen(settled, "test", "prod-1")
    assert api.drift_check() == 1
    note = _row(settled, Environment.PROD_BLUE).drift
    assert note == "the test listener does not forward to prod-2: the next swap corrects it"
    assert api.swap().status == 200
    settled.clock.pass_(minutes=10)
    assert api.drift_check() == 1
    assert _row(settled, Environment.PROD_BLUE).drift is None


@pytest.mark.parametrize(
    ("image", "version"),
    [
        (f"{REGISTRY}/shop:7", "7"),
        (f"{REGISTRY}/shop@sha256:{'a' * 64}", "a" * 12),
        (f"{REGISTRY}/shop", "latest"),
    ],
)
def test_a_row_follows_the_image_of_its_service(
    settled: FakeCloud, api: Client, image: str, version: str
) -> None:
    ours = _service(settled, Environment.DEV).task_definition
    definition = _by_hand(settled, Environment.DEV, image)
    assert api.drift_check() == 1
    service = _service(settled, Environment.DEV)
    assert (service.task_definition, service.image) == (definition, image)
    assert (service.version, service.deployed_by) == (version, None)
    assert _repairs(settled)[-1].reasons == (
        f"DEV runs {version} ({image}); the inventory had 1.0",
    )
    api.finished(api.deploy("1.1", "dev"))
    assert not settled.containers.task_definitions[ours].active
    assert settled.containers.task_definitions[definition].active, (
        "a foreign task definition stays registered"
    )


def test_a_digest_receives_the_version_of_another_row(settled: FakeCloud, api: Client) -> None:
    digest = _service(settled, Environment.DEV).digest
    _by_hand(settled, Environment.QA, f"{REGISTRY}/shop@{digest}")
    assert api.drift_check() == 1
    assert _service(settled, Environment.QA).version == "1.0"


def test_a_rollout_in_progress_is_not_checked(settled: FakeCloud, api: Client) -> None:
    settled.containers.automatic = False
    initial = next(iter(settled.containers.task_definitions))
    settled.containers.service("Shop", "dev").deploy(initial, settled.clock.now())
    assert api.drift_check() == 0
    settled.containers.service("Shop", "dev").complete(settled.clock.now())
    assert api.drift_check() == 1


def test_a_deleted_service_is_recorded(settled: FakeCloud, api: Client) -> None:
    settled.containers.service("Shop", "qa").active = False
    assert api.drift_check() == 1
    assert _row(settled, Environment.QA).drift == (
        "the ECS service does not exist: delete the application and create it again"
    )


def test_a_deleted_stack_is_recorded(settled: FakeCloud, api: Client) -> None:
    stack = settled.stacks.named("Shop")
    assert stack is not None
    settled.stacks.estate.tear_down("Shop")
    stack.status = "DELETE_COMPLETE"
    assert api.wake(stack_status("Shop", "DELETE_COMPLETE")) == 1
    rows = settled.tables.inventory_of("Shop").rows.values()
    assert {row.status for row in rows} == {RowStatus.STACK_DELETED}
    refused = api.deploy("1.1", "dev")
    assert (refused.status, refused.body["code"]) == (409, "NOT_DEPLOYABLE")
    assert refused.body["errorMessage"] == (
        "DEV of Shop is STACK_DELETED: delete the application, then create it again"
    )
    assert api.finished(api.delete()).operation["status"] == "SUCCEEDED"
    assert settled.tables.rows == {}


def test_a_stack_in_deletion_is_not_checked(settled: FakeCloud, api: Client) -> None:
    stack = settled.stacks.named("Shop")
    assert stack is not None
    stack.status, stack.left = "DELETE_IN_PROGRESS", None
    assert api.drift_check() == 0
    stack.status = "CREATE_COMPLETE"


@pytest.mark.parametrize("recorded", [True, False], ids=["ended", "not on record"])
def test_the_claim_of_an_ended_operation_is_released(
    settled: FakeCloud, api: Client, recorded: bool
) -> None:
    row = _row(settled, Environment.QA)
    over = row.operation if recorded else "01JN8F1ST00000000000000ZZZ"
    settled.wire.watchers.clear()
    settled.tables.rows["Shop", Environment.QA] = replace(row, claim=over)
    assert api.deploy("1.1", "qa").status == 409
    assert api.drift_check() == 1
    assert _repairs(settled)[-1].reasons == (f"QA was held by operation {over}, which has ended",)
    assert api.deploy("1.1", "qa").status == 202


@pytest.mark.parametrize("recorded", [True, False], ids=["ended", "not on record"])
def test_the_claim_of_the_specification_of_an_ended_operation_is_released(
    settled: FakeCloud, api: Client, recorded: bool
) -> None:
    row, tables = _row(settled, Environment.QA), settled.tables
    over = row.operation if recorded else "01JN8F1ST00000000000000ZZZ"
    settled.wire.watchers.clear()
    tables.records["Shop"] = tables.records["Shop"]._replace(claim=over)
    change = {"service": {"environment": {"LEVEL": "debug"}}}
    assert api.patch(change).status == 409
    assert api.drift_check() == 1
    assert _repairs(settled)[-1].reasons == (
        f"the specification was held by operation {over}, which has ended",
    )
    assert tables.records["Shop"].claim is None
    assert api.patch(change).status == 202


def test_an_application_with_an_open_operation_is_not_checked(
    settled: FakeCloud, api: Client
) -> None:
    settled.containers.automatic = False
    api.deploy("1.1", "dev")
    settled.clock.pass_(minutes=10)
    settled.containers.service("Shop", "qa").active = False
    assert api.drift_check() == 0
    settled.containers.service("Shop", "qa").active = True


def test_a_recently_changed_application_is_not_checked(shop: FakeCloud, api: Client) -> None:
    api.finished(api.deploy("1.0", "dev"))
    shop.containers.service("Shop", "qa").active = False
    assert api.drift_check() == 0
    shop.clock.pass_(minutes=2)
    assert api.drift_check() == 1


def test_a_repair_does_not_overwrite_a_concurrent_change(settled: FakeCloud, api: Client) -> None:
    settled.containers.service("Shop", "qa").active = False
    settled.wire.on("tables.correct", lambda: api.deploy("1.1", "qa"))
    assert api.drift_check() == 0
    assert _repairs(settled) == []


def test_an_error_in_one_application_does_not_affect_the_others(
    settled: FakeCloud, api: Client
) -> None:
    api.finished(api.create("Other"))
    settled.clock.pass_(minutes=10)
    for name in ("Other", "Shop"):
        settled.containers.service(name, "dev").active = False
    settled.wire.fail("stacks.describe", ThrottledError("AWS throttles"), times=1)
    assert api.drift_check() == 1
    assert "check failed" in [line for line, _ in settled.lines]
    settled.lines.clear()


def test_applications_are_checked_in_turn(settled: FakeCloud, api: Client) -> None:
    for name in ("Other", "Third"):
        api.finished(api.create(name))
    turns = [settled.tables.applications(2) for _ in range(3)]
    assert turns == [["Other", "Shop"], ["Third"], ["Other", "Shop"]]


@pytest.mark.parametrize("role", PRODUCTION)
def test_a_removed_row_does_not_prevent_other_checks(
    settled: FakeCloud, api: Client, role: Environment
) -> None:
    removed = settled.tables.rows.pop(("Shop", role))
    settled.containers.service("Shop", "qa").active = False
    assert api.drift_check() == 1
    assert _row(settled, Environment.QA).drift is not None
    settled.tables.rows["Shop", role] = removed
