"""taskRole: only the roles that `taskroles` lists for the team, at each call that uses them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from devops_core.access import AccessPolicy
from tests.lab.callers import denied, with_policy
from tests.lab.client import Client, Reply
from tests.lab.fakes import ACCOUNT, FakeCloud

_IAM = f"arn:aws:iam::{ACCOUNT}:role"
ROLE = f"{_IAM}/payments-tasks"
PATTERN = f"{_IAM}/payments-*"
OWN = AccessPolicy(task_roles={"payments": (PATTERN,)})
REFUSAL = (
    "not allowed to {} Shop: {} must name a role that taskroles in parameters.yml lists for the"
    " team payments"
)
REMEDY = (
    "must be a role of the team payments: an admin of the installation can add the role to"
    " taskroles in parameters.yml"
)
UPDATE = "change the specification of"
CALLS: dict[str, Callable[[Client], Reply]] = {
    "deploy": lambda api: api.deploy("1.1", "dev"),
    "restart": lambda api: api.send(
        "POST",
        "/stacks/deploy",
        {"applicationName": "Shop", "environment": ["dev"], "restart": True},
    ),
    "promote": lambda api: api.promote(),
    "update": lambda api: api.patch({"service": {"environment": {"LEVEL": "info"}}}),
}


@pytest.fixture
def configured(promoted: FakeCloud, api: Client) -> FakeCloud:
    """Shop, promoted, whose specification has a role that the installation lists."""
    with_policy(promoted, OWN)
    api.finished(api.patch({"service": {"taskRole": ROLE}}))
    api.finished(api.deploy("1.1", "dev"))
    return promoted


def _roles(cloud: FakeCloud) -> dict[str, str | None]:
    names = ("dev", "prod-1", "prod-2")
    return {
        name: cloud.containers.running("Shop", name).request.get("taskRoleArn") for name in names
    }


def _hold_refused(reply: Reply, action: str, *fields: str) -> None:
    assert (reply.status, reply.body["code"]) == (403, "FORBIDDEN"), reply.body
    assert reply.body["errorMessage"] == REFUSAL.format(action, ", ".join(fields))
    assert reply.body["errors"] == [{"field": field, "message": REMEDY} for field in fields]


def test_each_rollout_applies_the_role(configured: FakeCloud, api: Client) -> None:
    api.finished(api.promote())
    assert _roles(configured) == {"dev": ROLE, "prod-1": None, "prod-2": ROLE}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    "roles",
    [{}, {"search": (PATTERN,)}, {"payments": (f"{_IAM}/shop-*",)}],
    ids=["no list", "another team", "another role"],
)
def test_each_call_refuses_a_role_that_was_removed_from_the_list(
    configured: FakeCloud, api: Client, roles: dict[str, tuple[str, ...]], name: str
) -> None:
    with_policy(configured, AccessPolicy(task_roles=roles))
    before = configured.tables.inventory_of("Shop")
    reply = CALLS[name](api)
    _hold_refused(reply, UPDATE if name == "update" else "roll out", "service.taskRole")
    assert configured.tables.inventory_of("Shop") == before
    assert configured.tables.in_progress() == []
    assert len(denied(configured)) == 1
    with_policy(configured, OWN)


@pytest.mark.parametrize("name", ["restart", "update"])
def test_a_role_for_all_teams_is_allowed(configured: FakeCloud, api: Client, name: str) -> None:
    with_policy(configured, AccessPolicy(task_roles={"*": (PATTERN,)}))
    assert CALLS[name](api).status == 202


def test_a_removed_role_can_be_replaced_only_while_it_is_listed(
    configured: FakeCloud, api: Client
) -> None:
    """A rollout that fails returns to the present task definition, whose role AWS would refuse."""
    with_policy(configured, AccessPolicy())
    refused = api.patch({"service": {"taskRole": None}})
    assert (refused.status, refused.body["code"]) == (409, "NOT_DEPLOYABLE")
    assert "list the role for the team in taskroles" in refused.body["errorMessage"]
    with_policy(configured, OWN)
    api.finished(api.patch({"service": {"taskRole": None}}))
    with_policy(configured, AccessPolicy())
    assert _roles(configured)["dev"] is None
    assert api.deploy("1.2", "dev").status == 202


@pytest.mark.parametrize(
    ("role", "status"),
    [
        ("payments-tasks", 202),
        ("payments-", 202),
        ("search-tasks", 403),
        ("teams/payments-tasks", 403),
        ("payments-x/tasks", 403),
        ("devops-ecs/Other-devExecutionRole-1", 403),
    ],
)
def test_a_wildcard_does_not_match_a_path(
    cloud: FakeCloud, api: Client, role: str, status: int
) -> None:
    """The roles of applications have the path /devops-ecs/ and read the secrets of their own."""
    with_policy(cloud, OWN)
    reply = api.create(overrides={"prod": {"taskRole": f"{_IAM}/{role}"}})
    assert reply.status == status
    if status == 403:
        _hold_refused(reply, "create", "overrides.prod.taskRole")
        assert not cloud.tables.rows


def test_a_role_of_another_account_is_invalid(cloud: FakeCloud, api: Client) -> None:
    with_policy(cloud, OWN)
    reply = api.create(service={"taskRole": "arn:aws:iam::210987654321:role/payments-tasks"})
    assert (reply.status, reply.body["code"]) == (400, "INVALID_REQUEST")
    assert [each["field"] for each in reply.body["errors"]] == ["service.taskRole"]


def test_the_role_of_an_added_environment_is_checked_too(promoted: FakeCloud, api: Client) -> None:
    with_policy(promoted, OWN)
    foreign = {"da": {"taskRole": f"{_IAM}/orders-tasks"}}
    _hold_refused(
        api.patch({"environments": {"da": True}, "overrides": foreign}),
        UPDATE,
        "overrides.da.taskRole",
    )
    assert not promoted.tables.in_progress()


def test_all_fields_with_a_refused_role_are_named(promoted: FakeCloud, api: Client) -> None:
    with_policy(promoted, OWN)
    foreign, own = {"taskRole": f"{_IAM}/orders-tasks"}, {"taskRole": ROLE}
    overrides = {"dev": own, "qa": foreign, "prod": foreign}
    _hold_refused(
        api.patch({"service": foreign, "overrides": overrides}),
        UPDATE,
        "overrides.prod.taskRole",
        "overrides.qa.taskRole",
        "service.taskRole",
    )
