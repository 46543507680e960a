"""With teams, an application uses only the secrets of its team."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from devops_core.access import AccessPolicy
from devops_core.errors import AccessDeniedError, AwsError, RefusedError, ThrottledError
from tests.lab.callers import ADMIN, ONLY_TEAMS, OWNER, with_policy
from tests.lab.callers import OTHER as FOREIGN
from tests.lab.client import Client, Reply
from tests.lab.dry import DryClient
from tests.lab.fakes import ACCOUNT, REGION, FakeCloud

SECRETS = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:"
OWN = f"{SECRETS}payments/db-AbCdEf"
TAGGED = f"{SECRETS}vault/db-AbCdEf"
OTHER = f"{SECRETS}search/db-AbCdEf"
BARE = f"{SECRETS}bare/db-AbCdEf"
MISSING = f"{SECRETS}missing-AbCdEf"
PARAMETER = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/payments/key"
WITH_PREFIXES = ONLY_TEAMS._replace(secret_prefixes={"payments": ("payments/",)})


@pytest.fixture
def vault(cloud: FakeCloud) -> FakeCloud:
    """An account with secrets of two teams."""
    cloud.secret_tags.stored = {
        OWN: {"technicalTeam": "search"},
        TAGGED: {"technicalTeam": "payments"},
        OTHER: {"technicalTeam": "search", "TechnicalTeam": "payments"},
        BARE: {},
    }
    with_policy(cloud, WITH_PREFIXES)
    return cloud


def create(
    cloud: FakeCloud,
    secrets: Mapping[str, str],
    overrides: Mapping[str, Any] | None = None,
    caller: str = OWNER,
) -> Reply:
    service, own = {"secrets": dict(secrets)}, dict(overrides or {})
    return Client(cloud, caller).create(service=service, overrides=own)


def calls(cloud: FakeCloud) -> list[str]:
    return [call.name for call in cloud.wire.journal if call.port == "secret_tags"]


def message(*fields: str) -> str:
    return (
        f"not allowed to create Shop: {', '.join(fields)} must name secrets of the team"
        " payments, by its secretprefixes or by the tag technicalTeam"
    )


def test_a_prefix_needs_no_call(vault: FakeCloud, api: Client) -> None:
    reply = create(vault, {"DB": f"{OWN}:user::", "KEY": PARAMETER})
    assert reply.status == 202
    assert calls(vault) == []
    api.settle()


def test_the_tag_of_the_team_is_enough(vault: FakeCloud, api: Client) -> None:
    reply = create(vault, {"A": f"{TAGGED}:user::", "B": f"{TAGGED}:password::", "C": OWN})
    assert reply.status == 202
    assert calls(vault) == ["secret_tags.tags"]
    api.settle()


@pytest.mark.parametrize("secret", [OTHER, BARE, MISSING, f"{OTHER}:user::"])
def test_another_secret_is_refused_in_the_same_words(vault: FakeCloud, secret: str) -> None:
    reply = create(vault, {"DB": secret})
    assert (reply.status, reply.body["code"]) == (403, "FORBIDDEN")
    assert reply.body["errorMessage"] == message("service.secrets")
    remedy = (
        "must be a secret of the team payments: an admin of the installation can add its prefix to"
        " secretprefixes in parameters.yml, or its owner can tag it with technicalTeam"
    )
    assert reply.body["errors"] == [{"field": "service.secrets.DB", "message": remedy}]
    assert not vault.tables.rows


@pytest.mark.parametrize("error", [AccessDeniedError, RefusedError])
def test_a_secret_that_the_service_cannot_read_is_refused_as_a_missing_one(
    vault: FakeCloud, error: type[AwsError]
) -> None:
    vault.wire.fail("secret_tags.tags", error(f"not allowed on {OTHER}"))
    reply = create(vault, {"DB": OTHER})
    assert (reply.status, reply.body["errorMessage"]) == (403, message("service.secrets"))
    (line,) = [facts for text, facts in vault.lines if text == "tags not read"]
    assert line == {"applicationName": "Shop", "error": error.code}


def test_a_create_during_throttling_can_be_repeated(vault: FakeCloud, api: Client) -> None:
    vault.wire.fail("secret_tags.tags", ThrottledError("AWS throttles DescribeSecret"), times=1)
    assert create(vault, {"DB": TAGGED}).status == 503
    assert create(vault, {"DB": TAGGED}).status == 202
    api.settle()


def test_all_faulty_secrets_are_named_without_their_names(vault: FakeCloud) -> None:
    overrides = {"prod": {"secrets": {"DB": OTHER, "OWN": OWN}}, "dev": {"secrets": {"X": BARE}}}
    reply = create(vault, {"DB": TAGGED, "KEY": MISSING}, overrides)
    assert reply.body["errorMessage"] == message(
        "overrides.dev.secrets", "overrides.prod.secrets", "service.secrets"
    )
    assert reply.status == 403
    assert [each["field"] for each in reply.body["errors"]] == [
        "overrides.dev.secrets.X", "overrides.prod.secrets.DB", "service.secrets.KEY"
    ]  # fmt: skip


def test_the_event_of_a_refusal_does_not_name_variables(vault: FakeCloud, api: Client) -> None:
    """All callers can read events; only the team can read the specification."""
    api.finished(create(vault, {}))
    refused = Client(vault, OWNER).patch({"service": {"secrets": {"app.secrets.DB": OTHER}}})
    assert [each["field"] for each in refused.body["errors"]] == ["service.secrets.app.secrets.DB"]
    events = Client(vault, FOREIGN).send("GET", "/events").body["events"]
    (reason,) = [each["reason"] for each in events if each["outcome"] == "DENIED"]
    assert "service.secrets must name secrets of the team payments" in reason
    assert "DB" not in reason


def test_a_secret_of_another_region_needs_a_prefix(vault: FakeCloud, api: Client) -> None:
    tagged, own = (each.replace(REGION, "us-east-1") for each in (TAGGED, OWN))
    vault.secret_tags.stored[tagged] = {"technicalTeam": "payments"}
    assert create(vault, {"DB": tagged}).status == 403
    assert calls(vault) == []
    assert create(vault, {"DB": own}).status == 202
    api.settle()


def test_an_admin_can_use_only_secrets_of_the_team(vault: FakeCloud) -> None:
    assert create(vault, {"DB": OTHER}, caller=ADMIN).status == 403


def test_a_dry_run_has_the_same_refusal(vault: FakeCloud) -> None:
    tried = DryClient(vault, OWNER).create(service={"secrets": {"DB": OTHER}})
    assert (tried.status, tried.body["errorMessage"]) == (403, message("service.secrets"))


def test_a_caller_of_another_team_does_not_learn_about_secrets(vault: FakeCloud) -> None:
    reply = create(vault, {"DB": OTHER}, caller=f"arn:aws:iam::{ACCOUNT}:user/eve")
    assert reply.status == 403
    assert "requires the team payments" in reply.body["errorMessage"]
    assert calls(vault) == []


@pytest.mark.parametrize(
    "policy",
    [AccessPolicy(), AccessPolicy(production_approvers=(OWNER,))],
    ids=["none", "approver"],
)
def test_without_teams_nothing_changes(vault: FakeCloud, api: Client, policy: AccessPolicy) -> None:
    with_policy(vault, policy)
    assert create(vault, {"DB": OTHER}).status == 202
    assert calls(vault) == []
    api.settle()
