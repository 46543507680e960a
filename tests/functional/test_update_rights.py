"""The rights to read and to change a specification."""

from __future__ import annotations

from typing import Any

import pytest

from devops_core.access import AccessPolicy
from tests.functional.test_updates import LEVEL
from tests.lab.callers import APPROVER, BOTH, ONLY_APPROVERS, ONLY_TEAMS, OTHER, OWNER, with_policy
from tests.lab.client import Client
from tests.lab.fakes import FakeCloud


def test_only_the_team_reads_and_changes_the_specification(shop: FakeCloud) -> None:
    with_policy(shop, ONLY_TEAMS)
    assert Client(shop, OWNER).specification().status == 200
    for query in ({}, {"revision": "1"}):
        reply = Client(shop, OTHER).specification(**query)
        assert (reply.status, reply.body["code"]) == (403, "FORBIDDEN")
    assert Client(shop, OTHER).patch(LEVEL).status == 403
    assert Client(shop, OWNER).patch(LEVEL).status == 202


def test_a_change_of_production_requires_an_approver(shop: FakeCloud) -> None:
    with_policy(shop, ONLY_APPROVERS)
    owner = Client(shop, OWNER)
    dev_only = {"overrides": {"dev": {"environment": {"A": "1"}}}}
    assert owner.patch(dev_only).status == 202
    owner.settle()
    for patch in (
        LEVEL,
        {"overrides": {"prod": {"desiredCount": 2}}},
        {"service": {"warmup": ["/"]}},
        {"production": {"bakeMinutes": 5}},
    ):
        refused = owner.patch(patch)
        assert (refused.status, refused.body["code"]) == (403, "FORBIDDEN")
        assert refused.body["errorMessage"] == (
            "not allowed to change production of Shop: requires productionapprovers"
        )
    assert Client(shop, APPROVER).patch(LEVEL).status == 202


@pytest.mark.parametrize(
    ("patch", "query", "allowed"),
    [
        ({"overrides": {"dev": {"environment": {"A": "1"}}}}, {}, True),
        (
            {"production": {"approval": {"before": "shift"}}, "environments": {"da": True}},
            {},
            False,
        ),
        ({"environments": {"training": False}}, {"remove": "training"}, False),
    ],
    ids=["dev", "policy", "removal"],
)
def test_an_abort_of_an_update_requires_the_right_to_start_it(
    shop: FakeCloud, patch: Any, query: Any, allowed: bool
) -> None:
    with_policy(shop, BOTH)
    lead, owner = Client(shop, APPROVER), Client(shop, OWNER)
    shop.containers.automatic = False
    started = lead.patch(patch, **query)
    assert started.status == 202, started.body
    reply = owner.abort(started.id)
    assert (reply.status != 403) is allowed
    if not allowed:
        assert reply.body["errorMessage"] == (
            f"not allowed to abort the update {started.id} of Shop: requires productionapprovers"
        )
        assert lead.abort(started.id).status in (200, 202)
    # A repeated call after the end needs the same right.
    shop.resume()
    lead.settle()
    assert owner.abort(started.id).status == (200 if allowed else 403)
    with_policy(shop, AccessPolicy())


def test_a_task_role_must_be_one_of_the_team(shop: FakeCloud, api: Client) -> None:
    role = "arn:aws:iam::123456789012:role/payments-tasks"
    policy = AccessPolicy(task_roles={"payments": ("arn:aws:iam::123456789012:role/payments-*",)})
    refused = api.patch({"service": {"taskRole": role}})
    assert (refused.status, refused.body["code"]) == (403, "FORBIDDEN")
    with_policy(shop, policy)
    api.ended(api.patch({"service": {"taskRole": role}}))
    assert shop.containers.running("Shop", "dev").request["taskRoleArn"] == role
    with_policy(shop, AccessPolicy())
    assert api.deploy("1.0", "dev").status == 403
