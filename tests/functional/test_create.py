"""POST /stacks."""

import pytest

from devops_core.errors import RefusedError, UnreachableError
from devops_core.model.inventory import RowStatus
from devops_core.naming import Environment
from tests.lab.client import Client
from tests.lab.fakes import ACCOUNT, FakeCloud
from tests.lab.fakes.task_service import CRASH, FakeService

SECRET = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:shop/db-AbCdEf"


def _gone(cloud: FakeCloud) -> bool:
    return not cloud.tables.rows and cloud.stacks.named("Shop") is None


def test_the_response_repeats_the_request(cloud: FakeCloud, api: Client) -> None:
    reply = api.create(environments={"nonProd": ["qa", "dev"], "da": True})
    assert reply.status == 202
    del reply.body["operation"]
    assert reply.body == {
        "application": "Shop",
        "ecrName": "shop",
        "technicalTeam": "payments",
        "email": "team@example.com",
        "environmentType": [
            {"DEV": "YES"}, {"QA": "YES"}, {"STAGE": "NO"}, {"TRAINING": "NO"}, {"DA": "YES"},
        ],
    }  # fmt: skip
    stack = cloud.stacks.named("Shop")
    assert stack is not None
    assert stack.parameters["Environments"] == "dev,qa,da"


def test_a_create_without_environments_creates_dev(cloud: FakeCloud, api: Client) -> None:
    reply = api.create()
    assert reply.body["environmentType"][0] == {"DEV": "YES"}
    assert list(cloud.tables.inventory_of("Shop").rows) == [
        Environment.DEV, Environment.PROD_BLUE, Environment.PROD_GREEN,
    ]  # fmt: skip


def test_rows_are_complete_after_the_stack(cloud: FakeCloud, api: Client) -> None:
    done = api.finished(api.create(tags={"technicalTeam": "payments", "cost": "42"}))
    assert done.operation["status"] == "SUCCEEDED"
    rows = cloud.tables.inventory_of("Shop").rows
    assert {row.status for row in rows.values()} == {RowStatus.ACTIVE}
    green, blue, dev = (
        rows[name] for name in (Environment.PROD_GREEN, Environment.PROD_BLUE, Environment.DEV)
    )
    assert green.service
    assert blue.service
    assert dev.service
    assert (green.service.name, blue.service.name) == ("prod-1", "prod-2")
    assert (green.service.was_live, blue.service.was_live) == (True, False)
    assert blue.url == f"{green.url}:8080"
    assert dev.url == done.environments["DEV"]["url"]
    assert dev.service.image == cloud.settings.initial_image
    assert dev.application.tags == {"technicalTeam": "payments", "cost": "42"}


def test_the_stack_has_the_tags_and_the_id_of_the_operation(cloud: FakeCloud, api: Client) -> None:
    reply = api.create(tags={"technicalTeam": "payments", "cost": "42"})
    stack = cloud.stacks.named("Shop")
    assert stack is not None
    assert stack.tags == {"technicalTeam": "payments", "cost": "42", "devops:operation": reply.id}
    assert stack.token == reply.id


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Shop", "the application Shop already exists: choose another name"),
        ("SHOP", "the application Shop already exists, and SHOP differs from it only in"),
    ],
)
def test_a_name_is_unique_without_regard_to_case(
    shop: FakeCloud, api: Client, name: str, message: str
) -> None:
    reply = api.create(name)
    assert (reply.status, reply.body["code"]) == (409, "ALREADY_EXISTS")
    assert reply.body["errorMessage"].startswith(message)
    assert len({application for application, _ in shop.tables.rows}) == 1


def test_a_refused_create_names_the_operation_that_creates_the_application(
    cloud: FakeCloud, api: Client
) -> None:
    cloud.stacks.pace = None
    first = api.create()
    second = api.create()
    assert (second.status, second.body["code"]) == (409, "ALREADY_EXISTS")
    assert second.operation == {
        "id": first.id, "applicationName": "Shop", "url": first.operation["url"],
    }  # fmt: skip
    cloud.stacks.finish("Shop")


def test_a_failed_resource_rolls_the_create_back(cloud: FakeCloud, api: Client) -> None:
    cloud.stacks.create_failures = (
        "devService (AWS::ECS::Service): ECS Deployment Circuit Breaker was triggered",
        "qaService (AWS::ECS::Service): Resource limit exceeded",
    )
    failed = api.finished(api.create(environments={"nonProd": ["dev", "qa"]}))
    assert failed.operation["status"] == "FAILED"
    assert failed.operation["reasons"] == list(cloud.stacks.create_failures)
    assert failed.environments["DEV"]["status"] == "FAILED"
    assert _gone(cloud)
    outcomes = [event.outcome for event in cloud.tables.events_of("Shop", failed.id)]
    assert outcomes[:2] == ["ACCEPTED", "ROLLING_BACK"]


