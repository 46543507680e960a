"""Sidecars on the laptop cloud, judged with the AWS API and the tasks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.laptop.api import Api, create_body
from tests.lab.laptop.stored_secrets import LOGIN, stored_secret
from tools.laptop import images

NAME = "Beside"
SPEC = f"/stacks/{NAME}/spec"
PRIVATE = f"registry.example.com/agent@sha256:{'0' * 64}"


def pushed(api: Api, tag: str, behaviour: str = "") -> str:
    """Push an image of a sidecar into its own repository; return its reference."""
    ecr = api.client("ecr")
    named = [each["repositoryName"] for each in ecr.describe_repositories()["repositories"]]
    if "agent" not in named:
        ecr.create_repository(repositoryName="agent")
    images.push(ecr, "agent", tag, behaviour)
    (found,) = ecr.describe_repositories(repositoryNames=["agent"])["repositories"]
    return f"{found['repositoryUri']}:{tag}"


@pytest.fixture(scope="module")
def agent(api: Api) -> dict[str, Any]:
    return {"name": "agent", "image": pushed(api, "1"), "essential": True, "ports": [8125]}


@pytest.fixture(scope="module")
def application(api: Api, agent: dict[str, Any]) -> Iterator[str]:
    """An application with a sidecar in all environments."""
    api.succeed(api.post("/stacks", create_body(NAME, service={"sidecars": [agent]})))
    yield NAME
    api.succeed(api.call("DELETE", "/stacks", {"stack": NAME}))


def containers(api: Api, service: str = "dev") -> dict[str, dict[str, Any]]:
    """Return the containers of the newest running task of a service by name."""
    ecs = api.client("ecs")
    (found,) = ecs.describe_services(cluster=NAME, services=[service])["services"]
    arns = ecs.list_tasks(cluster=NAME, serviceName=service, desiredStatus="RUNNING")["taskArns"]
    tasks = ecs.describe_tasks(cluster=NAME, tasks=arns)["tasks"]
    own = [each for each in tasks if each["taskDefinitionArn"] == found["taskDefinition"]]
    return {each["name"]: each for each in own[0]["containers"]}


def patch(api: Api, service: dict[str, Any]) -> Any:
    return api.call("PATCH", SPEC, {"service": service})


def digest_of(reference: str, api: Api) -> str:
    repository, _, tag = reference.rpartition(":")
    (found,) = api.client("ecr").describe_images(
        repositoryName=repository.partition("/")[2], imageIds=[{"imageTag": tag}]
    )["imageDetails"]
    return str(found["imageDigest"])


def test_every_environment_runs_the_sidecar_by_its_digest(
    api: Api, application: str, agent: dict[str, Any]
) -> None:
    assert application == NAME
    for service in ("dev", "prod-1", "prod-2"):
        running = containers(api, service)
        assert running.keys() == {"app", "agent"}
        assert running["agent"]["imageDigest"] == digest_of(agent["image"], api)
        assert running["agent"]["lastStatus"] == "RUNNING"


def test_the_application_of_a_task_with_a_sidecar_is_deployed_and_released(
    api: Api, application: str
) -> None:
    api.push(NAME, "1.0")
    body = {"applicationName": application, "environment": ["dev"], "version": "1.0"}
    api.succeed(api.post("/stacks/deploy", body))
    api.succeed(api.post("/stacks/deploytoprodBlue", {"applicationName": application}))
    api.succeed(api.post("/stacks/swapProdBlueAndGreen", {"applicationName": application}))
    (balancer,) = api.client("elbv2").describe_load_balancers(Names=[f"{NAME}-prod"])[
        "LoadBalancers"
    ]
    page = api.fetch(f"http://{balancer['DNSName']}/")
    assert (page.status, page.body["version"]) == (200, "1.0")


def test_an_essential_sidecar_that_crashes_fails_the_update(
    api: Api, application: str, agent: dict[str, Any]
) -> None:
    assert application == NAME
    crashes = agent | {"image": pushed(api, "2", "crash")}
    ended = api.wait_for_end(patch(api, {"sidecars": [crashes]}))
    assert ended["status"] == "FAILED"
    assert "agent" in str(ended["environments"])
    assert containers(api)["agent"]["imageDigest"] == digest_of(agent["image"], api)
    # The previous settings restore the environment.
    api.succeed(patch(api, {"sidecars": [agent]}))


def test_another_sidecar_that_crashes_does_not_stop_the_task(
    api: Api, application: str, agent: dict[str, Any]
) -> None:
    assert application == NAME
    helper = {"name": "helper", "image": pushed(api, "3", "crash")}
    api.succeed(patch(api, {"sidecars": [agent, helper]}))
    assert containers(api).keys() == {"app", "agent", "helper"}
    api.succeed(patch(api, {"sidecars": [agent]}))
    assert containers(api).keys() == {"app", "agent"}


def test_an_image_of_a_private_registry_needs_its_credentials(api: Api, application: str) -> None:
    assert application == NAME
    login = stored_secret(api, "beside/registry", LOGIN, "platform")
    private = {"name": "agent", "image": PRIVATE, "registryCredentials": login}
    api.succeed(patch(api, {"sidecars": [private]}))
    assert containers(api)["agent"]["imageDigest"] == PRIVATE.partition("@")[2]
    invalid = stored_secret(api, "beside/other", "no login", "platform")
    ended = api.wait_for_end(patch(api, {"sidecars": [private | {"registryCredentials": invalid}]}))
    assert ended["status"] == "FAILED"
    assert "registry" in str(ended["environments"])
    api.succeed(patch(api, {"sidecars": None}))
    assert containers(api).keys() == {"app"}
