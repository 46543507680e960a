"""Create and delete over real HTTP, and the schedule that ends unread operations."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.lab.laptop.api import Api, create_body, until, until_ended
from tests.lab.templates import APPLICATION
from tests.proofs.laptop.conftest import LEFT_ALONE

INVENTORY = (
    "ECS_Inventory_NonProduction", "ECS_Inventory_Production", "ECS_Inventory_TrainingDA",
)  # fmt: skip
ORIGINAL = APPLICATION.read_text()
BUCKET, KEY = "ecs-cf-bucket-000000000000-eu-west-1", "application.yml"


def _rows(api: Api, application: str) -> list[dict[str, Any]]:
    rows = [row for table in INVENTORY for row in api.items(table)]
    return [row for row in rows if row["applicationName"]["S"] == application]


def _stack(api: Api, name: str) -> dict[str, Any] | None:
    stacks = api.client("cloudformation").describe_stacks()["Stacks"]
    return next((stack for stack in stacks if stack["StackName"] == name), None)


@pytest.fixture
def template(api: Api) -> Iterator[Any]:
    """A function that replaces the application template; the original is restored afterwards."""
    s3 = api.client("s3")
    original = s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read()
    yield lambda content: s3.put_object(Bucket=BUCKET, Key=KEY, Body=content)
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=original)


def test_an_existing_application_is_not_created_again(api: Api) -> None:
    for name in (LEFT_ALONE, LEFT_ALONE.upper()):
        answer = api.post("/stacks", create_body(name))
        assert (answer.status, answer.body["code"]) == (409, "ALREADY_EXISTS")
        assert LEFT_ALONE in answer.body["errorMessage"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param("Resources: [not: closed", "template", id="not YAML"),
        pytest.param("Resources: {}", "", id="no resources"),
        pytest.param(
            "Resources: {Topic: {Type: 'AWS::SNS::Topic'}}", "output", id="without the outputs"
        ),
    ],
)
def test_an_invalid_template_fails_the_operation_and_leaves_no_resources(
    api: Api, template: Any, content: str, reason: str
) -> None:
    template(content)
    answer = until_ended(partial(api.post, "/stacks", create_body("Broken")))
    assert (answer.status, answer.body["code"]) == (424, "OPERATION_FAILED"), answer.body
    assert answer.operation["reasons"]
    assert reason in answer.body["errorMessage"].lower()
    assert _rows(api, "Broken") == []
    assert _stack(api, "Broken") is None


def test_a_missing_template_fails_the_operation_and_health(api: Api, template: Any) -> None:
    template("to be deleted")
    api.client("s3").delete_object(Bucket=BUCKET, Key=KEY)
    answer = api.post("/stacks", create_body("Broken"))
    assert (answer.status, answer.body["code"]) == (424, "OPERATION_FAILED")
    assert "template" in answer.body["errorMessage"]
    assert _rows(api, "Broken") == []
    health = api.call("GET", "/health")
    assert (health.status, list(health.body["failing"])) == (503, ["template"])


def test_a_foreign_stack_with_the_name_is_unchanged(api: Api) -> None:
    body = "Resources: {Topic: {Type: 'AWS::SNS::Topic'}}"
    stacks = api.client("cloudformation")
    stacks.create_stack(StackName="Foreign", TemplateBody=body)
    answer = until_ended(partial(api.post, "/stacks", create_body("Foreign")))
    assert answer.status == 424
    assert "exists" in answer.body["errorMessage"]
    assert _rows(api, "Foreign") == []
    foreign = _stack(api, "Foreign")
    assert foreign is not None
    assert foreign["StackStatus"] == "CREATE_COMPLETE"
    stacks.delete_stack(StackName="Foreign")


def test_a_create_whose_service_does_not_start_is_undone(api: Api) -> None:
    """The secret does not exist, so that no task with it can start."""
    missing = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:missing-AbCdEf"
    body = create_body("Unwell", service={"secrets": {"PASSWORD": missing}})
    operation = api.wait_for_end(api.post("/stacks", body))
    assert operation["status"] == "FAILED"
    assert "secret" in operation["reasons"][0]
    assert _rows(api, "Unwell") == []
    assert _stack(api, "Unwell") is None


def test_a_stack_whose_outputs_violate_the_contract_is_undone(api: Api, template: Any) -> None:
    template(ORIGINAL.replace("    Value: !Ref TestListener", "    Value: !Ref ProductionListener"))
    operation = api.wait_for_end(api.post("/stacks", create_body("Unfit")))
    assert operation["status"] == "FAILED"
    assert operation["reasons"] == [
        "the application template cannot be used: TestListenerArn must differ from"
        " ProductionListenerArn"
    ]
    assert _rows(api, "Unfit") == []
    assert _stack(api, "Unfit") is None


def test_a_deploy_leaves_a_log_router_that_stands_first(api: Api, template: Any) -> None:
    app = "            - Name: app\n              Image: !Ref Image\n"
    assert app in ORIGINAL
    router = "            - Name: log-router\n              Image: !Ref Image\n"
    template(ORIGINAL.replace(app, router + app))
    api.succeed(api.post("/stacks", create_body("Routed")))
    api.push("Routed", "1.0")
    body = {"applicationName": "Routed", "environment": ["dev"], "version": "1.0"}
    api.succeed(api.post("/stacks/deploy", body))
    ecs = api.client("ecs")
    (service,) = ecs.describe_services(cluster="Routed", services=["dev"])["services"]
    found = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])
    first, second = found["taskDefinition"]["containerDefinitions"]
    assert (first["name"], second["name"]) == ("log-router", "app")
    assert "@sha256:" not in first["image"]
    assert "@sha256:" in second["image"]
    api.succeed(api.call("DELETE", "/stacks", {"stack": "Routed"}))


def test_the_schedule_ends_an_operation_that_callers_do_not_read(api: Api) -> None:
    assert until(lambda: {row["status"]["S"] for row in _rows(api, LEFT_ALONE)} == {"ACTIVE"})
    entries = [
        item
        for item in api.items("DevOpsLogsTable")
        if item["applicationName"]["S"] == LEFT_ALONE
        if item["entry"]["S"].startswith("EVENT#") and item["entry"]["S"].endswith("#END")
    ]
    assert [entry["outcome"]["S"] for entry in entries] == ["SUCCEEDED"]
    assert all("claim" not in row for row in _rows(api, LEFT_ALONE))