def test_a_create_names_the_reasons_of_a_completed_rollback(cloud: FakeCloud, api: Client) -> None:
    cloud.stacks.create_failures = ("devService (AWS::ECS::Service): Resource limit exceeded",)
    cloud.stacks.pace = None
    reply = api.create()
    for _ in ("create", "roll back"):
        cloud.stacks.finish("Shop")
    undone = api.status(reply.id).operation
    assert undone["reasons"] == list(cloud.stacks.create_failures)
    cloud.stacks.finish("Shop")
    assert api.finished(reply).operation["status"] == "FAILED"


def test_after_a_failure_the_name_is_free_again(cloud: FakeCloud, api: Client) -> None:
    cloud.stacks.create_failures = ("Repository (AWS::ECR::Repository): exists already",)
    api.finished(api.create())
    cloud.stacks.create_failures = ()
    assert api.finished(api.create()).operation["status"] == "SUCCEEDED"


def test_a_create_does_not_change_a_foreign_stack_of_the_same_name(
    cloud: FakeCloud, api: Client
) -> None:
    foreign = cloud.stacks.add_foreign("Shop")
    reply = api.create()
    assert reply.status == 424
    assert reply.operation["reasons"] == ["a stack of this name exists: choose another name"]
    assert foreign.status == "CREATE_COMPLETE"
    assert cloud.tables.rows == {}
    assert cloud.wire.count("stacks.delete") == 0


def test_a_create_does_not_change_a_foreign_stack_that_was_faster(
    cloud: FakeCloud, api: Client
) -> None:
    cloud.wire.fail("stacks.create", UnreachableError("no answer"), times=1)
    reply = api.create()
    foreign = cloud.stacks.add_foreign("Shop")
    assert api.finished(reply).operation["reasons"] == [
        "another stack has the name of the application: choose another name"
    ]
    assert foreign.status == "CREATE_COMPLETE"


def test_a_create_finds_its_stack_after_a_lost_response(cloud: FakeCloud, api: Client) -> None:
    cloud.wire.fail("stacks.create", UnreachableError("no answer"), times=1, lost=True)
    assert api.finished(api.create()).operation["status"] == "SUCCEEDED"
    assert cloud.wire.count("stacks.create") == 1


def test_a_stack_without_required_outputs_is_deleted(cloud: FakeCloud, api: Client) -> None:
    cloud.stacks.without_outputs = {"devServiceArn", "TestListenerArn"}
    failed = api.finished(api.create())
    assert failed.operation["reasons"] == [
        "the application template lacks the outputs TestListenerArn, devServiceArn"
    ]
    assert _gone(cloud)


def test_services_receive_variables_secrets_and_size_after_the_stack(
    cloud: FakeCloud, api: Client
) -> None:
    service = {"environment": {"MODE": "fast"}, "secrets": {"DB": SECRET}, "desiredCount": 2}
    done = api.finished(api.create(service=service))
    assert done.operation["status"] == "SUCCEEDED"
    for name in ("dev", "prod-1", "prod-2"):
        container = cloud.containers.running("Shop", name).request["containerDefinitions"][0]
        assert {"name": "MODE", "value": "fast"} in container["environment"]
        assert {"name": "APPLICATION", "value": "Shop"} in container["environment"]
        assert container["secrets"] == [{"name": "DB", "valueFrom": SECRET}]
        assert cloud.containers.service("Shop", name).running == 2
    assert cloud.wire.count("containers.register") == 3


def test_a_deploy_keeps_the_variables(cloud: FakeCloud, api: Client) -> None:
    api.finished(api.create(service={"environment": {"MODE": "fast"}}))
    cloud.push("1.0")
    api.finished(api.deploy("1.0"))
    container = cloud.containers.running("Shop", "dev").request["containerDefinitions"][0]
    assert {"name": "MODE", "value": "fast"} in container["environment"]


def test_a_task_count_needs_no_task_definition(cloud: FakeCloud, api: Client) -> None:
    done = api.finished(api.create(service={"desiredCount": 3}))
    assert done.operation["status"] == "SUCCEEDED"
    assert cloud.containers.service("Shop", "dev").running == 3
    assert cloud.wire.count("containers.register") == 0


def test_a_failed_first_rollout_rolls_the_create_back(cloud: FakeCloud, api: Client) -> None:
    cloud.containers.behaviours[cloud.settings.initial_image] = CRASH
    failed = api.finished(api.create(service={"environment": {"MODE": "fast"}}))
    assert failed.operation["status"] == "FAILED"
    assert "ECS deployment circuit breaker" in failed.operation["reasons"][0]
    assert _gone(cloud)
    assert cloud.containers.tagged(failed.id) == []


def test_an_application_whose_rollback_fails_can_be_deleted(cloud: FakeCloud, api: Client) -> None:
    cloud.stacks.create_failures = ("devService (AWS::ECS::Service): did not stabilize",)
    cloud.stacks.delete_failures = ("Cluster (AWS::ECS::Cluster): has active services",)
    failed = api.finished(api.create())
    assert failed.operation["reasons"] == [
        "devService (AWS::ECS::Service): did not stabilize",
        "the stack was not deleted: Cluster (AWS::ECS::Cluster): has active services",
    ]
    rows = cloud.tables.inventory_of("Shop").rows.values()
    assert {row.status for row in rows} == {RowStatus.DELETE_FAILED}
    refused = api.deploy("1.0")
    assert (refused.status, refused.body["code"]) == (409, "NOT_DEPLOYABLE")
    assert api.create().body["code"] == "ALREADY_EXISTS"

    cloud.stacks.delete_failures = ()
    assert api.finished(api.delete()).operation["status"] == "SUCCEEDED"
    assert _gone(cloud)


