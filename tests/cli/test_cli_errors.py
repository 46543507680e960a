"""Errors in words."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.lab.prepared_service import KEYS, OPERATION, Service, Source, answer, run

DEPLOY = ("deploy", "Shop", "--env", "dev", "--version", "1.1")


def told(status: int, *arguments: str, **body: Any) -> tuple[int, list[str]]:
    service = Service()
    service.on("POST", "/stacks/deploy", answer(status, **body))
    result = run(service, *DEPLOY, *arguments)
    assert result.stdout == ""
    return result.exit_code, result.stderr.splitlines()


def test_each_fault_of_a_field_has_a_line() -> None:
    errors = [
        {"field": "version", "message": "must be an image tag"},
        {"field": "environment", "message": '"prod" is not one of dev, qa'},
    ]
    assert told(400, errorMessage="all in one line", code="INVALID_REQUEST", errors=errors) == (
        2,
        [
            "Error: the request is not valid (400 INVALID_REQUEST)",
            "  version: must be an image tag",
            '  environment: "prod" is not one of dev, qa',
        ],
    )


@pytest.mark.parametrize("repeated", ["", ": a; b"])
def test_each_reason_has_a_line(repeated: str) -> None:
    message = f"the idle slot is not ready{repeated}"
    code, lines = told(409, errorMessage=message, code="NOT_READY", reasons=["a", "b"])
    assert (code, lines) == (3, ["Error: the idle slot is not ready (409 NOT_READY)", "  a", "  b"])


def test_who_is_busy_is_named_with_the_commands_for_it() -> None:
    holder = {"id": OPERATION, "applicationName": "Shop", "url": "https://x"}
    code, lines = told(
        409, "--region", "eu-west-1", errorMessage="held", code="BUSY", operation=holder
    )
    assert code == 3
    wait = f"Wait for its end: devops wait Shop {OPERATION} --region eu-west-1"
    abort = f"Abort it:         devops abort Shop {OPERATION} --region eu-west-1"
    assert lines == ["Error: held (409 BUSY)", wait, abort]


def test_a_refusal_of_an_unsigned_call_says_so() -> None:
    code, lines = told(403, message="Missing Authentication Token")
    assert code == 4
    assert lines[0] == "Error: Missing Authentication Token (403)"
    assert "not signed" in lines[1]


@pytest.mark.parametrize(("status", "code"), [(422, 2), (404, 3), (401, 4), (502, 1)])
def test_the_exit_code_is_that_of_the_status(status: int, code: int) -> None:
    assert told(status, errorMessage="no")[0] == code


def test_what_the_service_says_cannot_control_a_terminal() -> None:
    service = Service()
    evil = "[bold red]x[/] :smile: \x1b[31m\u202e\ud800 http://x"
    body = {"errorMessage": "e", "code": evil, "errors": [{"field": evil, "message": evil}]}
    content = json.dumps(body).encode()  # httpx would not write half a character
    service.on("POST", "/stacks/deploy", httpx.Response(400, content=content))
    result = run(service, *DEPLOY, width=200, environment={"NO_COLOR": "1"})
    assert result.stderr.count("[bold red]x[/] :smile: ?[31m?? http://x") == 3


def test_on_a_narrow_terminal_a_command_can_be_copied() -> None:
    service = Service()
    holder = {"id": OPERATION, "applicationName": "Shop", "url": "https://x"}
    service.on("POST", "/stacks/deploy", answer(409, errorMessage="held", operation=holder))
    result = run(service, *DEPLOY, width=30, environment={"NO_COLOR": "1"})
    assert f"devops wait Shop {OPERATION}" in result.stderr


SIGNED = Source(KEYS)


@pytest.mark.parametrize(
    ("arguments", "call", "pattern"),
    [
        (DEPLOY, "POST /stacks/deploy", "POST/stacks/deploy"),
        (("swap", "Shop", "--yes"), "POST /stacks/swapProdBlueAndGreen",
         "POST/stacks/swapProdBlueAndGreen"),
        (("delete", "Shop", "--yes"), "DELETE /stacks", "DELETE/stacks"),
        (("status", "Shop"), "GET /stacks/Shop", "GET/stacks/*"),
        (("status", "events"), "GET /stacks/events", "GET/stacks/*"),
        (("events", "Shop"), "GET /stacks/Shop/events", "GET/stacks/*/events"),
        (("wait", "Shop"), "GET /stacks/Shop/operations", "GET/stacks/*/operations"),
        (("wait", "Shop", OPERATION), f"GET /stacks/Shop/operations/{OPERATION}",
         "GET/stacks/*/operations/*"),
        (("abort", "Shop", OPERATION), f"DELETE /stacks/Shop/operations/{OPERATION}",
         "DELETE/stacks/*/operations/*"),
        (("events",), "GET /events", "GET/events"),
        (("ls",), "GET /stacks", "GET/stacks"),
    ],
)  # fmt: skip
def test_a_denied_call_names_its_route_and_the_permission(
    arguments: tuple[str, ...], call: str, pattern: str
) -> None:
    service = Service()
    method, _, path = call.partition(" ")
    denied = answer(403, errorMessage="may not call", code="ACCESS_DENIED")
    service.on(method, path, denied)
    result = run(service, *arguments, source=SIGNED)
    assert result.exit_code == 4
    assert result.stderr.splitlines() == [
        "Error: may not call (403 ACCESS_DENIED)",
        f"The refused call: {call}",
        f"IAM must allow execute-api:Invoke on {pattern}: docs/install.md, Permissions of callers",
    ]


CREDENTIALS = (
    "Check the AWS credentials (AWS_PROFILE, AWS_ACCESS_KEY_ID), the region and the clock,"
    " or sign in again."
)


def test_the_deployer_of_a_release_learns_the_rule_and_not_that_a_list_must_change() -> None:
    service = Service()
    message = "not allowed to swap Shop: selfapproval is false: another caller must swap"
    service.on(
        "POST",
        "/stacks/swapProdBlueAndGreen",
        answer(403, errorMessage=message, code="FORBIDDEN"),
    )
    lines = run(service, "swap", "Shop", "--yes", source=SIGNED).stderr.splitlines()
    assert lines[-1] == "The rule of a second person: docs/teams.md#a-second-person"


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("FORBIDDEN", ["An admin of the installation changes the lists of callers: docs/teams.md"]),
        ("EXPIRED_TOKEN", [CREDENTIALS]),
        ("INVALID_SIGNATURE", [CREDENTIALS]),
        ("DEFAULT_4XX", [CREDENTIALS]),
        ("INVALID_API_KEY", ["Check the API key: DEVOPS_API_KEY, or devops config set api_key"]),
        ("CROSS_SITE", []),
    ],
)
def test_another_refusal_names_its_route_and_not_the_permission(
    code: str, remedy: list[str]
) -> None:
    service = Service()
    service.on("POST", "/stacks/deploy", answer(403, errorMessage="no", code=code))
    lines = run(service, *DEPLOY, source=SIGNED).stderr.splitlines()
    assert lines == [f"Error: no (403 {code})", "The refused call: POST /stacks/deploy", *remedy]
