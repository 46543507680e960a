"""The life of an application with a sidecar of a private registry and scaling, by command line.

Customers use production during the swap and the upgrade. At the end `devops init` writes the file
of the running service, which must be equivalent to the first file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devops_cli import documents
from tests.lab.laptop.api import Api
from tests.lab.laptop.devops import devops
from tests.lab.laptop.scaled_services import ScaledProduction
from tests.lab.laptop.stacks import published
from tests.lab.laptop.stored_secrets import LOGIN, stored_secret
from tests.lab.templates import APPLICATION
from tools.bench.swaps.load import load
from tools.bench.swaps.records import LIVE, failed
from tools.laptop.cloud import Cloud

NAME = "Complete"
CLIENTS = 6
REQUESTS = 40
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
# The setting of the application template that the newer template changes.
OLD, NEW = '"countNumber": 14', '"countNumber": 30'


@pytest.fixture
def document(api: Api) -> dict[str, Any]:
    """The specification, with all settings that the translation of a running service shows."""
    return {
        "applicationName": NAME,
        "email": "team@example.com",
        "tags": {"technicalTeam": "platform"},
        "service": {
            "containerPort": 8080,
            "healthCheckPath": "/health",
            "architecture": "X86_64",
            "cpu": 256,
            "memory": 512,
            # More requests than those of the clients, so that the size does not change.
            "scaling": {"min": 2, "max": 4, "memoryPercent": 90, "requestsPerTarget": 100_000},
            "startSeconds": 45,
            "environment": {"LEVEL": "info"},
            "sidecars": [
                {
                    "name": "agent",
                    "image": f"registry.example.com/agent@sha256:{'0' * 64}",
                    "registryCredentials": stored_secret(
                        api, "complete/registry", LOGIN, "platform"
                    ),
                    "environment": {"SITE": "eu"},
                }
            ],
        },
    }


@pytest.fixture
def file(api: Api, document: dict[str, Any], tmp_path: Path) -> Iterator[str]:
    """The file of the application, which is deleted after the test."""
    path = tmp_path / "app.yml"
    path.write_text(json.dumps(document))  # JSON is valid YAML
    yield str(path)
    api.succeed(api.call("DELETE", "/stacks", {"stack": NAME}))


def newer_template() -> str:
    """Return the application template with another rule of the repository."""
    present = APPLICATION.read_text()
    assert present.count(OLD) == 1
    return present.replace(OLD, NEW)


def images(api: Api, slot: str) -> list[dict[str, str]]:
    """Return the digests of the containers of each running task of a slot, by container."""
    ecs = api.client("ecs")
    arns = ecs.list_tasks(cluster=NAME, serviceName=slot)["taskArns"]
    tasks = ecs.describe_tasks(cluster=NAME, tasks=arns)["tasks"]
    return [{each["name"]: each["imageDigest"] for each in task["containers"]} for task in tasks]


def test_the_file_of_a_released_and_upgraded_service_is_equivalent(
    api: Api, cloud: Cloud, file: str, document: dict[str, Any], tmp_path: Path
) -> None:
    def run(*arguments: str, **environment: str) -> str:
        done = devops(cloud, *arguments, **environment)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    run("apply", "-f", file, "--yes")
    digest = api.push(NAME, "1.0")
    run("deploy", NAME, "--env", "dev", "--version", "1.0")
    run("promote", NAME, "--version", "1.0")

    scaled = ScaledProduction(api, NAME)
    first = scaled.sizes().live
    with load(api, scaled.url, CLIENTS, ports=(LIVE,)) as customers:
        customers.wait(REQUESTS)
        run("swap", NAME, "--version", "1.0", "--yes")
        customers.wait(REQUESTS)
        live = scaled.sizes().live
        tasks = scaled.tasks(live)
        with published(api, newer_template()):
            run("upgrade", NAME, "--yes")
        customers.wait(REQUESTS)
    assert failed(customers.requests) == []
    assert customers.requests[-1].version == "1.0"
    assert live != first
    assert scaled.tasks(live) == tasks
    agent = document["service"]["sidecars"][0]["image"].partition("@")[2]
    assert images(api, live) == [{"app": digest, "agent": agent}] * 2
    policy = api.client("ecr").get_lifecycle_policy(repositoryName=NAME.lower())
    assert NEW in policy["lifecyclePolicyText"]
    assert scaled.targets().keys() == {"dev", "prod-1", "prod-2"}

    written = str(tmp_path / "init.yml")
    source = ("--cluster", NAME, "--service", live, "--email", document["email"])
    run("init", NAME, *source, "-o", written, AWS_ENDPOINT_URL=cloud.endpoint, **KEYS)
    assert documents.read(written).content == document
    assert run("diff", "-f", written) == ""
