"""The check of each response of the functional tests against the contract."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.example_account import Account
from tools.contract.conformance import problems

DEPLOY = "POST", "/stacks/deploy"
HEADERS = {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Request-Id": "7f0d9a6e",
}
GONE = {"errorMessage": "application Shop does not exist", "code": "NO_SUCH_APPLICATION"}


def test_an_answer_as_it_should_be_has_no_problems() -> None:
    assert problems(*DEPLOY, 409, HEADERS, GONE) == []


@pytest.mark.parametrize("route", [("PUT", "/stacks/deploy"), ("POST", "/stacks/Shop")])
def test_an_unknown_route_is_a_problem(route: tuple[str, str]) -> None:
    assert problems(*route, 409, HEADERS, GONE) == [f"{' '.join(route)} 409 is not in the contract"]


def test_an_unknown_status_is_a_problem() -> None:
    assert problems(*DEPLOY, 404, HEADERS, GONE) == [
        "POST /stacks/deploy 404 is not in the contract"
    ]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"X-Powered-By": "Python"}, "the header X-Powered-By is not in the contract"),
        ({"Location": "/"}, "the header Location is not in the contract"),
        ({"Cache-Control": None}, "the header Cache-Control is missing"),
        ({"X-Request-Id": None}, "the header X-Request-Id is missing"),
        ({"Cache-Control": "public"}, 'the header Cache-Control: "no-store" was expected'),
        ({"Content-Type": "text/html"}, "the content type is text/html"),
        ({"Content-Type": None}, "the content type is None"),
    ],
)
def test_another_header_is_a_problem(changed: dict[str, Any], told: str) -> None:
    headers = {name: value for name, value in (HEADERS | changed).items() if value}
    assert problems(*DEPLOY, 409, headers, GONE) == [f"POST /stacks/deploy 409: {told}"]


@pytest.mark.parametrize("retry", ["soon", "0", "2.5"])
def test_a_number_in_a_header_is_one(account: Account, retry: str) -> None:
    reply = account.send("createApplication", "minimal")
    headers = {**reply.headers, "Retry-After": retry}
    assert problems("POST", "/stacks", 202, reply.headers, reply.body) == []
    (problem,) = problems("POST", "/stacks", 202, headers, reply.body)
    assert "Retry-After" in problem


@pytest.mark.parametrize(
    "body",
    [
        GONE | {"code": "GONE"},
        GONE | {"code": "NOT_READY"},
        GONE | {"hint": "create it"},
        GONE | {"errorMessage": None},
        GONE | {"code": "BUSY"},
        {"code": "NO_SUCH_APPLICATION"},
        [],
        None,
    ],
)
def test_another_body_is_a_problem(body: Any) -> None:
    assert len(problems(*DEPLOY, 409, HEADERS, body)) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "DONE"},
        {"kind": "rollback"},
        {"requestedAt": "yesterday"},
        {"id": "1"},
        {"url": None},
        {"progress": 1},
        {"environments": [{"environment": "PROD", "status": "FAILED"}]},
        {"template": {"sha256": "0"}},
    ],
)
def test_a_member_of_an_operation_that_is_not_as_told_is_a_problem(
    account: Account, changed: dict[str, Any]
) -> None:
    reply = account.send("createApplication", "minimal")
    body = {**reply.body, "operation": reply.operation | changed}
    (problem,) = problems("POST", "/stacks", 202, reply.headers, body)
    assert problem.startswith("POST /stacks 202: operation")
