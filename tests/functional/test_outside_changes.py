"""Changes of a task definition that another tool deployed shortly before a deploy or a promote."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest

from devops_core.errors import ThrottledError
from devops_core.model.inventory import Service
from devops_core.naming import Environment
from tests.functional.test_progressive_swap import CANARY, hold_end, minutes, weight
from tests.lab.client import Client
from tests.lab.dry import DryClient, plan
from tests.lab.fakes import ACCOUNT, Crash, FakeCloud
from tests.lab.fakes.cloud import REGISTRY
from tests.lab.fakes.task_service import HANG

SIDECAR = {"name": "proxy", "image": "example.org/proxy:1", "essential": False}
KEPT = (
    "keeps changes made outside of this service: containerDefinitions.app.environment.LEVEL,"
    " containerDefinitions.proxy, cpu, memory"
)


def _service(cloud: FakeCloud, environment: Environment) -> Service:
    service = cloud.tables.inventory_of("Shop").service(environment)
    assert service
    return service


def _running(cloud: FakeCloud, name: str) -> Mapping[str, Any]:
    return cloud.containers.running("Shop", name).request


def _by_hand(
    cloud: FakeCloud, name: str = "dev", *, complete: bool = True, **container: Any
) -> str:
    """Deploy a task definition with another size, a variable and a sidecar; return its ARN."""
    running = _running(cloud, name)
    app, *_ = running["containerDefinitions"]
    variables = [*app.get("environment", ()), {"name": "LEVEL", "value": "debug"}]
    own = {**app, "environment": variables, **container}
    changed = {**running, "cpu": "1024", "memory": "2048", "containerDefinitions": [own, SIDECAR]}
    definition = cloud.containers.add({**changed, "tags": []})
    service = cloud.containers.service("Shop", name)
    service.deploy(definition, cloud.clock.now())
    if complete:
        service.complete(cloud.clock.now())
    return definition


def _assert_kept(cloud: FakeCloud, name: str) -> None:
    running = _running(cloud, name)
    app, sidecar = running["containerDefinitions"]
    assert (running["cpu"], running["memory"], sidecar) == ("1024", "2048", SIDECAR)
    assert {"name": "LEVEL", "value": "debug"} in app["environment"]


@pytest.mark.parametrize("complete", [True, False], ids=["complete", "in progress"])
def test_a_deploy_keeps_the_changes_and_reports_them(
    promoted: FakeCloud, api: Client, dry: DryClient, complete: bool
) -> None:
    _by_hand(promoted, complete=complete)
    planned = plan(dry.deploy("1.1", "dev"))
    accepted = api.deploy("1.1", "dev")
    ended = api.finished(accepted)
    warning = f"DEV: {KEPT}"
    assert planned["warnings"] == [warning]
    (environment,) = planned["environments"]
    fields = [change["field"] for change in environment["taskDefinition"]]
    assert fields == ["containerDefinitions.app.image"]
    assert accepted.operation["warnings"] == ended.operation["warnings"] == [warning]
    event, *_ = promoted.tables.events_of("Shop", accepted.id)
    assert (event.outcome, event.reason) == ("ACCEPTED", warning)
    _assert_kept(promoted, "dev")
    digest = promoted.images.pushed["shop", "1.1"]
    assert promoted.containers.running("Shop", "dev").image == f"{REGISTRY}/shop@{digest}"


def test_the_next_deploy_keeps_the_changes_without_a_warning(
    promoted: FakeCloud, api: Client
) -> None:
    _by_hand(promoted)
    api.finished(api.deploy("1.1", "dev"))
    start = len(promoted.wire.journal)
    again = api.finished(api.deploy("1.2", "dev"))
    assert "warnings" not in again.operation
    assert "containers.blueprint" not in promoted.wire.names(start)
    _assert_kept(promoted, "dev")


def test_a_promote_keeps_the_changes_of_the_idle_slot(
    promoted: FakeCloud, api: Client, dry: DryClient
) -> None:
    _by_hand(promoted, "prod-2")
    _by_hand(promoted, "prod-1")
    api.finished(api.deploy("1.1", "dev"))
    warning = f"PROD-BLUE: {KEPT}"
    assert plan(dry.promote())["warnings"] == [warning]
    ended = api.finished(api.promote())
    assert ended.operation["warnings"] == [warning]
    _assert_kept(promoted, "prod-2")
    promoted.clock.pass_(minutes=10)
    assert api.drift_check() == 1


def test_an_image_that_no_request_can_name_is_not_promoted(
    promoted: FakeCloud, api: Client, dry: DryClient
) -> None:
    _by_hand(promoted, image="GHCR.io/shop:7")
    promoted.clock.pass_(minutes=10)
    assert api.drift_check() == 1
    for client in (api, dry):
        reply = client.promote()
        assert (reply.status, reply.body["code"]) == (409, "NOT_DEPLOYABLE")
        assert reply.body["errorMessage"] == (
            "DEV of Shop runs GHCR.io/shop:7, which is not a valid image reference:"
            " deploy a version to it first"
        )
    api.finished(api.deploy("1.1", "dev"))
    assert api.finished(api.promote()).environments["PROD-BLUE"]["version"] == "1.1"


def test_a_manual_image_does_not_survive(promoted: FakeCloud, api: Client) -> None:
    image = "example.org/other:7"
    _by_hand(promoted, image=image)
    ended = api.finished(api.deploy("1.1", "dev"))
    assert ended.environments["DEV"]["previousVersion"] == "7"
    replaced = f"DEV: replaces {image}, which was deployed outside of this service"
    assert ended.operation["warnings"] == [f"DEV: {KEPT}", replaced]
    digest = promoted.images.pushed["shop", "1.1"]
    assert promoted.containers.running("Shop", "dev").image == f"{REGISTRY}/shop@{digest}"
    _assert_kept(promoted, "dev")


def test_the_version_that_runs_with_changes_receives_the_specification_again(
    promoted: FakeCloud, api: Client
) -> None:
    definition = _by_hand(promoted)
    again = api.finished(api.deploy("1.0", "dev"))
    assert again.operation["warnings"] == [f"DEV: {KEPT}"]
    assert promoted.containers.running("Shop", "dev").arn != definition
    _assert_kept(promoted, "dev")


def test_a_failed_rollout_returns_to_the_changed_task_definition(
    promoted: FakeCloud, api: Client
) -> None:
    definition = _by_hand(promoted)
    promoted.push("slow", HANG)
    running = api.deploy("slow", "dev")
    api.finished(api.abort(running.id))
    assert promoted.containers.running("Shop", "dev").arn == definition
    service = _service(promoted, Environment.DEV)
    assert (service.task_definition, service.version) == (definition, "1.0")
    promoted.clock.pass_(minutes=10)
    assert api.drift_check() == 0


@pytest.mark.parametrize(
    "call",
    ["tables.claim", "containers.register", "containers.update", "tables.save", "tables.close"],
)
@pytest.mark.parametrize("lost", [False, True], ids=["before", "after"])
def test_the_next_worker_keeps_the_changes(
    promoted: FakeCloud, api: Client, call: str, lost: bool
) -> None:
    _by_hand(promoted)
    promoted.wire.fail(call, Crash(), times=1, lost=lost)
    key = {"Idempotency-Key": "k"}
    try:
        api.deploy("1.1", "dev", headers=key)
        api.settle()
    except Crash:
        promoted.clock.wait(70)
    api.deploy("1.1", "dev", headers=key)
    api.settle()
    _assert_kept(promoted, "dev")
    assert _service(promoted, Environment.DEV).version == "1.1"


def test_only_ten_fields_are_listed(promoted: FakeCloud, api: Client) -> None:
    variables = [{"name": f"V{number:02}", "value": "1"} for number in range(12)]
    _by_hand(promoted, environment=variables)
    (warning,) = api.deploy("1.1", "dev").operation["warnings"]
    assert warning.endswith("environment.V07 and 7 more")


def test_an_old_response_of_ecs_is_not_a_change(promoted: FakeCloud, api: Client) -> None:
    """The service shows the deployment that the last deploy has replaced."""
    service = promoted.containers.service("Shop", "dev")
    before = deepcopy(service.deployments)
    api.finished(api.deploy("1.1", "dev"))
    after, service.deployments = service.deployments, before
    accepted = api.deploy("1.2", "dev")
    service.deployments = after
    assert "warnings" not in accepted.operation
    part = promoted.tables.operations["Shop", accepted.id].progress[0]
    assert part.previous_version == "1.1"


def test_an_unreadable_task_definition_refuses_the_deploy(promoted: FakeCloud, api: Client) -> None:
    _by_hand(promoted)
    promoted.wire.fail("containers.blueprint", ThrottledError("AWS throttles"), times=1)
    assert api.deploy("1.1", "dev").status == 503
    assert promoted.tables.in_progress() == []
    api.finished(api.deploy("1.1", "dev"))
    _assert_kept(promoted, "dev")


def test_another_family_is_not_used(promoted: FakeCloud, api: Client) -> None:
    running = _running(promoted, "dev")
    other = promoted.containers.add({**running, "family": "Other", "memory": "2048", "tags": []})
    service = promoted.containers.service("Shop", "dev")
    service.deploy(other, promoted.clock.now())
    service.complete(promoted.clock.now())
    api.finished(api.deploy("1.1", "dev"))
    definition = promoted.containers.running("Shop", "dev")
    assert (definition.family, definition.request["memory"]) == ("Shop-dev", "2048")


@pytest.mark.parametrize("member", ["taskRoleArn", "executionRoleArn"])
@pytest.mark.parametrize("corrected", [False, True], ids=["at once", "after the drift check"])
def test_a_role_that_the_service_cannot_pass_refuses_a_rollout(
    promoted: FakeCloud, api: Client, dry: DryClient, member: str, *, corrected: bool
) -> None:
    """AWS would deny the rollout, and also the return to the task definition with this role."""
    role = f"arn:aws:iam::{ACCOUNT}:role/manual"
    for name in ("dev", "prod-2"):
        changed = {**_running(promoted, name), member: role, "tags": []}
        service = promoted.containers.service("Shop", name)
        service.deploy(promoted.containers.add(changed), promoted.clock.now())
        service.complete(promoted.clock.now())
    promoted.clock.pass_(minutes=10)
    if corrected:
        assert api.drift_check() == 1
    refusal = "runs a task definition with iam role/manual, which this service cannot pass to tasks"
    for call in (api.deploy, dry.deploy):
        refused = call("1.1", "dev")
        assert (refused.status, refused.body["code"]) == (409, "NOT_DEPLOYABLE")
        assert f"DEV {refusal}" in refused.body["errorMessage"]
    assert f"PROD-BLUE {refusal}" in api.promote().body["errorMessage"]
    assert promoted.tables.in_progress() == []
    api.drift_check()


def test_a_role_of_the_application_is_kept(promoted: FakeCloud, api: Client) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/devops-ecs/Shop-tasks"
    definition = promoted.containers.add(
        {**_running(promoted, "dev"), "taskRoleArn": role, "tags": []}
    )
    service = promoted.containers.service("Shop", "dev")
    service.deploy(definition, promoted.clock.now())
    service.complete(promoted.clock.now())
    ended = api.finished(api.deploy("1.1", "dev"))
    kept = "DEV: keeps changes made outside of this service: taskRoleArn"
    assert ended.operation["warnings"] == [kept]
    assert _running(promoted, "dev")["taskRoleArn"] == role


def test_the_container_behind_the_load_balancer_can_change(
    promoted: FakeCloud, api: Client
) -> None:
    """UpdateService changes the load balancer entry of a service too (ECS API)."""
    running = _running(promoted, "dev")
    (app,) = running["containerDefinitions"]
    proxy = {**app, "name": "web", "image": f"{REGISTRY}/shop:1.0"}
    changed = {**running, "containerDefinitions": [app, proxy], "tags": []}
    service = promoted.containers.service("Shop", "dev")
    service.container = "web"
    service.deploy(promoted.containers.add(changed), promoted.clock.now())
    service.complete(promoted.clock.now())
    api.finished(api.deploy("1.1", "dev"))
    containers = {
        each["name"]: each["image"] for each in _running(promoted, "dev")["containerDefinitions"]
    }
    digest = promoted.images.pushed["shop", "1.1"]
    assert containers == {"app": app["image"], "web": f"{REGISTRY}/shop@{digest}"}
    assert _service(promoted, Environment.DEV).container == "web"


REPLACED = (
    "the slot prod-2 runs another task definition than its inventory row names: promote the release"
    " again, or wait for the next drift check"
)


def test_a_swap_does_not_start_with_another_release_than_the_recorded_one(
    promoted: FakeCloud, api: Client, dry: DryClient
) -> None:
    _by_hand(promoted, "prod-2")
    for client in (api, dry):
        refused = client.swap(version="1.0")
        assert (refused.status, refused.body["code"]) == (409, "NOT_READY")
        assert refused.body["reasons"] == [REPLACED]
    promoted.clock.pass_(minutes=10)
    assert api.drift_check() == 1
    # The drift check has recorded the release of the other tool, with its image.
    assert api.swap().status == 200


@pytest.mark.parametrize("action", ["continue", "finish"])
def test_customers_do_not_receive_a_release_that_another_tool_deployed_before_the_approval(
    promoted: FakeCloud, api: Client, action: str
) -> None:
    swapping = api.swap(version="1.0", approval={"before": "shift"})
    _by_hand(promoted, "prod-2", image="example.org/other:1")
    api.advance(swapping.id, action)
    operation = api.status(swapping.id).operation
    assert (operation["status"], operation["waitingFor"]) == ("IN_PROGRESS", REPLACED)
    assert promoted.live("Shop") == "prod-1"
    minutes(api, 15)
    ended = hold_end(promoted, api, swapping, "FAILED", "prod-1")
    assert REPLACED in ended["reasons"]
    promoted.clock.pass_(minutes=10)
    api.drift_check()


def test_a_swap_continues_when_the_other_tool_restores_the_release(
    promoted: FakeCloud, api: Client
) -> None:
    swapping = api.swap(version="1.0", approval={"before": "shift"})
    approved = _service(promoted, Environment.PROD_BLUE).task_definition
    _by_hand(promoted, "prod-2")
    api.advance(swapping.id, "continue")
    assert promoted.live("Shop") == "prod-1"
    service = promoted.containers.service("Shop", "prod-2")
    service.deploy(approved, promoted.clock.now())
    service.complete(promoted.clock.now())
    minutes(api, 1)
    hold_end(promoted, api, swapping, "SUCCEEDED", "prod-2")


@pytest.mark.parametrize("policy", [CANARY, {"bakeMinutes": 10}], ids=["split", "bake"])
def test_customers_return_from_a_release_that_another_tool_deployed(
    promoted: FakeCloud, api: Client, policy: dict[str, Any]
) -> None:
    swapping = api.swap(**policy)
    assert weight(promoted) > 0
    _by_hand(promoted, "prod-2")
    minutes(api, 1)
    ended = hold_end(promoted, api, swapping, "FAILED", "prod-1")
    assert ended["reasons"] == [REPLACED]
    promoted.clock.pass_(minutes=10)
    api.drift_check()
