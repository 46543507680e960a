"""Progress on a terminal and elsewhere."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.lab.prepared_service import (
    OPERATION,
    PATH,
    Clock,
    Service,
    answer,
    operation,
    run,
    stack,
)

WAIT = ("wait", "Shop", OPERATION)
GREEN = {"environment": "PROD-GREEN", "slot": "prod-2", "status": "IN_PROGRESS", "version": "2",
         "previousVersion": "1"}  # fmt: skip


def rolling(running: int, *messages: tuple[str, str], **members: Any) -> dict[str, Any]:
    return {
        "environment": "DEV",
        "tasks": {"desired": 2, "running": running, "pending": 2 - running, "healthy": running},
        "rollout": {"state": "COMPLETED" if running == 2 else "IN_PROGRESS"},
        "messages": [{"time": time, "message": said} for time, said in messages],
    } | members


def deploying() -> Service:
    before = ("2026-01-31T11:59:59Z", "of the deploy before")
    started = ("2026-01-31T12:00:01Z", "has started 1 task")
    steady = ("2026-01-31T12:00:02Z", "has reached a steady state")
    service = Service()
    service.on(
        "GET",
        PATH,
        answer(operation=operation(waitingFor="DEV: rollout IN_PROGRESS")),
        answer(operation=operation(waitingFor="DEV: rollout IN_PROGRESS")),
        answer(503, errorMessage="throttled"),
        answer(operation=operation("SUCCEEDED")),
    )
    service.on(
        "GET",
        "/stacks/Shop",
        answer(stack=stack(rolling(0, before))),
        answer(stack=stack(rolling(1, started, before))),
        answer(stack=stack(rolling(1, started, before))),
        answer(stack=stack(rolling(2, steady, started))),
    )
    return service


def test_elsewhere_each_change_is_a_line() -> None:
    result = run(deploying(), *WAIT)
    assert result.stdout.splitlines()[:9] == [
        "    10 s  deploy of Shop: IN_PROGRESS, waiting for: DEV: rollout IN_PROGRESS",
        "    10 s  DEV: IN_PROGRESS, 1.1, tasks 0/2 running, 2 pending, 0 healthy, "
        "rollout IN_PROGRESS",
        "    10 s  DEV: IN_PROGRESS, 1.1, tasks 1/2 running, 1 pending, 1 healthy, "
        "rollout IN_PROGRESS",
        "    10 s  DEV: has started 1 task",
        "    12 s  deploy of Shop: IN_PROGRESS, waiting for: throttled",
        "    14 s  deploy of Shop: SUCCEEDED",
        "    14 s  DEV: SUCCEEDED, 1.1, tasks 2/2 running, 0 pending, 2 healthy, rollout COMPLETED",
        "    14 s  DEV: has reached a steady state",
        f"deploy of Shop SUCCEEDED  {OPERATION}",
    ]
    assert "\x1b" not in result.output


@pytest.mark.parametrize("environment", [{"FORCE_COLOR": "1"}, {"CLICOLOR_FORCE": "1"}])
def test_elsewhere_there_are_no_control_codes_whatever_is_forced(
    environment: dict[str, str],
) -> None:
    assert "\x1b" not in run(deploying(), *WAIT, environment=environment).output


def test_on_a_terminal_a_table_is_drawn_anew() -> None:
    out = run(deploying(), *WAIT, width=100, environment={"NO_COLOR": "1"}).stdout
    seen = re.sub("\x1b\\[[0-9;?]*[a-zA-Z]", "", out)
    assert re.search(r"DEV +1\.1 +IN_PROGRESS +1/2 +1 +1 +IN_PROGRESS", seen)
    assert "Waiting for: DEV: rollout IN_PROGRESS" in seen
    assert "12:00:01 DEV: has started 1 task" in seen
    assert "of the deploy before" not in seen
    assert "\x1b[1A" in out  # up a line, to draw over it
    assert (
        seen.rstrip().splitlines()[-1]
        == "Next, to promote it to the idle production slot: devops promote Shop --from dev"
    )


def test_on_a_terminal_there_are_colours_unless_forbidden() -> None:
    colour = re.compile("\x1b\\[[0-9;]*3[0-9]m")
    assert colour.search(run(deploying(), *WAIT, width=100).stdout)
    assert not colour.search(
        run(deploying(), *WAIT, width=100, environment={"NO_COLOR": "1"}).stdout
    )
    assert "\x1b" not in run(deploying(), *WAIT, width=100, environment={"TERM": "dumb"}).stdout


def test_a_slot_stays_the_same_when_roles_change() -> None:
    service = Service()
    service.on("GET", PATH, answer(operation=operation(kind="swap", environments=[GREEN])))
    swapped = rolling(2, environment="PROD-BLUE", slot="prod-2")
    other = rolling(1, environment="PROD-GREEN", slot="prod-1")
    service.on("GET", "/stacks/Shop", answer(stack=stack(other, swapped)))
    out = run(service, *WAIT, clock=Clock(stop_at=1)).stdout
    assert "PROD-GREEN (prod-2): IN_PROGRESS, 1 -> 2, tasks 2/2 running" in out


def test_what_has_ended_before_has_no_progress() -> None:
    service = Service()
    service.on("GET", PATH, answer(operation=operation("SUCCEEDED")))
    assert run(service, *WAIT).stdout.startswith(f"deploy of Shop SUCCEEDED  {OPERATION}\n")


def said_after(
    kind: str, *environments: dict[str, Any], status: str = "SUCCEEDED", **more: Any
) -> str:
    ended = operation(status, kind, environments=list(environments), **more)
    service = Service()
    service.on("GET", PATH, answer(operation=ended))
    out = (
        run(service, *WAIT, "--api", "https://a b/x").stdout
        if False
        else run(service, *WAIT).stdout
    )
    return out.partition(OPERATION)[2]


def part(environment: str, **members: Any) -> dict[str, Any]:
    return {
        "environment": environment,
        "status": "SUCCEEDED",
        "url": f"http://{environment}",
    } | members


@pytest.mark.parametrize(
    ("kind", "environments", "step"),
    [
        ("create", [part("QA"), part("DEV")], "devops deploy Shop --env dev --version VERSION"),
        ("create", [part("STAGE")], "devops deploy Shop --env stage --version VERSION"),
        ("deploy", [part("DEV"), part("STAGE")], "devops promote Shop --from stage"),
        ("deploy-blue", [part("PROD-BLUE", version="1.1")], "devops swap Shop --version 1.1"),
        ("swap", [part("PROD-GREEN", version="1.1"), part("PROD-BLUE", version="1.0")],
         "devops swap Shop --version 1.0"),
        ("swap", [part("PROD-GREEN", version="1.1"), part("PROD-BLUE", previousVersion="1.1")],
         "devops swap Shop --back\n"),
    ],
)  # fmt: skip
def test_the_next_step_is_named(kind: str, environments: list[dict[str, Any]], step: str) -> None:
    assert step in said_after(kind, *environments)


@pytest.mark.parametrize(("kind", "environment"), [("deploy", "TRAINING"), ("repair", "DEV")])
def test_there_may_be_no_next_step(kind: str, environment: str) -> None:
    assert "devops" not in said_after(kind, part(environment))


def test_a_promote_is_called_as_its_command() -> None:
    service = Service()
    going, done = (operation(each, "deploy-blue") for each in ("IN_PROGRESS", "SUCCEEDED"))
    service.on("GET", PATH, answer(operation=going), answer(operation=done))
    out = run(service, *WAIT).stdout
    assert "  promote of Shop: IN_PROGRESS\n" in out
    assert "promote of Shop SUCCEEDED" in out


def test_what_is_deleted_runs_nowhere() -> None:
    assert said_after("delete", part("DEV")).strip() == ""


def test_a_swap_tells_what_the_pages_answered() -> None:
    assert "warm-up /: 200, 0.4 s" in said_after(
        "swap", part("PROD-GREEN"), warmup=[{"path": "/", "status": 200, "seconds": 0.4}]
    )


GONE = part("DEV", status="FAILED"), part("PROD-GREEN", slot="prod-1", status="FAILED")


@pytest.mark.parametrize("reason", ["aborted by iam user/bob", "did not stabilize"])
def test_a_create_that_left_nothing_shows_no_environments(reason: str) -> None:
    out = said_after("create", *GONE, status="FAILED", reasons=[reason])
    assert [line.strip() for line in out.splitlines() if line] == [
        reason,
        f"Events: devops events Shop --operation {OPERATION}",
    ]


@pytest.mark.parametrize("kind", ["create", "delete"])
def test_a_partly_deleted_application_shows_only_existing_resources(kind: str) -> None:
    service = Service()
    service.on("GET", PATH, answer(operation=operation("FAILED", kind, environments=GONE)))
    tasks = {"desired": 1, "running": 1, "healthy": 1}
    dev = {"environment": "DEV", "status": "DELETE_FAILED", "url": "http://dev", "tasks": tasks}
    green = {"environment": "PROD-GREEN", "slot": "prod-1", "status": "DELETE_FAILED"}
    service.on("GET", "/stacks/Shop", answer(stack=stack(dev, green)))
    lines = [line.split() for line in run(service, *WAIT).stdout.splitlines()]
    assert lines[1:4] == [
        ["ENV", "SLOT", "STATUS", "TASKS", "HEALTHY", "URL"],
        ["DEV", "DELETE_FAILED", "1/1", "1", "http://dev"],
        ["PROD-GREEN", "prod-1", "DELETE_FAILED"],
    ]
    assert "first image" not in run(service, "status", "Shop").stdout
    service.on("GET", "/stacks", answer(stacks=[stack(dev, green)]))
    assert "first image" not in run(service, "ls").stdout
