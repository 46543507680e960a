"""Teams and approvers: other callers receive 403, and their requests change nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from devops_core.access import AccessPolicy
from tests.lab.callers import (
    ADMIN,
    APPROVER,
    BOTH,
    ONLY_APPROVERS,
    ONLY_TEAMS,
    OTHER,
    OWNER,
    PRODUCTION,
    TEAMS,
    VERBS,
    WRITES,
    denied,
    hold_refused,
    with_policy,
)
from tests.lab.client import Client, Reply, http_event
from tests.lab.dry import DryClient
from tests.lab.fakes import FakeCloud
from tests.lab.fakes.cloud import REGISTRY

KEY = {"Idempotency-Key": "build-17"}


# --- teams ---


@pytest.mark.parametrize("kind", WRITES)
@pytest.mark.parametrize("policy", [ONLY_TEAMS, BOTH], ids=["teams", "both"])
def test_another_team_is_refused(owned: FakeCloud, kind: str, policy: AccessPolicy) -> None:
    with_policy(owned, policy)
    calls = ["tables.inventory", "tables.count_refusal"]
    reply = hold_refused(owned, OTHER, WRITES[kind], calls)
    needs = "the team payments or admins"
    if policy is BOTH and kind in PRODUCTION:
        needs += " and productionapprovers"
    assert (
        reply.body["errorMessage"]
        == f"not allowed to {VERBS.get(kind, kind)} Shop: requires {needs}"
    )


@pytest.mark.parametrize("kind", WRITES)
@pytest.mark.parametrize("caller", [OWNER, ADMIN, APPROVER])
def test_the_team_and_admins_are_allowed(owned: FakeCloud, kind: str, caller: str) -> None:
    with_policy(owned, ONLY_TEAMS)
    reply = WRITES[kind](Client(owned, caller))
    assert reply.status in (200, 202), reply.body
    assert reply.operation["caller"] == caller
    assert denied(owned) == []


@pytest.mark.parametrize(
    ("caller", "team", "status"),
    [
        (OWNER, "payments", 202),
        (OTHER, "payments", 403),
        (ADMIN, "payments", 202),
        (OWNER, "search", 403),
        (OWNER, "nobodys", 403),
        (ADMIN, "nobodys", 202),
    ],
)
@pytest.mark.parametrize("policy", [ONLY_TEAMS, BOTH], ids=["teams", "both"])
def test_an_application_can_be_created_only_for_the_own_team(
    cloud: FakeCloud, policy: AccessPolicy, caller: str, team: str, status: int
) -> None:
    with_policy(cloud, policy)
    reply = Client(cloud, caller).create(tags={"technicalTeam": team})
    assert reply.status == status
    assert bool(cloud.tables.rows) is (status == 202)
    assert denied(cloud) == []


@pytest.mark.parametrize(
    ("team", "needs"),
    [
        ("payments", "the team payments or admins"),
        ("nobodys", "admins (there is no team nobodys)"),
    ],
)
def test_a_denied_create_uses_neither_its_name_nor_its_key(
    cloud: FakeCloud, team: str, needs: str
) -> None:
    with_policy(cloud, BOTH)

    def ask(api: Client) -> Reply:
        return api.create(tags={"technicalTeam": team}, headers=KEY)

    reply = hold_refused(cloud, OTHER, ask, [])
    assert reply.body["errorMessage"] == f"not allowed to create Shop: requires {needs}"
    assert cloud.tables.events == {}, "the later application begins with events of others"
    assert Client(cloud, ADMIN).create(headers=KEY).status == 202


def test_only_admins_can_change_an_application_of_an_unknown_team(owned: FakeCloud) -> None:
    with_policy(owned, AccessPolicy(teams={"search": TEAMS["search"]}, admins=(ADMIN,)))
    reply = hold_refused(
        owned, OWNER, WRITES["deploy"], ["tables.inventory", "tables.count_refusal"]
    )
    assert reply.body["errorMessage"].endswith("requires admins (there is no team payments)")
    assert WRITES["deploy"](Client(owned, ADMIN)).status == 202


@pytest.mark.parametrize(
    ("identity", "status"),
    [
        ({"apiKeyId": "a1b2c3d4e5"}, 202),
        ({"apiKeyId": "a1b2c3d4e6"}, 403),
        ({"sourceIp": "192.0.2.7"}, 403),
        # The signer is the caller, also if the request has an API key.
        ({"apiKeyId": "a1b2c3d4e5", "userArn": OTHER}, 403),
    ],
)
def test_an_api_key_can_be_in_a_team_and_an_address_cannot(
    owned: FakeCloud, identity: Mapping[str, str], status: int
) -> None:
    body = {"applicationName": "Shop", "environment": ["dev"], "version": "1.1"}
    event = http_event("POST", "/stacks/deploy", json.dumps(body))
    event["requestContext"]["identity"] = identity
    assert Client(owned).raw(event).status == status


# --- production approvers ---


@pytest.mark.parametrize("kind", PRODUCTION)
@pytest.mark.parametrize("policy", [ONLY_APPROVERS, BOTH], ids=["approvers", "both"])
@pytest.mark.parametrize("caller", [OWNER, ADMIN])
def test_production_requires_an_approver_also_for_admins(
    owned: FakeCloud, kind: str, policy: AccessPolicy, caller: str
) -> None:
    with_policy(owned, policy)
    calls = ["tables.inventory", "tables.count_refusal"]
    reply = hold_refused(owned, caller, WRITES[kind], calls)
    message = f"not allowed to {VERBS.get(kind, kind)} Shop: requires productionapprovers"
    assert reply.body["errorMessage"] == message


@pytest.mark.parametrize("kind", WRITES)
def test_an_approver_of_the_team_is_allowed(owned: FakeCloud, kind: str) -> None:
    assert WRITES[kind](Client(owned, APPROVER)).status in (200, 202)
    assert denied(owned) == []


@pytest.mark.parametrize("caller", [OWNER, OTHER])
def test_every_caller_can_create_and_deploy_without_teams(owned: FakeCloud, caller: str) -> None:
    with_policy(owned, ONLY_APPROVERS)
    api = Client(owned, caller)
    assert WRITES["deploy"](api).status == 202
    assert api.create("Other").status == 202


# --- order of the checks ---


@pytest.mark.parametrize("kind", WRITES)
def test_unknown_applications_and_invalid_requests_are_not_denied(
    cloud: FakeCloud, kind: str
) -> None:
    with_policy(cloud, BOTH)
    api = Client(cloud, OTHER)
    assert WRITES[kind](api).body["code"] == "NO_SUCH_APPLICATION"
    assert api.deploy("not valid").status == 400
    assert api.abort("01JN8F1ST00000000000000ZZZ").status == 404
    assert cloud.tables.events == {}


def test_a_denial_comes_before_checks_that_reveal_the_application(owned: FakeCloud) -> None:
    api = Client(owned, OTHER)
    assert Client(owned, OWNER).deploy("1.1", "qa").status == 202
    assert api.deploy("1.1", "qa").body["code"] == "FORBIDDEN"
    assert api.deploy("9.9", "da").body["code"] == "FORBIDDEN"
    assert api.swap(version="1.0").body["code"] == "FORBIDDEN"


@pytest.mark.parametrize("kind", ["create", *WRITES])
def test_a_repeated_request_of_another_session_returns_the_same_operation(
    owned: FakeCloud, kind: str
) -> None:
    asks: Mapping[str, Callable[[Client], Reply]] = {
        "create": lambda api: api.create("Fresh", headers=KEY),
        "deploy": lambda api: api.deploy("1.1", "dev", headers=KEY),
        "deploy-blue": lambda api: api.promote(headers=KEY),
        "swap": lambda api: api.swap(headers=KEY),
        "delete": lambda api: api.delete(headers=KEY),
    }
    first = asks[kind](Client(owned, APPROVER))
    again = asks[kind](Client(owned, APPROVER.replace("/lea", "/another-session")))
    assert (first.status in (200, 202), again.id) == (True, first.id)
    assert asks[kind](Client(owned, OTHER)).status == 403


# --- images of other teams ---

_FOREIGN = (
    "not allowed to deploy Shop from the repository search/api: it does not exist, or belongs to"
    " another team than payments"
)


def _deploy_from(owned: FakeCloud, repository: str, tag: str = "1.0", **further: Any) -> Reply:
    return Client(owned, OWNER).deploy(tag, "dev", repouri=f"{REGISTRY}/{repository}", **further)


@pytest.fixture
def repositories(owned: FakeCloud) -> FakeCloud:
    """The own team has another repository, the team search has one, and one has no team."""
    tags = {"payments/tools": "payments", "search/api": "search"}
    owned.images.repository_tags = {name: {"technicalTeam": tag} for name, tag in tags.items()}
    for repository in (*tags, "base/images"):
        owned.images.push(repository, "1.0", content=repository)
    return owned


@pytest.mark.parametrize("policy", [ONLY_TEAMS, BOTH], ids=["teams", "both"])
def test_an_image_of_another_team_has_the_same_answer_as_a_missing_repository(
    repositories: FakeCloud, policy: AccessPolicy
) -> None:
    with_policy(repositories, policy)
    existing = _deploy_from(repositories, "search/api")
    missing_tag = _deploy_from(repositories, "search/api", "9.9")
    pinned = f"search/api@sha256:{'0' * 64}"
    dry = DryClient(repositories, OWNER).deploy("1.0", "dev", repouri=f"{REGISTRY}/search/api")
    repositories.images.repository_tags.clear()
    repositories.images.pushed = {
        key: value for key, value in repositories.images.pushed.items() if key[0] != "search/api"
    }
    missing = _deploy_from(repositories, "search/api")
    for reply in (existing, missing_tag, dry, missing, _deploy_from(repositories, pinned)):
        assert (reply.status, reply.body) == (
            403, {"errorMessage": _FOREIGN, "code": "FORBIDDEN"},
        )  # fmt: skip
    assert sum(each.count or 0 for each in denied(repositories)) == 4


@pytest.mark.parametrize("repository", ["payments/tools", "base/images", "shop"])
def test_images_of_the_own_team_and_shared_images_can_be_deployed(
    repositories: FakeCloud, repository: str
) -> None:
    start = len(repositories.wire.journal)
    assert _deploy_from(repositories, repository).status in (200, 202)
    called = repositories.wire.names(start).count("images.tags")
    assert called == int(repository != "shop")


def test_a_missing_image_of_a_shared_repository_is_reported(repositories: FakeCloud) -> None:
    reply = _deploy_from(repositories, "base/images", "9.9")
    assert (reply.status, reply.body["code"]) == (409, "IMAGE_NOT_FOUND")


def test_a_pull_through_cache_needs_no_repository(repositories: FakeCloud) -> None:
    repositories.images.caches = ["hub"]
    assert _deploy_from(repositories, "hub/nginx").status == 202


def test_without_teams_the_team_of_a_repository_is_not_read(repositories: FakeCloud) -> None:
    with_policy(repositories, ONLY_APPROVERS)
    assert _deploy_from(repositories, "search/api").status in (200, 202)
    assert repositories.wire.count("images.tags") == 0


def test_the_team_of_a_repository_is_read_together_with_the_image(repositories: FakeCloud) -> None:
    together: list[int] = []
    original = repositories.together

    def noted(calls: Sequence[Callable[[], Any]]) -> list[Any]:
        together.append(len(calls))
        return original(calls)

    repositories.together = noted
    assert _deploy_from(repositories, "payments/tools").status in (200, 202)
    assert together[0] == 3
