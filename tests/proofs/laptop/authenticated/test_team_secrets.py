"""With teams, an application uses only the secrets of its team; the boundary enforces it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.lab.laptop.api import Api, Response, create_body
from tests.lab.laptop.functions import Functions
from tests.lab.laptop.stored_secrets import TAG, stored_secret, tagged

DEV = {"nonProd": ["dev"]}
VALUE = "hush"


@pytest.fixture(scope="module")
def vault(api: Api) -> dict[str, str]:
    """The ARNs of secrets by name."""
    teams = {"platform/own": None, "vault/own": "platform", "vault/other": "search", "bare": None}
    arns = {name: stored_secret(api, name, VALUE, team) for name, team in teams.items()}
    return {**arns, "missing": arns["bare"].replace(":bare-", ":none-")}


def create(api: Api, name: str, secrets: Mapping[str, str], **headers: str) -> Response:
    body: dict[str, Any] = create_body(name, environments=DEV)
    return api.post("/stacks", body | {"overrides": {"dev": {"secrets": dict(secrets)}}}, **headers)


@pytest.mark.parametrize("name", ["vault/other", "bare", "missing"])
def test_another_secret_is_refused_in_the_same_words(
    api: Api, vault: dict[str, str], name: str
) -> None:
    answer = create(api, "Foreign", {"DB": vault[name], "OWN": vault["platform/own"]})
    assert (answer.status, answer.body["code"]) == (403, "FORBIDDEN"), answer.body
    assert answer.body["errorMessage"] == (
        "not allowed to create Foreign: overrides.dev.secrets must name secrets of the team"
        " platform, by its secretprefixes or by the tag technicalTeam"
    )
    assert api.call("GET", "/stacks/Foreign").status == 404


def test_a_parameter_of_another_team_is_refused(api: Api) -> None:
    ssm = api.client("ssm")
    for name, team in (("/vault/own", "platform"), ("/vault/other", "search")):
        tags = tagged(team)
        ssm.put_parameter(Name=name, Value="x", Type="String", Tags=tags)
    at = f"arn:aws:ssm:{ssm.meta.region_name}:000000000000:parameter/vault"
    answer = create(api, "Foreign", {"A": f"{at}/own", "B": f"{at}/other"})
    assert answer.status == 403
    assert "overrides.dev.secrets must name" in answer.body["errorMessage"]
    assert [each["field"] for each in answer.body["errors"]] == ["overrides.dev.secrets.B"]


@pytest.mark.parametrize(
    ("action", "secret"),
    [
        ("secretsmanager:DescribeSecret", "vault/own"),
        ("ssm:ListTagsForResource", "parameter"),
    ],
)
def test_a_role_without_the_permission_refuses_a_secret_of_the_team(
    api: Api, functions: Functions, vault: dict[str, str], action: str, secret: str
) -> None:
    at = f"arn:aws:ssm:{api.client('ssm').meta.region_name}:000000000000:parameter/vault/own"
    arn = {**vault, "parameter": at}[secret]
    before = functions.refusals()
    with functions.without("create", action):
        answer = create(api, "Foreign", {"DB": arn})
    assert answer.status == 403
    (refusal,) = functions.refusals()[len(before) :]
    assert f"may not {action} on {arn}" in refusal


def test_the_boundary_denies_a_secret_that_the_team_has_lost(
    api: Api, vault: dict[str, str]
) -> None:
    """The prefix and the tag allow the create. Without its tag, no new task can read the secret."""
    secrets = {"NAMED": vault["platform/own"], "TAGGED": vault["vault/own"]}
    api.succeed(create(api, "Vaulted", secrets))
    api.push("Vaulted", "2.0")
    body = {"applicationName": "Vaulted", "environment": ["dev"], "version": "2.0"}
    manager = api.client("secretsmanager")
    manager.untag_resource(SecretId=vault["vault/own"], TagKeys=[TAG])
    failed = api.wait_for_end(api.post("/stacks/deploy", body))
    assert failed["status"] == "FAILED"
    assert "not authorized to perform: secretsmanager:GetSecretValue" in failed["reasons"][0]
    manager.tag_resource(SecretId=vault["vault/own"], Tags=tagged("platform"))
    api.succeed(api.post("/stacks/deploy", body))
    api.succeed(api.call("DELETE", "/stacks", {"stack": "Vaulted"}))
