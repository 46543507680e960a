"""--dry-run: what is sent, and the plan as a person sees it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.lab.prepared_service import OPERATION, PATH, Service, answer, run

DEV = {
    "environment": "DEV",
    "url": "http://dev",
    "version": "1.1",
    "previousVersion": "1.0",
    "image": "123.dkr/shop:1.1",
    "digest": "sha256:52ab",
    "taskDefinition": [
        {"field": "containerDefinitions.app.image", "old": "shop:1.0", "new": "shop:1.1"},
        {"field": "cpu", "old": 256, "new": 512},
        {"field": "containerDefinitions.app.secrets", "new": [{"name": "A"}]},
        {"field": "tags", "old": None},
    ],
}


def planned(*arguments: str, method: str = "POST", path: str, **plan: Any) -> str:
    service = Service()
    body = {"kind": "deploy", "applicationName": "Shop"} | plan
    service.on(method, path, answer(dryRun=True, plan=body))
    result = run(service, *arguments, "--dry-run")
    assert result.exit_code == 0
    assert len(service.requests) == 1
    sent = service.sent(method)
    assert sent.url.params["dryRun"] == "true"
    assert "idempotency-key" not in sent.headers
    return result.stdout


@pytest.mark.parametrize(
    ("arguments", "method", "path"),
    [
        (("create", "Shop", "--team=a", "--email=b"), "POST", "/stacks"),
        (("deploy", "Shop", "--env=dev", "--version=1"), "POST", "/stacks/deploy"),
        (("promote", "Shop"), "POST", "/stacks/deploytoprodBlue"),
        (("swap", "Shop"), "POST", "/stacks/swapProdBlueAndGreen"),
        (("delete", "Shop"), "DELETE", "/stacks"),
        (("upgrade", "Shop"), "POST", "/stacks/Shop/upgrade"),
        (("abort", "Shop", OPERATION), "DELETE", PATH),
    ],
)
def test_each_write_can_be_planned(arguments: tuple[str, ...], method: str, path: str) -> None:
    out = planned(*arguments, method=method, path=path, message="nothing is live yet")
    assert out == "Dry run: deploy of Shop. Nothing was changed.\nnothing is live yet\n"


def test_the_task_definition_is_shown_field_by_field() -> None:
    out = planned(
        "deploy", "Shop", "--env=dev", "--version=1.1", path="/stacks/deploy",
        claims=["DEV", "QA"], environments=[DEV, {"environment": "QA"}],
    )  # fmt: skip
    assert out.splitlines() == [
        "Dry run: deploy of Shop. Nothing was changed.",
        "Locked until the end of the operation: DEV, QA",
        "DEV  1.0 -> 1.1",
        "  image   123.dkr/shop:1.1",
        "  digest  sha256:52ab",
        "  url     http://dev",
        "  task definition:",
        "    containerDefinitions.app.image",
        "      - shop:1.0",
        "      + shop:1.1",
        "    cpu",
        "      - 256",
        "      + 512",
        "    containerDefinitions.app.secrets",
        '      + [{"name": "A"}]',
        "    tags",
        "      - null",
        "QA",
    ]


def test_changed_settings_are_shown_once() -> None:
    settings = [
        {"field": "cpu", "old": 256, "new": 512},
        {"field": "desiredCount", "old": 1, "new": 7},
        {"field": "environment.LEVEL", "old": "info", "new": "debug"},
    ]
    definition = [
        {"field": "containerDefinitions.app.environment.LEVEL", "old": "info", "new": "debug"},
        {"field": "containerDefinitions.app.image", "old": "shop:1.0", "new": "shop@sha256:52ab"},
        {"field": "cpu", "old": "256", "new": "512"},
    ]
    out = planned(
        "deploy", "Shop", "--env=dev", "--version=1", path="/stacks/deploy", kind="update",
        environments=[
            {"environment": "DEV", "changes": settings, "taskDefinition": definition},
            {"environment": "PROD-GREEN", "slot": "prod-1", "changes": settings[1:2]},
        ],
    )  # fmt: skip
    assert out.splitlines()[1:] == [
        "DEV",
        "  settings:",
        "    cpu", "      - 256", "      + 512",
        "    desiredCount", "      - 1", "      + 7",
        "    environment.LEVEL", "      - info", "      + debug",
        "  task definition:",
        "    containerDefinitions.app.image", "      - shop:1.0", "      + shop@sha256:52ab",
        "PROD-GREEN (prod-1)",
        "  settings:",
        "    desiredCount", "      - 1", "      + 7",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("then", "line"),
    [
        ("prod-2", "Live now: prod-1; live afterwards: prod-2"),
        ("prod-1", "Live now: prod-1; live afterwards: prod-1 (unchanged for customers)"),
    ],
)
def test_what_would_be_live_is_shown(then: str, line: str) -> None:
    out = planned(
        "swap", "Shop", path="/stacks/swapProdBlueAndGreen",
        production={"live": "prod-1", "willBeLive": then},
        environments=[{"environment": "PROD-BLUE", "slot": "prod-1", "previousVersion": "1"}],
    )  # fmt: skip
    assert line in out.splitlines()
    assert "PROD-BLUE (prod-1)  1 -> first image" in out.splitlines()


def test_what_would_be_deleted_is_shown() -> None:
    parts = [{"environment": "DEV", "previousVersion": "1"}, {"environment": "QA"}]
    out = planned(
        "delete", "Shop", method="DELETE", path="/stacks", kind="delete", environments=parts
    )
    assert out.splitlines()[1:] == ["DEV  1 -> deleted", "QA"]


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ({"version": "v1", "sha256": "49cb"}, "Application template: version v1, sha256 49cb"),
        ({"sha256": "49cb"}, "Application template: sha256 49cb"),
    ],
)
def test_a_create_shows_template_and_parameters(template: dict[str, str], line: str) -> None:
    out = planned(
        "create", "Shop", "--team=a", "--email=b", path="/stacks",
        template=template, parameters={"Cpu": "256", "Image": ["x"]},
    )  # fmt: skip
    assert [each.split() for each in out.splitlines()[1:]] == [
        line.split(), ["Parameters", "of", "the", "stack:"], ["NAME", "VALUE"], ["Cpu", "256"],
        ["Image", '["x"]'],
    ]  # fmt: skip


def test_a_create_shows_the_settings_of_the_tasks() -> None:
    same = {"desiredCount": 2, "variables": {"B": "1", "A": "x=y"}, "secrets": ["KEY"]}
    same |= {"scaling": {"min": 2, "cpuPercent": 60}, "sidecars": {"agent": "agent:1"}}
    size = {"cpu": 512, "memory": 1024, "taskRole": "arn:aws:iam::1:role/tasks"}
    production = {"slot": "prod-1", **same, **size, "secrets": ["KEY", "CARDS"]}
    out = planned(
        "create", "Shop", "--team=a", "--email=b", path="/stacks", kind="create",
        environments=[
            {"environment": "DEV", **same}, {"environment": "PROD-GREEN", **production},
            {"environment": "QA", **same}, {"environment": "DA", "desiredCount": 1},
        ],
    )  # fmt: skip
    assert out.splitlines()[1:] == [
        "DEV, QA", "  tasks    2", "  scaling  min 2, cpuPercent 60", "  sidecar  agent: agent:1",
        "  variable B=1", "  variable A=x=y", "  secret   KEY",
        "PROD-GREEN (prod-1)", "  tasks    2", "  scaling  min 2, cpuPercent 60",
        "  size     512 CPU units, 1024 MiB", "  role     arn:aws:iam::1:role/tasks",
        "  sidecar  agent: agent:1", "  variable B=1", "  variable A=x=y",
        "  secret   KEY", "  secret   CARDS", "DA", "  tasks    1",
    ]  # fmt: skip


def test_an_upgrade_shows_parameters_resources_and_warnings() -> None:
    role = {"action": "Modify", "resource": "devRole", "resourceType": "AWS::IAM::Role"}
    out = planned(
        "upgrade", "Shop", path="/stacks/Shop/upgrade", kind="upgrade",
        changes=[{"field": "LogRetentionDays", "old": "30", "new": "90"}],
        resources=[
            role | {"replacement": "False", "properties": ["Policies", "Tags"]},
            role | {"replacement": "Conditional", "properties": ["Path"]},
            role | {"replacement": "True", "properties": []},
            role | {"action": "Add", "properties": []},
        ],
        warnings=["the upgrade would fail"],
    )  # fmt: skip
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "Parameters of the stack" in lines
    assert [line for line in lines if "devRole" in line] == [
        "Modify devRole AWS::IAM::Role Policies, Tags",
        "Possibly replace devRole AWS::IAM::Role Path",
        "Replace devRole AWS::IAM::Role",
        "Add devRole AWS::IAM::Role",
    ]
    assert "the upgrade would fail" in out


def test_a_plan_as_json_is_the_answer() -> None:
    service = Service()
    service.on("POST", "/stacks/deploytoprodBlue", answer(dryRun=True, plan={}))
    out = run(service, "promote", "Shop", "--dry-run", "--json").stdout
    assert json.loads(out) == {"dryRun": True, "plan": {}}


def test_a_plan_is_refused_as_the_call_would_be() -> None:
    service = Service()
    service.on("POST", "/stacks/deploytoprodBlue", answer(409, errorMessage="busy", code="BUSY"))
    assert run(service, "promote", "Shop", "--dry-run").exit_code == 3
