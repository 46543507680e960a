from __future__ import annotations

import json
from typing import Any

import pytest

from devops_core import render
from devops_core.adapters.ecs import EcsContainers
from devops_core.errors import AccessDeniedError, RefusedError
from devops_core.naming import OPERATION_TAG, Image
from tests.adapters.conftest import Aws
from tests.lab.moto.hooks import refuse, respond

NEW = "arn:task-definition/Shop-dev:2"
UPDATED = {
    "service": {
        "serviceName": "dev",
        "status": "ACTIVE",
        "desiredCount": 2,
        "runningCount": 1,
        "pendingCount": 1,
    }
}


@pytest.fixture
def client(aws: Aws) -> Any:
    return aws.client("ecs")


@pytest.fixture
def containers(client: Any) -> EcsContainers:
    return EcsContainers(client)


def definition(operation: str | None = None, image: str = "nginx:1") -> dict[str, Any]:
    tags = {"technicalTeam": "web"} | ({OPERATION_TAG: operation} if operation else {})
    base = {
        "family": "Shop-dev",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [
            {"name": "app", "image": "nginx:0", "portMappings": [{"containerPort": 80}]}
        ],
    }
    return render.task_definition(base, "app", Image.parse(image), tags)


def test_registered_task_definitions_are_found_while_they_are_active(
    containers: EcsContainers,
) -> None:
    first, retired = containers.register(definition("01")), containers.register(definition("02"))
    containers.register(definition())
    containers.deregister(retired)

    assert containers.registered("Shop-dev") == (first,)
    assert containers.registered("Shop-qa") == ()


def test_a_task_definition_is_found_by_its_operation(containers: EcsContainers) -> None:
    first = containers.register(definition("01"))
    containers.register(definition())

    assert containers.find("Shop-dev", "01") == first
    assert containers.find("Shop-dev", "02") is None
    assert containers.find("Shop-qa", "01") is None


def test_only_the_newest_task_definitions_are_searched(
    containers: EcsContainers, client: Any
) -> None:
    sent = respond(client, "ListTaskDefinitions")

    containers.find("Shop-dev", "01")

    assert b'"sort": "DESC"' in sent[0]["body"]
    assert b'"maxResults": 5' in sent[0]["body"]


def test_a_blueprint_can_be_registered_again(containers: EcsContainers) -> None:
    arn = containers.register(definition())

    blueprint = containers.blueprint(arn)

    assert blueprint["family"] == "Shop-dev"
    assert blueprint["containerDefinitions"][0]["image"] == "nginx:1"
    assert "revision" not in blueprint
    assert containers.register({**blueprint, "tags": [{"key": "a", "value": "b"}]}) != arn


def test_a_deregistered_task_definition_is_not_found(containers: EcsContainers) -> None:
    arn = containers.register(definition("01"))

    containers.deregister(arn)

    assert containers.find("Shop-dev", "01") is None


def test_the_status_of_a_task_definition(containers: EcsContainers) -> None:
    arn = containers.register(definition())
    assert containers.active(arn)

    containers.deregister(arn)
    assert not containers.active(arn)

    with pytest.raises(RefusedError):
        containers.active(f"{arn}0")


def test_a_refusal_of_ecs_has_the_message_of_ecs(containers: EcsContainers, client: Any) -> None:
    refuse(client, "RegisterTaskDefinition", "ClientException", "No Fargate configuration exists")

    with pytest.raises(RefusedError, match="No Fargate configuration exists"):
        containers.register(definition())


def test_a_role_that_cannot_be_passed_is_a_missing_permission(
    containers: EcsContainers, client: Any
) -> None:
    words = "User: me is not authorized to perform: iam:PassRole on resource: a role"
    refuse(client, "RegisterTaskDefinition", "ClientException", words)

    with pytest.raises(AccessDeniedError, match="iam:PassRole"):
        containers.register(definition())


@pytest.fixture
def service(containers: EcsContainers, client: Any) -> str:
    client.create_cluster(clusterName="Shop")
    task_definition = containers.register(definition())
    client.create_service(
        cluster="Shop",
        serviceName="dev",
        taskDefinition=task_definition,
        desiredCount=1,
        launchType="FARGATE",
    )
    return task_definition


def test_services_are_returned_by_name(containers: EcsContainers, service: str) -> None:
    found = containers.services("Shop", iter(["dev", "prod-1"]))

    assert list(found) == ["dev"]
    assert (found["dev"].name, found["dev"].active, found["dev"].desired) == ("dev", True, 1)
    assert found["dev"].primary is not None
    assert found["dev"].primary.task_definition == service


def test_no_names_need_no_call(containers: EcsContainers) -> None:
    assert containers.services("Shop", []) == {}


def test_without_its_cluster_no_service_exists(containers: EcsContainers) -> None:
    assert containers.services("Shop", ["dev"]) == {}


@pytest.mark.parametrize(
    ("task_definition", "count", "desired"), [(True, None, 1), (False, 3, 3), (True, 2, 2)]
)
def test_an_update_changes_the_given_values(
    containers: EcsContainers,
    client: Any,
    service: str,
    task_definition: bool,
    count: int | None,
    desired: int,
) -> None:
    wanted = containers.register(definition("01")) if task_definition else service

    updated = containers.update("Shop", "dev", wanted if task_definition else None, count)

    (described,) = client.describe_services(cluster="Shop", services=["dev"])["services"]
    assert described["taskDefinition"] == wanted
    assert (updated.name, updated.desired) == ("dev", desired)


def test_an_update_keeps_the_other_values(containers: EcsContainers, client: Any) -> None:
    sent = respond(client, "UpdateService", *[UPDATED] * 5)

    containers.update("Shop", "dev", None, 0)
    containers.update("Shop", "dev", NEW, None)
    containers.update("Shop", "dev", None, None, 0)
    containers.update("Shop", "dev", NEW, None, execute_command=True)
    containers.update("Shop", "dev", NEW, None, execute_command=False)

    named = {"cluster": "Shop", "service": "dev"}
    assert [json.loads(call["body"]) for call in sent] == [
        {**named, "desiredCount": 0},
        {**named, "taskDefinition": NEW},
        {**named, "healthCheckGracePeriodSeconds": 0},
        {**named, "taskDefinition": NEW, "enableExecuteCommand": True},
        {**named, "taskDefinition": NEW, "enableExecuteCommand": False},
    ]


@pytest.mark.parametrize("code", ["ServiceNotFoundException", "ServiceNotActiveException"])
def test_a_missing_service_cannot_be_updated(
    containers: EcsContainers, client: Any, code: str
) -> None:
    refuse(client, "UpdateService", code, "Service not found.")

    with pytest.raises(RefusedError, match=r"Service not found\."):
        containers.update("Shop", "dev", NEW, None)
