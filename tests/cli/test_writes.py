"""create, deploy, promote, swap, delete: the requests, the reads that follow, and the output."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.lab.prepared_service import (
    API,
    OPERATION,
    PATH,
    Clock,
    Service,
    answer,
    operation,
    run,
    stack,
)

CREATE = ("create", "Shop", "--team", "payments", "--email", "team@example.com")
DEPLOY = ("deploy", "Shop", "--env", "dev", "--version", "1.1")
DIGEST = "sha256:" + "0" * 64
LOST = httpx.ReadError("connection reset")


def accepting(method: str = "POST", path: str = "/stacks/deploy", **members: Any) -> Service:
    """Return a service that accepts a write, and whose operation succeeds at the first look."""
    service = Service()
    service.on(method, path, answer(202, operation=operation(**members)))
    done = {"took": {"untilEnded": 12.3}} | members
    service.on("GET", PATH, answer(operation=operation("SUCCEEDED", **done)))
    return service


def test_a_create_takes_what_is_required() -> None:
    service = accepting(path="/stacks", kind="create")
    assert run(service, *CREATE).exit_code == 0
    assert service.body() == {
        "applicationName": "Shop",
        "email": "team@example.com",
        "environments": {"nonProd": []},
        "tags": {"technicalTeam": "payments"},
    }


def test_a_create_takes_everything() -> None:
    service = accepting(path="/stacks", kind="create")
    options = (
        "--env=DEV,qa", "--env", "training , da", "--description=The web shop",
        "--tag=cost centre=47=11", "--port=8080", "--health-check-path=/healthz", "--cpu=512",
        "--memory=1024", "--architecture=ARM64", "--count=2", "--start-seconds=0",
        "--rollout-minutes=90", "--variable=A=1", "--variable=B=", "--secret=P=arn:aws:x",
        "--warmup=/", "--warmup=/p?page=1",
    )  # fmt: skip
    assert run(service, *CREATE, *options).exit_code == 0
    assert service.body() == {
        "applicationName": "Shop",
        "description": "The web shop",
        "email": "team@example.com",
        "environments": {"nonProd": ["dev", "qa"], "training": True, "da": True},
        "tags": {"technicalTeam": "payments", "cost centre": "47=11"},
        "service": {
            "containerPort": 8080,
            "healthCheckPath": "/healthz",
            "cpu": 512,
            "memory": 1024,
            "architecture": "ARM64",
            "desiredCount": 2,
            "startSeconds": 0,
            "rolloutMinutes": 90,
            "environment": {"A": "1", "B": ""},
            "secrets": {"P": "arn:aws:x"},
            "warmup": ["/", "/p?page=1"],
        },
    }


@pytest.mark.parametrize("name", [{}, {"applicationName": "Shop"}])
def test_a_create_takes_a_file(tmp_path: Path, name: dict[str, str]) -> None:
    file = tmp_path / "body.json"
    file.write_text(json.dumps({"email": "a@b.c", **name}))
    service = accepting(path="/stacks", kind="create")
    assert run(service, "create", "Shop", "--file", str(file)).exit_code == 0
    assert service.body() == {"email": "a@b.c", "applicationName": "Shop"}


def test_a_create_takes_what_comes_in() -> None:
    service = accepting(path="/stacks", kind="create")
    assert run(service, "create", "Shop", "--file", "-", typed='{"email": "a"}').exit_code == 0
    assert service.body() == {"email": "a", "applicationName": "Shop"}


def test_a_byte_order_mark_at_the_start_of_a_file_is_ignored(tmp_path: Path) -> None:
    marked = '\ufeff{"email": "a"}'
    (tmp_path / "body.json").write_text(marked, encoding="utf-8")
    for file in (str(tmp_path / "body.json"), "-"):
        service = accepting(path="/stacks", kind="create")
        assert run(service, "create", "Shop", "--file", file, typed=marked).exit_code == 0
        assert service.body() == {"email": "a", "applicationName": "Shop"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not valid JSON"),
        ("[1]", "is not a JSON object"),
        ('{"applicationName": "Other"}', "is for 'Other', not for 'Shop'"),
        (None, "No such file"),
    ],
)
def test_a_file_that_is_wrong_is_told(tmp_path: Path, text: str | None, said: str) -> None:
    file = tmp_path / "body.json"
    if text is not None:
        file.write_text(text)
    result = run(Service(), "create", "Shop", "--file", str(file))
    assert result.exit_code == 2
    assert said in result.stderr
    assert str(file) in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create", "Shop"), "create needs --team and --email"),
        (("create", "Shop", "--team=a"), "create needs --email"),
        (("create", "Shop", "--file=x", "--team=a", "--health-check-path=/"),
         "remove --team, --health-check-path"),
        (("create", "Shop", "--file=x", "--start-seconds=0"), "remove --start-seconds"),
        ((*CREATE, "--tag=cost"), "--tag 'cost': write it as NAME=VALUE"),
        ((*CREATE, "--variable==1"), "--variable '=1': write it as NAME=VALUE"),
        ((*CREATE, "--secret=A=1", "--secret=A=2"), "--secret: A must occur only once"),
        ((*CREATE, "--env=dev,prod"), "Invalid value for '--env': 'prod'"),
        ((*CREATE, "--port=http"), "--port"),
        (("deploy", "Shop", "--version=1"), "--env"),
        (("deploy", "Shop", "--env=dev"), "--version"),
        (("deploy", "S", "--env=dev", "--version=1"), "Invalid value for 'NAME': 'S'"),
        ((*DEPLOY, "--timeout=5"), "'5' is not a duration"),
        ((*DEPLOY, "--idempotency-key=a b"), "no spaces"),
        (("delete", "Shop"), "add --yes"),
        (("upgrade", "Shop"), "--yes is required: devops upgrade Shop --yes"),
    ],
)  # fmt: skip
def test_what_cannot_be_right_is_told_before_anything_is_sent(
    arguments: tuple[str, ...], said: str
) -> None:
    service = Service()
    result = run(service, *arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", " ").split())
    assert service.requests == []


@pytest.mark.parametrize(
    ("arguments", "path", "body"),
    [
        ((*DEPLOY[:2], "--env=dev,QA", "--env=da", "--version=1.1"), "/stacks/deploy",
         {"applicationName": "Shop", "environment": ["dev", "qa", "da"], "version": "1.1"}),
        ((*DEPLOY, "--image=123.dkr.ecr.eu-west-1.amazonaws.com/x"), "/stacks/deploy",
         {"applicationName": "Shop", "environment": ["dev"], "version": "1.1",
          "repouri": "123.dkr.ecr.eu-west-1.amazonaws.com/x"}),
        (("promote", "Shop"), "/stacks/deploytoprodBlue", {"applicationName": "Shop"}),
        (("promote", "Shop", "--from=QA"), "/stacks/deploytoprodBlue",
         {"applicationName": "Shop", "environment": "qa"}),
        (("promote", "Shop", "--version=1.1", f"--digest={DIGEST}"), "/stacks/deploytoprodBlue",
         {"applicationName": "Shop", "version": "1.1", "digest": DIGEST}),
        (("swap", "Shop", f"--digest={DIGEST}"), "/stacks/swapProdBlueAndGreen",
         {"applicationName": "Shop", "digest": DIGEST}),
        (("swap", "Shop", "--yes"), "/stacks/swapProdBlueAndGreen", {"applicationName": "Shop"}),
        (("swap", "Shop", "--version=1.1"), "/stacks/swapProdBlueAndGreen",
         {"applicationName": "Shop", "version": "1.1"}),
    ],
)  # fmt: skip
def test_each_command_is_one_call(
    arguments: tuple[str, ...], path: str, body: dict[str, Any]
) -> None:
    service = accepting(path=path)
    assert run(service, *arguments).exit_code == 0
    assert service.sent("POST").url.path == f"/dev{path}"
    assert service.body() == body


def test_a_delete_is_profiles_on_a_terminal() -> None:
    service = accepting("DELETE", "/stacks", kind="delete")
    refused = run(service, "delete", "Shop", interactive=True, typed="n\n")
    assert (refused.exit_code, service.requests) == (2, [])
    assert "nothing was deleted" in refused.stderr
    result = run(service, "delete", "Shop", interactive=True, typed="y\n")
    assert result.exit_code == 0
    assert service.sent("DELETE").url.query == b"stack=Shop"
    assert "Delete Shop with all its environments and images?" in result.stderr


def test_a_delete_does_not_ask_when_it_is_told_not_to() -> None:
    service = accepting("DELETE", "/stacks", kind="delete")
    assert run(service, "delete", "Shop", "--yes").exit_code == 0


UPGRADE = "/stacks/Shop/upgrade"
NEWER = {
    "kind": "upgrade",
    "applicationName": "Shop",
    "template": {"version": "v2", "sha256": "0" * 64},
    "resources": [
        {"action": "Modify", "resource": "devExecutionRole", "resourceType": "AWS::IAM::Role",
         "replacement": "False", "properties": ["Policies"]},
    ],
}  # fmt: skip


def test_an_upgrade_shows_the_changes_and_asks() -> None:
    service = accepting(path=UPGRADE, kind="upgrade")
    service.on("POST", UPGRADE, answer(dryRun=True, plan=NEWER))
    refused = run(service, "upgrade", "Shop", interactive=True, typed="n\n")
    assert (refused.exit_code, len(service.requests)) == (2, 1)
    assert service.requests[0].url.params["dryRun"] == "true"
    assert "Modify devExecutionRole AWS::IAM::Role Policies" in " ".join(refused.stdout.split())
    assert "nothing was changed" in refused.stderr
    accepted = answer(202, operation=operation(kind="upgrade"))
    service.on("POST", UPGRADE, answer(dryRun=True, plan=NEWER), accepted)
    result = run(service, "upgrade", "Shop", interactive=True, typed="y\n")
    assert result.exit_code == 0
    assert "Upgrade the stack of Shop?" in result.stderr


def test_an_upgrade_does_not_ask_if_nothing_changes() -> None:
    service, message = Service(), "the stack of Shop is up to date"
    plan = {"kind": "upgrade", "applicationName": "Shop", "message": message}
    service.on(
        "POST", UPGRADE, answer(dryRun=True, plan=plan), answer(operation=None, message=message)
    )
    result = run(service, "upgrade", "Shop", interactive=True)
    assert result.exit_code == 0
    assert message in result.stdout


def test_an_upgrade_with_unknown_changes_does_not_ask() -> None:
    service = accepting(path=UPGRADE, kind="upgrade")
    message = "CloudFormation still computes the changes of resources: repeat the dry run"
    unknown = {name: each for name, each in NEWER.items() if name != "resources"}
    service.on("POST", UPGRADE, answer(dryRun=True, plan={**unknown, "message": message}))
    result = run(service, "upgrade", "Shop", interactive=True, typed="y\n")
    assert (result.exit_code, len(service.requests)) == (1, 1)
    assert f"{message}. Nothing was changed" in result.stderr
    assert "devops upgrade Shop --yes" in result.stderr
    assert "Upgrade the stack of Shop?" not in result.stderr


def test_an_upgrade_does_not_ask_with_yes() -> None:
    service = accepting(path=UPGRADE, kind="upgrade")
    assert run(service, "upgrade", "Shop", "--yes").exit_code == 0
    assert "dryRun" not in service.sent("POST").url.params


def test_each_invocation_has_a_key_of_its_own() -> None:
    keys = set()
    for _ in range(2):
        service = accepting()
        run(service, *DEPLOY)
        keys.add(uuid.UUID(service.sent("POST").headers["idempotency-key"]))
    assert len(keys) == 2


def test_a_key_can_be_given() -> None:
    service = accepting()
    run(service, *DEPLOY, "--idempotency-key=build-7")
    assert service.sent("POST").headers["idempotency-key"] == "build-7"


def test_a_lost_answer_is_profiles_again_with_the_same_key() -> None:
    service = accepting()
    service.on("POST", "/stacks/deploy", LOST, answer(503), answer(202, operation=operation()))
    result = run(service, *DEPLOY)
    posts = [each for each in service.requests if each.method == "POST"]
    assert len({each.headers["idempotency-key"] for each in posts}) == 1
    assert (result.exit_code, len(posts)) == (0, 3)
    assert "retrying in 0.5 s" in result.stderr


def test_an_answer_that_never_comes_names_the_key() -> None:
    service = Service()
    service.on("POST", "/stacks/deploy", LOST)
    result = run(service, *DEPLOY)
    key = service.requests[0].headers["idempotency-key"]
    assert result.exit_code == 1
    assert f"no response from {API}: connection reset" in result.stderr
    assert f"--idempotency-key {key}" in result.stderr


def test_ctrl_c_before_the_answer_names_the_key() -> None:
    service = Service()
    service.on("POST", "/stacks/deploy", KeyboardInterrupt())
    result = run(service, *DEPLOY)
    assert result.exit_code == 130
    assert re.search(r"--idempotency-key [0-9a-f-]{36}", result.stderr)


def test_it_waits_for_the_end_and_says_what_runs_where() -> None:
    service = accepting()
    tasks = {"desired": 1, "running": 1, "healthy": 1}
    dev = {"environment": "DEV", "version": "1.1", "url": "http://dev.example", "tasks": tasks}
    service.on("GET", "/stacks/Shop", answer(stack=stack(dev)))
    result = run(service, *DEPLOY)
    assert result.exit_code == 0
    assert f"deploy of Shop SUCCEEDED after 12 s  {OPERATION}\n" in result.stdout
    assert re.search(r"DEV +1\.1 +1/1 +1 +http://dev\.example", result.stdout)
    assert "devops promote Shop --from dev\n" in result.stdout
    assert result.stderr == ""


def test_it_need_not_wait() -> None:
    service, clock = accepting(), Clock()
    result = run(service, *DEPLOY, "--no-wait", clock=clock)
    assert (result.exit_code, clock.pauses) == (0, [])
    assert service.calls() == ["POST /dev/stacks/deploy"]
    assert f"deploy of Shop IN_PROGRESS  {OPERATION}" in result.stdout
    assert f"devops wait Shop {OPERATION}" in result.stdout


def test_a_failure_is_exit_1_with_the_reasons() -> None:
    service = accepting()
    reasons = ["DEV 1.1: task exited with 1"]
    parts = [
        {"environment": "DEV", "status": "FAILED", "version": "1.1", "previousVersion": "1.0",
         "reason": "task exited with 1"},
        {"environment": "QA", "status": "FAILED", "version": "1.1", "reason": "no such subnet"},
    ]  # fmt: skip
    failed = operation("FAILED", reasons=reasons, environments=parts)
    service.on("GET", PATH, answer(operation=failed))
    result = run(service, *DEPLOY)
    assert result.exit_code == 1
    assert result.stdout.count("task exited with 1") == 1
    assert "QA: no such subnet" in result.stdout
    assert re.search(r"DEV +1\.0 *\n", result.stdout)
    assert re.search(r"QA +first image *\n", result.stdout)
    assert f"devops events Shop --operation {OPERATION}" in result.stdout


def test_what_has_failed_at_once_is_told_like_any_failure() -> None:
    service = Service()
    failed = operation("FAILED", reasons=["template is broken"])
    service.on("POST", "/stacks", answer(424, errorMessage="x", operation=failed))
    result = run(service, *CREATE)
    assert result.exit_code == 1
    assert "template is broken" in result.stdout


def test_a_424_without_an_operation_is_an_error() -> None:
    service = Service()
    service.on("POST", "/stacks", answer(424, errorMessage="no", code="OPERATION_FAILED"))
    result = run(service, *CREATE)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: no (424 OPERATION_FAILED)\n")
    assert "--idempotency-key" in result.stderr


def test_nothing_to_do_is_a_success() -> None:
    service = Service()
    said = "1.1 is already live; the swap changed nothing"
    path = "/stacks/swapProdBlueAndGreen"
    service.on("POST", path, answer(operation=None, message=said))
    result = run(service, "swap", "Shop", "--version=1.1")
    assert (result.exit_code, result.stdout) == (0, f"{said}\n")
    service.on("POST", path, answer(operation=None))
    assert run(service, "swap", "Shop", "--yes").stdout == "nothing to do\n"
