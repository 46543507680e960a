"""`devops init` on the laptop cloud: the file of a running service has the settings of its spec."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devops_cli import documents
from tests.lab.laptop.api import Api, create_body
from tests.lab.laptop.devops import devops
from tests.lab.laptop.stored_secrets import LOGIN, stored_secret
from tools.laptop import images
from tools.laptop.cloud import Cloud

NAME = "Moved"
SPEC = f"/stacks/{NAME}/spec"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


def agent(api: Api) -> str:
    """Push the image of a sidecar; return its reference with the digest, as tasks have it."""
    ecr = api.client("ecr")
    uri = ecr.create_repository(repositoryName="moved-agent")["repository"]["repositoryUri"]
    images.push(ecr, "moved-agent", "1", "")
    (found,) = ecr.describe_images(repositoryName="moved-agent")["imageDetails"]
    return f"{uri}@{found['imageDigest']}"


@pytest.fixture(scope="module")
def service(api: Api) -> dict[str, Any]:
    """All settings that a running service shows."""
    image, key = agent(api), stored_secret(api, "moved/key", "hush", "platform")
    return {
        "containerPort": 8080,
        "healthCheckPath": "/health?full=1",
        "architecture": "X86_64",
        "cpu": 512,
        "memory": 1024,
        "desiredCount": 2,
        "startSeconds": 45,
        "stopSeconds": 20,
        "environment": {"GREETING": "hello\nworld", "LEVEL": "0123"},
        "secrets": {"KEY": key},
        "dependsOn": {"agent": "HEALTHY", "router": "START"},
        "logs": {"driver": "awsfirelens", "options": {"Name": "stdout"}, "secrets": {"Key": key}},
        "ephemeralStorageGiB": 30,
        "ulimits": {"nofile": {"soft": 1024, "hard": 4096}},
        "sidecars": [
            {
                "name": "agent",
                "image": image,
                "essential": True,
                "ports": [8125],
                "cpu": 64,
                "memory": 128,
                "environment": {"SITE": "eu"},
                "healthCheck": {
                    "command": ["CMD-SHELL", "exit 0"],
                    "intervalSeconds": 5,
                    "timeoutSeconds": 4,
                    "retries": 2,
                    "startSeconds": 10,
                },
            },
            {
                "name": "router",
                "image": image,
                "command": ["--quiet"],
                "dependsOn": {"agent": "START"},
                "logRouter": {"type": "fluentbit", "options": {"enable-ecs-log-metadata": "true"}},
            },
            {
                "name": "private",
                "image": f"registry.example.com/agent@sha256:{'0' * 64}",
                "registryCredentials": stored_secret(api, "moved/registry", LOGIN, "platform"),
            },
        ],
    }


@pytest.fixture(scope="module")
def application(api: Api, service: dict[str, Any]) -> Iterator[str]:
    api.succeed(api.post("/stacks", create_body(NAME, service=service)))
    yield NAME
    api.succeed(api.call("DELETE", "/stacks", {"stack": NAME}))


def test_the_file_of_a_running_service_has_no_difference_from_its_specification(
    api: Api, cloud: Cloud, application: str, service: dict[str, Any], tmp_path: Path
) -> None:
    file = str(tmp_path / "app.yml")
    present = api.call("GET", SPEC).body
    init = ("init", NAME, f"--cluster={application}", "--service=dev", "-o", file)
    owners = ("--team=platform", f"--email={present['specification']['email']}")
    done = devops(cloud, *init, *owners, AWS_ENDPOINT_URL=cloud.endpoint, **KEYS)
    assert done.returncode == 0, done.stderr
    assert documents.read(file).content["service"] == service, done.stderr
    compared = devops(cloud, "diff", "-f", file)
    assert (compared.returncode, compared.stdout) == (0, ""), compared.stdout
    applied = devops(cloud, "apply", "-f", file, "--yes")
    assert applied.returncode == 0, applied.stderr
    assert api.call("GET", SPEC).body["revision"] == present["revision"]


def test_the_files_of_the_aws_cli_have_the_same_result(
    api: Api, cloud: Cloud, application: str, service: dict[str, Any], tmp_path: Path
) -> None:
    ecs, elbv2 = api.client("ecs"), api.client("elbv2")
    (found,) = ecs.describe_services(cluster=application, services=["dev"])["services"]
    (balanced,) = found["loadBalancers"]
    arn = balanced["targetGroupArn"]
    contents = {
        "task": ecs.describe_task_definition(taskDefinition=found["taskDefinition"]),
        "service": {"services": [found]},
        "group": {
            "TargetGroups": elbv2.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
        },
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(json.dumps(content, default=str))
    file = str(tmp_path / "app.yml")
    others = (f"--service-file={tmp_path / name}" for name in ("service", "group"))
    done = devops(cloud, "init", f"--task-definition={tmp_path / 'task'}", *others, "-o", file)
    assert done.returncode == 0, done.stderr
    assert documents.read(file).content["service"] == service