def test_a_template_with_the_listener_of_another_application_is_undone(
    cloud: FakeCloud, api: Client
) -> None:
    api.finished(api.create("Other"))
    other = cloud.stacks.named("Other")
    assert other is not None
    foreign = other.outputs["ProductionListenerArn"]
    cloud.stacks.other_outputs = {"ProductionListenerArn": foreign}
    failed = api.finished(api.create())
    assert failed.operation["reasons"] == [
        "the application template cannot be used: ProductionListenerArn must be a listener of the"
        " load balancer Shop-prod"
    ]
    assert cloud.stacks.named("Shop") is None
    assert {row.application.name for row in cloud.tables.rows.values()} == {"Other"}


def test_a_service_without_a_load_balancer_entry_for_its_target_group_is_undone(
    cloud: FakeCloud, api: Client
) -> None:
    group = cloud.stacks.estate.target_group("Shop", "dev")
    cloud.stacks.other_outputs = {"devTargetGroupArn": f"{group}0"}
    failed = api.finished(api.create())
    assert failed.operation["reasons"] == [
        "the application template cannot be used: the service dev has no load balancer entry for"
        " its target group"
    ]
    assert _gone(cloud)


def test_image_and_variables_are_those_of_the_container_behind_the_load_balancer(
    cloud: FakeCloud, api: Client
) -> None:
    router = {"name": "log-router", "image": "fluent-bit:3", "essential": True}
    cloud.stacks.estate.sidecars = [router]
    created = api.finished(api.create(service={"environment": {"MODE": "fast"}}))
    assert created.operation["status"] == "SUCCEEDED"
    row = cloud.tables.inventory_of("Shop").rows[Environment.DEV]
    assert row.service is not None
    assert (row.service.container, row.service.image) == ("app", cloud.settings.initial_image)
    cloud.push("1.0")
    assert api.finished(api.deploy("1.0")).operation["status"] == "SUCCEEDED"
    first, app = cloud.containers.running("Shop", "dev").request["containerDefinitions"]
    assert first == router
    assert "@sha256:" in app["image"]
    assert {"name": "MODE", "value": "fast"} in app["environment"]


def test_a_refused_deletion_during_a_rollback_keeps_the_rows(cloud: FakeCloud, api: Client) -> None:
    cloud.stacks.create_failures = ("devService (AWS::ECS::Service): did not stabilize",)
    cloud.wire.fail("stacks.delete", RefusedError("termination protection is on"))
    failed = api.finished(api.create())
    assert (
        failed.operation["reasons"][-1] == "the stack was not deleted: termination protection is on"
    )
    assert cloud.tables.rows


def test_a_failed_create_names_the_stop_reasons_of_its_tasks(cloud: FakeCloud, api: Client) -> None:
    """ECS reports stop reasons only until the rollback deletes the cluster."""
    broken = "devService (AWS::ECS::Service): ECS Deployment Circuit Breaker was triggered"
    cloud.stacks.create_failures = (broken,)
    service = FakeService("dev", "group", stopped={"first": "exit code 1"})
    cloud.containers.services_["Shop", "dev"] = service
    failed = api.finished(api.create())
    assert failed.operation["reasons"] == [broken, "dev: exit code 1"]


def test_a_create_fails_if_its_stack_is_deleted_by_hand(cloud: FakeCloud, api: Client) -> None:
    cloud.stacks.pace = None
    reply = api.create()
    stack = cloud.stacks.named("Shop")
    assert stack is not None
    stack.status = "DELETE_COMPLETE"
    ended = api.status(reply.id).operation
    assert (ended["status"], ended["reasons"]) == (
        "FAILED", ["the stack ended as DELETE_COMPLETE"],
    )  # fmt: skip
    assert cloud.tables.rows == {}


def test_an_aborted_create_does_not_read_the_resources_of_its_stack(
    cloud: FakeCloud, api: Client
) -> None:
    cloud.stacks.pace = None
    reply = api.create()
    cloud.stacks.finish("Shop")
    assert api.abort(reply.id).status == 202
    stack = cloud.stacks.named("Shop")
    assert stack is not None
    stack.status = "CREATE_COMPLETE"
    start = len(cloud.wire.journal)
    api.status(reply.id)
    assert cloud.wire.names(start) == [
        "tables.operation", "tables.inventory", "stacks.describe", "tables.save",
        "stacks.unprotect", "stacks.delete", "tables.save",
    ]  # fmt: skip
    cloud.stacks.finish("Shop")
    assert api.finished(reply).operation["status"] == "FAILED"
