"""The settings of a create in ECS and ELB."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.lab.laptop.api import Api, create_body

NAME = "AppSettings"
KEY = "-----BEGIN KEY-----\n\tMII=\r\n-----END KEY-----\n"
VARIABLES = {"spring.profiles.active": "qa", "app-key": KEY}


@pytest.fixture(scope="module")
def created(api: Api) -> Iterator[dict[str, Any]]:
    """The operation that created an application with all settings."""
    service = {
        "healthCheckPath": "/health?full=1&for=elb",
        "architecture": "ARM64",
        "startSeconds": 90,
        "rolloutMinutes": 45,
        "environment": VARIABLES,
    }
    body = create_body(NAME, environments={"nonProd": ["dev"]}, service=service)
    yield api.succeed(api.post("/stacks", body))
    api.succeed(api.call("DELETE", "/stacks", {"stack": NAME}))


def minutes(operation: dict[str, Any]) -> float:
    """Return the minutes from the request of an operation to its deadline."""
    requested, deadline = (
        datetime.fromisoformat(operation[each]) for each in ("requestedAt", "deadline")
    )
    return (deadline - requested).total_seconds() / 60


def services(api: Api) -> list[dict[str, Any]]:
    names = ["dev", "prod-1", "prod-2"]
    found = api.client("ecs").describe_services(cluster=NAME, services=names)["services"]
    assert len(found) == len(names)
    return list(found)


def definition(api: Api, service: dict[str, Any]) -> dict[str, Any]:
    """Return the task definition of a service."""
    answer = api.client("ecs").describe_task_definition(taskDefinition=service["taskDefinition"])
    found: dict[str, Any] = answer["taskDefinition"]
    return found


def test_every_service_has_the_settings(api: Api, created: dict[str, Any]) -> None:
    assert minutes(created) == 90
    for service in services(api):
        assert service["healthCheckGracePeriodSeconds"] == 90
        task = definition(api, service)
        assert task["runtimePlatform"]["cpuArchitecture"] == "ARM64"
        container = task["containerDefinitions"][0]
        found = {each["name"]: each["value"] for each in container["environment"]}
        assert found.items() >= VARIABLES.items()
        (group,) = api.client("elbv2").describe_target_groups(
            TargetGroupArns=[service["loadBalancers"][0]["targetGroupArn"]]
        )["TargetGroups"]
        assert group["HealthCheckPath"] == "/health?full=1&for=elb"


def test_a_deploy_keeps_the_settings_and_has_the_time_limit(
    api: Api, created: dict[str, Any]
) -> None:
    assert created
    api.push(NAME, "1.0")
    body = {"applicationName": NAME, "environment": ["dev"], "version": "1.0"}
    assert minutes(api.succeed(api.post("/stacks/deploy", body))) == 45
    (dev,) = [each for each in services(api) if each["serviceName"] == "dev"]
    task = definition(api, dev)
    assert task["runtimePlatform"]["cpuArchitecture"] == "ARM64"
    assert {"name": "app-key", "value": KEY} in task["containerDefinitions"][0]["environment"]
