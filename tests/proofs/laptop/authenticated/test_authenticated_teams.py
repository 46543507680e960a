"""Rights of teams, admins and approvers, identified by their signatures."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.lab.laptop.api import Api, Response
from tools.laptop import callers

INVENTORY = ("ECS_Inventory_NonProduction", "ECS_Inventory_Production")
LOG = "DevOpsLogsTable"
CALLS = {
    "deploy": ("POST", "/stacks/deploy"),
    "deploy-blue": ("POST", "/stacks/deploytoprodBlue"),
    "swap": ("POST", "/stacks/swapProdBlueAndGreen"),
    "delete": ("DELETE", "/stacks"),
}


@pytest.fixture(scope="module")
def team(api: Api) -> Api:
    """The service, called by a member of the application's team without the right to approve."""
    return member(api, "platform-dev")


@pytest.fixture(scope="module")
def other_team(api: Api) -> Api:
    """The service, called by a member of another team with all IAM permissions."""
    return member(api, "search-dev")


def member(api: Api, name: str) -> Api:
    return Api(
        api.cloud, callers.create_user(api.client("iam"), name, *callers.allow_routes(["*"]))
    )


def send(api: Api, kind: str, application: str) -> Response:
    body: dict[str, Any] = {"applicationName": application}
    if kind == "deploy":
        body |= {"environment": ["dev"], "version": "1.0"}
    if kind == "delete":
        body = {"stack": application}
    return api.call(*CALLS[kind], body)


@pytest.mark.parametrize("kind", CALLS)
def test_another_team_is_refused_and_the_refusal_is_recorded(
    api: Api, other_team: Api, application: str, kind: str
) -> None:
    rows = [api.items(table) for table in INVENTORY]
    known = {item["entry"]["S"] for item in api.items(LOG)}
    answer = send(other_team, kind, application)
    assert (answer.status, answer.body["code"]) == (403, "FORBIDDEN"), answer.body
    assert "the team platform" in answer.body["errorMessage"]
    assert "arn:" not in answer.body["errorMessage"]
    assert [api.items(table) for table in INVENTORY] == rows
    new = [item for item in api.items(LOG) if item["entry"]["S"] not in known]
    (event,) = [item for item in new if item["entry"]["S"].startswith("EVENT#")]
    assert (event["outcome"]["S"], event["kind"]["S"]) == ("DENIED", kind)
    assert event["caller"]["S"] == "arn:aws:iam::000000000000:user/search-dev"


def test_another_team_reads_versions_but_no_images_and_digests(
    team: Api, other_team: Api, application: str
) -> None:
    """The function must also have the permission to read the digest of the tasks."""
    image = "public.ecr.aws/nginx/nginx"
    body = {"applicationName": application, "environment": ["dev"], "version": "1.27"}
    operation = team.succeed(team.post("/stacks/deploy", body | {"repouri": image}))
    (part,) = operation["environments"]
    assert part["digest"].startswith("sha256:")
    stack = f"/stacks/{application}"
    for path in (
        "/stacks", stack, f"{stack}?live=true", f"{stack}/operations", f"{stack}/events", "/events",
        f"{stack}/operations/{operation['id']}",
    ):  # fmt: skip
        shown, hidden = (json.dumps(api.call("GET", path).body) for api in (team, other_team))
        assert part["digest"] in shown, path
        assert image in shown, path
        assert "sha256:" not in hidden, path
        assert image not in hidden, path
        assert '"1.27"' in hidden, path


def test_a_refused_swap_names_the_missing_right(api: Api, team: Api, application: str) -> None:
    api.push(application, "2.0")
    body = {"applicationName": application, "environment": ["dev"], "version": "2.0"}
    team.succeed(team.post("/stacks/deploy", body))
    answer = send(team, "swap", application)
    assert (answer.status, answer.body["code"]) == (403, "FORBIDDEN"), answer.body
    assert "productionapprovers" in answer.body["errorMessage"]
