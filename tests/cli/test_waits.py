"""wait and abort."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.lab.prepared_service import OPERATION, PATH, Clock, Service, answer, operation, run

OLDER = "01JN8EY4M00000000000000000"
LIST = "/stacks/Shop/operations"


def ending(status: str, **members: Any) -> Service:
    service = Service()
    service.on(
        "GET", PATH, answer(operation=operation()), answer(operation=operation(status, **members))
    )
    return service


@pytest.mark.parametrize(("status", "code"), [("SUCCEEDED", 0), ("FAILED", 1)])
def test_wait_ends_as_the_operation_does(status: str, code: int) -> None:
    assert run(ending(status), "wait", "Shop", OPERATION.lower()).exit_code == code


@pytest.mark.parametrize(
    ("older", "newer", "waited_for"),
    [
        ("IN_PROGRESS", "SUCCEEDED", OLDER),
        ("FAILED", "SUCCEEDED", OPERATION),
    ],
)
def test_wait_finds_the_operation(older: str, newer: str, waited_for: str) -> None:
    service = Service()
    service.on(
        "GET", LIST, answer(operations=[operation(newer), operation(older, id=OLDER, url="")])
    )
    for each in (OLDER, OPERATION):
        service.on("GET", f"{LIST}/{each}", answer(operation=operation("SUCCEEDED", id=each)))
    assert run(service, "wait", "Shop").exit_code == 0
    assert service.calls()[1] == f"GET /dev{LIST}/{waited_for}"


def two_in_progress() -> Service:
    """Return a service with two open operations; the third has ended."""
    service = Service()
    qa = [{"environment": "QA", "status": "IN_PROGRESS"}]
    older = operation(id=OLDER, url="", environments=qa, caller="key-1")
    ended = operation("FAILED", id=OLDER[:-1] + "2")
    service.on("GET", LIST, answer(operations=[operation(kind="swap"), older, ended]))
    for each in (OLDER, OPERATION):
        done = operation("FAILED", id=each)
        service.on("GET", f"{LIST}/{each}", answer(operation=done))
        service.on("DELETE", f"{LIST}/{each}", answer(operation=done, message="stopped"))
    return service


@pytest.mark.parametrize("command", ["wait", "abort"])
@pytest.mark.parametrize("further", [(), ("--json",)])
def test_two_operations_in_progress_are_refused_without_a_terminal(
    command: str, further: tuple[str, ...]
) -> None:
    service = two_in_progress()
    result = run(service, command, "Shop", *further)
    assert (result.exit_code, result.stdout, len(service.requests)) == (2, "", 1)
    lines = [line.split() for line in result.stderr.splitlines()]
    time = ["2026-01-31", "12:00:00Z"]
    assert lines[1:4] == [
        ["NO", "OPERATION", "KIND", "ENV", "REQUESTED", "BY"],
        ["1", OPERATION, "swap", "DEV", *time, "user/alice"],
        ["2", OLDER, "deploy", "QA", *time, "key-1"],
    ]
    assert result.stderr.splitlines()[4:] == [
        "Error: 2 operations of Shop are in progress: name the operation",
        f"devops {command} Shop {OPERATION}",
        f"devops {command} Shop {OLDER}",
    ]


@pytest.mark.parametrize(("command", "method"), [("wait", "GET"), ("abort", "DELETE")])
@pytest.mark.parametrize(("typed", "chosen"), [("1\n", OPERATION), ("3\nx\n2\n", OLDER)])
def test_a_terminal_asks_which_operation(
    command: str, method: str, typed: str, chosen: str
) -> None:
    service = two_in_progress()
    result = run(service, command, "Shop", interactive=True, typed=typed)
    assert service.calls()[1] == f"{method} /dev{LIST}/{chosen}"
    assert {each.rpartition("/")[2] for each in service.calls()[1:]} <= {chosen, "Shop"}
    assert result.stderr.count("is not a number from 1 to 2") == typed.count("\n") - 1
    assert f"Which operation to {command}" in result.stderr


def test_no_choice_aborts_nothing() -> None:
    service = two_in_progress()
    assert run(service, "abort", "Shop", interactive=True).exit_code != 0
    assert len(service.requests) == 1


@pytest.mark.parametrize("command", ["wait", "abort"])
def test_there_may_be_no_operation(command: str) -> None:
    service = Service()
    service.on("GET", LIST, answer(operations=[]))
    result = run(service, command, "Shop")
    assert (result.exit_code, result.stderr) == (3, "Error: Shop has no operations\n")


@pytest.mark.parametrize("command", ["wait", "abort"])
def test_there_may_be_no_application(command: str) -> None:
    result = run(Service(), command, "Shop")
    assert result.exit_code == 3
    assert "404 NOT_FOUND" in result.stderr


@pytest.mark.parametrize("identifier", ["x", "../../stacks", OPERATION[:-1]])
def test_what_is_no_operation_is_not_profiles(identifier: str) -> None:
    service = Service()
    assert run(service, "wait", "Shop", identifier).exit_code == 2
    assert service.requests == []


@pytest.mark.parametrize(("status", "code"), [("FAILED", 0), ("SUCCEEDED", 1)])
def test_abort_succeeds_when_the_operation_did_not(status: str, code: int) -> None:
    service = ending(status, reasons=["aborted by iam user/alice"])
    said = "returning to the previous version"
    service.on("DELETE", PATH, answer(202, operation=operation(), message=said))
    result = run(service, "abort", "Shop", OPERATION)
    assert result.exit_code == code
    assert result.stdout.startswith(f"{said}\n")
    assert ("aborted by iam user/alice" in result.stdout) == (status == "FAILED")


def test_abort_finds_what_is_in_progress() -> None:
    service = ending("FAILED")
    service.on("GET", LIST, answer(operations=[operation("FAILED", id=OLDER), operation()]))
    service.on("DELETE", PATH, answer(200, operation=operation("FAILED"), message="stopped"))
    result = run(service, "abort", "Shop", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["message"] == "stopped"


def test_abort_leaves_alone_what_has_ended() -> None:
    service = Service()
    service.on("GET", LIST, answer(operations=[operation("FAILED")]))
    result = run(service, "abort", "Shop")
    assert (result.exit_code, result.stderr) == (
        3,
        "Error: no operation of Shop is in progress\nSee its state: devops status Shop\n",
    )


def test_abort_need_not_wait() -> None:
    service, clock = Service(), Clock()
    service.on("DELETE", PATH, answer(202, operation=operation(), message="going back"))
    assert run(service, "abort", "Shop", OPERATION, "--no-wait", clock=clock).exit_code == 0
    assert clock.pauses == []
