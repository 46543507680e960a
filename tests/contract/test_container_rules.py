"""The rules of sidecars: their members, and those between the containers of a task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import botocore.session
import pytest

from devops_core.naming import EcrRegistry
from devops_core.registries import AllowedRegistries
from tests.contract.test_request_rules import (
    ACCOUNT,
    MINIMAL,
    PARAMETER,
    PINNED,
    SECRET,
    faults,
    put,
)
from tools.contract.conformance import validator
from tools.contract.document import operation

REGISTRY = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com"
OTHER = f"{'1' * 12}.dkr.ecr.eu-west-1.amazonaws.com"
AGENT: dict[str, Any] = {"name": "agent", "image": PINNED}
CHECK: dict[str, Any] = {"command": ["CMD-SHELL", "true"]}
ROUTER: dict[str, Any] = {"name": "router", "image": PINNED, "logRouter": {"type": "fluentbit"}}
COMPLETE = {
    "name": "agent",
    "image": f"{REGISTRY}/agent:1.0",
    "essential": True,
    "command": ["run", "run"],
    "environment": {"LEVEL": "info"},
    "secrets": {"KEY": PARAMETER},
    "ports": [24224, 8125],
    "cpu": 64,
    "memory": 128,
    "dependsOn": {"router": "START"},
    "healthCheck": CHECK
    | {"intervalSeconds": 5, "timeoutSeconds": 60, "retries": 10, "startSeconds": 300},
}
FIRELENS: dict[str, Any] = {
    "driver": "awsfirelens",
    "options": {"Name": "http", "log-driver-buffer-limit": "2097152"},
    "secrets": {"http_Passwd": SECRET},
}


def found(service: Mapping[str, Any], context: Mapping[str, Any] = {}) -> dict[str, str]:
    return dict(faults("create", put(MINIMAL["create"], "service", service), context))


def of_sidecars(*sidecars: Mapping[str, Any], **service: Any) -> dict[str, str]:
    return found({"sidecars": list(sidecars), **service})


def test_a_complete_task_is_valid() -> None:
    options = {
        "enable-ecs-log-metadata": "false", "config-file-type": "file",
        "config-file-value": "/router.conf",
    }  # fmt: skip
    router = ROUTER | {"logRouter": {"type": "fluentd", "options": options}}
    service = {
        "sidecars": [COMPLETE, router | {"registryCredentials": SECRET}],
        "logs": FIRELENS,
        "dependsOn": {"agent": "HEALTHY", "router": "START"},
        "registryCredentials": SECRET,
    }
    assert found(service) == {}
    body = put(MINIMAL["create"], "service", service)
    contract = operation("createApplication").body
    assert contract
    assert validator(contract["schema"]).is_valid(body)


@pytest.mark.parametrize(
    ("member", "value", "field", "message"),
    [
        ("name", "app", "name", "is the application's container: choose another name"),
        ("name", "a b", "name", "is not a name of a sidecar"),
        ("name", "x" * 64, "name", "is not a name of a sidecar"),
        ("image", "Envoy", "image", "must have its repository in lower case"),
        ("image", "envoy:1", "image", "must have a digest"),
        ("image", f"{REGISTRY}/agent", "image", "must have a tag or a digest"),
        ("essential", "yes", "essential", "must be true or false"),
        ("command", [], "command", "must not be empty"),
        ("environment", {"PORT": "1"}, "environment.PORT", "is a variable of this service"),
        ("environment", {"A": 1}, "environment.A", "must be a text"),
        ("secrets", {"A": "x"}, "secrets.A", "must be the ARN"),
        ("ports", [80], "ports", "must not contain 80, the port of the application's container"),
        ("ports", [0], "ports", "must be a whole number from 1 to 65535"),
        ("ports", [True], "ports", "must be a whole number"),
        ("ports", ["81"], "ports", "must be a whole number"),
        ("ports", [81, 81], "ports", "must not contain 81 more than once"),
        ("cpu", 1, "cpu", "must be a whole number from 2"),
        ("memory", 5, "memory", "must be a whole number from 6"),
        ("dependsOn", {"b": "START"}, "dependsOn.b", "is not the name of a sidecar"),
        ("dependsOn", {"agent": "START"}, "dependsOn", "must not wait for itself"),
        ("dependsOn", {"agent": "DONE"}, "dependsOn.agent", '"DONE" is not one of START'),
        ("healthCheck", {}, "healthCheck.command", "is required"),
        ("healthCheck", {"command": ["curl"]}, "healthCheck.command", "must be CMD"),
        ("healthCheck", {"command": ["CMD"]}, "healthCheck.command", "must be CMD"),
        ("registryCredentials", PARAMETER, "registryCredentials", "must be the ARN"),
        ("logRouter", {"type": "vector"}, "logRouter.type", '"vector" is not one of'),
        ("volumes", [], "volumes", "is not a known field"),
    ],
)  # fmt: skip
def test_a_faulty_member_is_named(member: str, value: Any, field: str, message: str) -> None:
    faulty = of_sidecars(AGENT | {member: value})
    assert faulty[f"service.sidecars.0.{field}"].startswith(message), faulty


@pytest.mark.parametrize(
    ("member", "ecs", "least", "most"),
    [
        ("intervalSeconds", "interval", 5, 300),
        ("timeoutSeconds", "timeout", 2, 60),
        ("retries", "retries", 1, 10),
        ("startSeconds", "startPeriod", 0, 300),
    ],
)
def test_a_health_check_has_the_bounds_of_ecs(member: str, ecs: str, least: int, most: int) -> None:
    shape = botocore.session.get_session().get_service_model("ecs").shape_for("HealthCheck")
    assert f"between {least} and {most} " in shape.members[ecs].documentation
    for value in (least, most):
        assert of_sidecars(AGENT | {"healthCheck": CHECK | {member: value}}) == {}
    for value in (least - 1, most + 1):
        faulty = of_sidecars(AGENT | {"healthCheck": CHECK | {member: value}})
        assert list(faulty) == [f"service.sidecars.0.healthCheck.{member}"]


def test_the_conditions_are_those_of_ecs() -> None:
    model = botocore.session.get_session().get_service_model("ecs")
    conditions = model.shape_for("ContainerCondition").enum
    service = {"sidecars": [AGENT | {"healthCheck": CHECK}]}
    assert all(found(service | {"dependsOn": {"agent": each}}) == {} for each in conditions)
    assert found(service | {"dependsOn": {"agent": "start"}}).keys() == {"service.dependsOn.agent"}


def test_all_faults_between_containers_are_reported_at_once() -> None:
    first = AGENT | {"essential": True, "ports": [81], "cpu": 200, "dependsOn": {"b": "START"}}
    second = AGENT | {"ports": [81], "cpu": 56}
    third = {"name": "b", "image": PINNED, "dependsOn": {"agent": "SUCCESS"}}
    service = {
        "sidecars": [first, second, third, ROUTER, ROUTER | {"name": "r2"}],
        "dependsOn": {"agent": "HEALTHY", "none": "START"},
    }
    faulty = found(service)
    assert faulty == {
        "service.sidecars.1.name": "must differ from the names of the other sidecars",
        "service.sidecars.1.ports": "must not contain 81, the port of agent",
        "service.dependsOn.agent": "must have a healthCheck for HEALTHY",
        "service.dependsOn.none": "is not the name of a sidecar of this environment",
        "service.sidecars.4.logRouter": "must be the only log router of the task",
        "service.sidecars.3.logRouter": "needs logs.driver awsfirelens, because no container uses"
        " it otherwise",
        "service.sidecars": "must need less cpu together than the task: less than 256 CPU units,"
        " not 256",
    }


def test_a_cycle_and_the_end_of_an_essential_sidecar_are_refused() -> None:
    a = {"name": "a", "image": PINNED, "dependsOn": {"b": "START"}}
    b = {"name": "b", "image": PINNED, "dependsOn": {"a": "START"}}
    assert of_sidecars(a, b).keys() == {
        "service.sidecars.0.dependsOn", "service.sidecars.1.dependsOn",
    }  # fmt: skip
    essential = AGENT | {"essential": True}
    faulty = of_sidecars(essential, dependsOn={"agent": "COMPLETE"})
    assert faulty == {
        "service.dependsOn.agent": "must not be essential for COMPLETE, because its end stops the"
        " task"
    }


@pytest.mark.parametrize(("member", "whole"), [("cpu", 256), ("memory", 512)])
def test_sidecars_leave_a_part_of_the_task_for_the_application(member: str, whole: int) -> None:
    assert of_sidecars(AGENT | {member: whole - 1}) == {}
    assert of_sidecars(AGENT | {member: whole}).keys() == {"service.sidecars"}
    larger = {"cpu": 512, "memory": 1024}
    assert of_sidecars(AGENT | {member: whole}, **larger) == {}


def test_logs_of_a_router_need_a_router() -> None:
    assert found({"logs": FIRELENS}) == {
        "service.logs": "needs a sidecar with logRouter for awsfirelens"
    }
    assert found({"logs": {"driver": "awslogs"}}) == {}
    assert found({"logs": FIRELENS | {"driver": "awslogs"}}).keys() == {
        "service.logs.options", "service.logs.secrets",
    }  # fmt: skip
    assert found({"logs": {}}).keys() == {"service.logs.driver"}


def test_an_override_replaces_the_sidecars_of_service() -> None:
    body = put(MINIMAL["create"], "service", {"sidecars": [AGENT], "dependsOn": {"agent": "START"}})
    assert faults("create", put(body, "overrides.prod.sidecars", [])) == [
        ("overrides.prod.dependsOn.agent", "is not the name of a sidecar of this environment")
    ]
    without = put(body, "overrides.prod", {"sidecars": [], "dependsOn": {}})
    assert faults("create", without) == []


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (f"{REGISTRY}/agent:1", None),
        (f"{OTHER}/agent@sha256:{'0' * 64}", "is in the ECR of another account"),
        (PINNED, "is in a registry that this service does not allow"),
    ],
)
def test_images_of_sidecars_obey_the_allowed_registries(image: str, message: str | None) -> None:
    registries = AllowedRegistries(EcrRegistry(ACCOUNT, "eu-west-1"), ())
    service = {"sidecars": [{"name": "agent", "image": image}]}
    faulty = found(service, {"registries": registries})
    assert list(faulty) == (["service.sidecars.0.image"] if message else [])
    assert all(text.startswith(message or "") for text in faulty.values())


def test_secrets_of_sidecars_are_in_the_account_and_count_together() -> None:
    context = {"account": ACCOUNT[::-1], "partition": "aws"}
    sidecar = AGENT | {"secrets": {"KEY": SECRET}, "registryCredentials": SECRET}
    service = {
        "sidecars": [sidecar, ROUTER], "logs": FIRELENS, "registryCredentials": SECRET,
    }  # fmt: skip
    assert found(service, context).keys() == {
        "service.sidecars.0.secrets.KEY", "service.sidecars.0.registryCredentials",
        "service.logs.secrets.http_Passwd", "service.registryCredentials",
    }  # fmt: skip
    many = {f"S{n}": f"{SECRET[:-7]}-{n:02}{'x' * 79}" for n in range(32)}
    assert of_sidecars(AGENT | {"secrets": many}).keys() == {"service.secrets"}


LIMITS: list[tuple[Any, dict[str, str]]] = [
    ({"nofile": {"soft": 1, "hard": 1_048_576}}, {}),
    ({"nofile": {"soft": 9, "hard": 9}}, {}),
    ({"nofile": {"soft": 9, "hard": 5}}, {"nofile.soft": "must be at most 5, the hard limit"}),
    ({"nofile": {"soft": 0, "hard": 1_048_577}}, {
        "nofile.soft": "must be a whole number from 1 to 1048576",
        "nofile.hard": "must be a whole number from 1 to 1048576",
    }),
    ({"nofile": {"soft": 5}}, {"nofile.hard": "is required"}),
    ({}, {"nofile": "is required"}),
    ({"nofile": {"soft": 5, "hard": 5}, "nproc": {}}, {"nproc": "is not a known field"}),
]  # fmt: skip


@pytest.mark.parametrize(("ulimits", "messages"), LIMITS)
def test_only_the_number_of_open_files_has_limits(ulimits: Any, messages: dict[str, str]) -> None:
    expected = {f"service.ulimits.{field}": text for field, text in messages.items()}
    assert found({"ulimits": ulimits}) == expected


SCALINGS: list[tuple[Any, dict[str, str]]] = [
    ({"min": 1, "max": 100, "cpuPercent": 1}, {}),
    ({"min": 3, "max": 3, "memoryPercent": 100, "requestsPerTarget": 1_000_000}, {}),
    ({"min": 4, "max": 3, "cpuPercent": 60}, {"max": "must be at least 4, the value of min"}),
    ({"min": 0, "max": 101, "cpuPercent": 101}, {
        "min": "must be a whole number from 1 to 100",
        "max": "must be a whole number from 1 to 100",
        "cpuPercent": "must be a whole number from 1 to 100",
    }),
    ({"min": 1, "max": 2}, {"cpuPercent": "is required without memoryPercent and"
                                          " requestsPerTarget"}),
    ({"max": 2, "requestsPerTarget": 0}, {
        "min": "is required", "requestsPerTarget": "must be a whole number from 1 to 1000000",
    }),
    ({"min": 1, "max": 2, "cpuPercent": 60, "cpu": 1}, {"cpu": "is not a known field"}),
]  # fmt: skip


@pytest.mark.parametrize(("scaling", "messages"), SCALINGS)
def test_scaling_has_limits_and_a_value_to_keep(scaling: Any, messages: dict[str, str]) -> None:
    expected = {f"service.scaling.{field}": text for field, text in messages.items()}
    assert found({"scaling": scaling}) == expected


def test_scaling_and_a_task_count_exclude_each_other() -> None:
    scaling = {"min": 1, "max": 2, "cpuPercent": 60}
    both = found({"scaling": scaling, "desiredCount": 2})
    assert both == {
        "service.desiredCount": "must not be beside scaling, which sets the number of tasks"
    }


def test_the_largest_number_of_tasks_counts_for_the_limit_of_vcpus() -> None:
    scaling = {"min": 1, "max": 10, "cpuPercent": 60}
    assert found({"scaling": scaling, "cpu": 1024, "memory": 2048}, {"max_vcpus": 30}) == {}
    refused = found({"scaling": scaling, "cpu": 1024, "memory": 2048}, {"max_vcpus": 29})
    assert "not 30: dev 10, prod 20 (both slots)" in refused["service"]


def test_the_storage_has_the_bounds_of_ecs() -> None:
    members = botocore.session.get_session().get_service_model("ecs").shape_for("EphemeralStorage")
    documented = members.members["sizeInGiB"].documentation
    for least, most, field in ((21, 200, None), (20, 201, "service.ephemeralStorageGiB")):
        assert (f"<code>{least}</code>" in documented) == (field is None)
        for value in (least, most):
            assert [*found({"ephemeralStorageGiB": value})] == ([field] if field else [])
