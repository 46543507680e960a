"""Invalid input over real HTTP: 400 with all faults, without a write."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.laptop.api import Api, create_body
from tests.proofs.laptop.conftest import LEFT_ALONE
from tools.laptop.deploy import client

TABLES = ("ECS_Inventory_NonProduction", "ECS_Inventory_Production", "ECS_Inventory_TrainingDA")

SWAP = "/stacks/swapProdBlueAndGreen"
DEPLOY = {"applicationName": "Nobody", "environment": ["dev"], "version": "1"}
BAD = [
    pytest.param("/stacks", "", {"body"}, id="empty"),
    pytest.param("/stacks", "name=x", {"body"}, id="not JSON"),
    pytest.param("/stacks", "[1]", {"body"}, id="not an object"),
    pytest.param("/stacks", '{"a": "' + "x" * 65_600 + '"}', {"body"}, id="oversized"),
    pytest.param(
        "/stacks/deploy", '{"a": "' + "x" * 16_400 + '"}', {"body"}, id="oversized deploy"
    ),
    pytest.param("/stacks", "[" * 9_000, {"body"}, id="nested too deeply"),
    pytest.param("/stacks", {}, {"applicationName", "email", "tags"}, id="all required missing"),
    pytest.param("/stacks", create_body("My-App-Dev"), {"applicationName"}, id="name"),
    pytest.param("/stacks", create_body('My"App'), {"applicationName"}, id="quote"),
    pytest.param("/stacks", create_body("MyApp\n"), {"applicationName"}, id="newline"),
    pytest.param("/stacks", create_body("A" * 23), {"applicationName"}, id="23 characters"),
    pytest.param("/stacks", create_body("App", extra=1), {"extra"}, id="unknown field"),
    pytest.param("/stacks", create_body("App", email="nobody"), {"email"}, id="e-mail"),
    pytest.param(
        "/stacks",
        create_body("App", environments={"nonProd": ["dev", "dev"], "training": "yes"}),
        {"environments.nonProd", "environments.training"},
        id="environments",
    ),
    pytest.param(
        "/stacks",
        create_body("App", tags={"technicalTeam": 1, "cost": []}),
        {"tags.technicalTeam", "tags.cost"},
        id="tags",
    ),
    pytest.param(
        "/stacks",
        create_body("App", service={"cpu": 256, "memory": 4096, "secrets": {"PASSWORD": "plain"}}),
        {"service.memory", "service.secrets.PASSWORD"},
        id="service",
    ),
    pytest.param("/stacks/deploy", DEPLOY | {"environment": []}, {"environment"}, id="nowhere"),
    pytest.param("/stacks/deploy", DEPLOY | {"environment": ["prod"]}, {"environment"}, id="prod"),
    pytest.param("/stacks/deploy", DEPLOY | {"version": "a b"}, {"version"}, id="version"),
    pytest.param(SWAP, {"version": 1}, {"applicationName", "version"}, id="swap"),
]


@pytest.mark.parametrize(("path", "body", "fields"), BAD)
def test_the_response_to_invalid_input_has_all_its_faults(
    api: Api, path: str, body: Any, fields: set[str]
) -> None:
    before = _traces(api)
    answer = api.post(path, body)
    assert answer.status == 400, answer.body
    assert answer.body["code"] == "INVALID_REQUEST"
    assert {problem["field"] for problem in answer.body["errors"]} == fields
    assert _traces(api) == before


def test_a_body_that_api_gateway_refuses_has_the_same_form_of_error(api: Api) -> None:
    answer = api.post("/stacks", b" " * (10 * 1024 * 1024 + 1))
    assert (answer.status, answer.body["code"]) == (413, "REQUEST_TOO_LARGE")
    assert answer.body.keys() == {"errorMessage", "code"}
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("/stacks/deploy", DEPLOY, id="deploy"),
        pytest.param("/stacks/deploytoprodBlue", {"applicationName": "Nobody"}, id="promote"),
        pytest.param(SWAP, {"applicationName": "Nobody"}, id="swap"),
    ],
)
def test_a_call_for_a_missing_application_is_refused(api: Api, path: str, body: Any) -> None:
    answer = api.post(path, body)
    assert (answer.status, answer.body["code"]) == (409, "NO_SUCH_APPLICATION")
    assert "Nobody" in answer.body["errorMessage"]


def test_a_delete_without_a_body_reads_the_query(api: Api) -> None:
    answer = api.call("DELETE", "/stacks?stack=Nobody")
    assert (answer.status, answer.body["code"]) == (409, "NO_SUCH_APPLICATION")


def test_a_missing_operation_is_404(api: Api) -> None:
    answer = api.call("GET", f"/stacks/{LEFT_ALONE}/operations/01ARZ3NDEKTSV4RRFFQ69G5FAV")
    assert (answer.status, answer.body["code"]) == (404, "NOT_FOUND")


def test_health_is_ok(api: Api) -> None:
    answer = api.call("GET", "/health")
    assert (answer.status, answer.body["status"]) == (200, "ok")


def _traces(api: Api) -> tuple[int, set[str]]:
    """Return the sizes of the tables and the stacks, except the one that is created meanwhile."""
    items = [item for table in (*TABLES, "DevOpsLogsTable") for item in api.items(table)]
    others = [item for item in items if item["applicationName"]["S"].lower() != LEFT_ALONE.lower()]
    stacks = client(api.cloud, "cloudformation").describe_stacks()["Stacks"]
    return len(others), {stack["StackName"] for stack in stacks}
