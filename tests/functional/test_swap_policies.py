"""The policy of swaps in a specification: its revisions, its reads and its rights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from devops_core.model.swap_policy import SwapPolicy
from tests.lab.callers import APPROVER, ONLY_APPROVERS, OWNER, with_policy
from tests.lab.client import Client
from tests.lab.fakes import FakeCloud

POLICY: Mapping[str, Any] = {
    "strategy": {"type": "canary", "percent": 5},
    "bakeMinutes": 10,
    "alarms": ["checkout-errors"],
    "judge": {"errorRatePercent": 0.5},
}


def production(cloud: FakeCloud) -> Mapping[str, Any]:
    return cloud.tables.records["Shop"].specification.production


def test_a_policy_needs_no_rollout_and_leaves_nothing_pending(
    promoted: FakeCloud, api: Client
) -> None:
    start = len(promoted.wire.journal)
    done = api.patch({"production": POLICY})
    assert (done.status, done.operation["status"]) == (200, "SUCCEEDED")
    assert "environments" not in done.operation
    made = [call.name for call in promoted.wire.journal[start:]]
    assert made == ["tables.inventory", "containers.services", "tables.claim", "tables.close"]
    assert "pending" not in done.operation
    view = api.specification().body
    assert (view["revision"], view["pending"]) == (2, [])
    assert view["specification"]["production"] == POLICY
    assert not any(each["outdated"] for each in view["environments"])
    assert production(promoted) == POLICY
    assert SwapPolicy.of(production(promoted)).judge == (0.5, 50)


def test_a_policy_does_not_change_the_settings_of_an_environment(
    promoted: FakeCloud, api: Client
) -> None:
    before = promoted.tables.records["Shop"].specification
    assert api.patch({"production": POLICY}).status == 200
    after = promoted.tables.records["Shop"].specification
    for row in promoted.tables.inventory_of("Shop").rows:
        assert after.settings(row) == before.settings(row)
    # The slot runs the release with these settings already, so the promote ends at once.
    assert api.promote().status == 200


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"judge": None}, {name: POLICY[name] for name in POLICY if name != "judge"}),
        ({"judge": "off"}, {**POLICY, "judge": "off"}),
        ({"strategy": {"percent": None, "type": "allAtOnce"}},
         {**POLICY, "strategy": {"type": "allAtOnce"}}),
        ({"strategy": {"percent": 20}}, {**POLICY, "strategy": {"type": "canary", "percent": 20}}),
        (None, {}),
    ],
)  # fmt: skip
def test_a_patch_changes_and_removes_members_of_a_policy(
    shop: FakeCloud, api: Client, patch: Any, expected: Mapping[str, Any]
) -> None:
    assert api.patch({"production": POLICY}).status == 200
    assert api.patch({"production": patch}).status == 200
    assert production(shop) == expected


@pytest.mark.parametrize(
    ("patch", "field", "message"),
    [
        ({"bakeMinutes": 5}, "production.bakeMinutes",
         "must be at least 6 with a judge, not 5"),
        ({"strategy": {"type": "allAtOnce"}}, "production.strategy.percent",
         "must be absent with allAtOnce"),
        ({"ignoreAlarms": True}, "production.ignoreAlarms", "is not a known field"),
    ],
)  # fmt: skip
def test_the_resulting_policy_is_checked_as_a_whole(
    shop: FakeCloud, api: Client, patch: Any, field: str, message: str
) -> None:
    assert api.patch({"production": POLICY}).status == 200
    refused = api.patch({"production": patch})
    assert refused.status == 400
    assert refused.body["errors"] == [{"field": field, "message": message}]
    assert production(shop) == POLICY


def test_a_dry_run_shows_each_changed_member(promoted: FakeCloud, api: Client) -> None:
    assert api.patch({"production": POLICY}).status == 200
    change = {
        "production": {
            "strategy": {"percent": 20}, "alarms": ["a", "b"], "judge": "off",
            "approval": {"before": "full"}, "bakeMinutes": None,
        }
    }  # fmt: skip
    plan = api.patch(change, dryRun="true").body["plan"]
    assert plan["changes"] == [
        {"field": "production.alarms", "old": ["checkout-errors"], "new": ["a", "b"]},
        {"field": "production.approval", "new": {"before": "full"}},
        {"field": "production.bakeMinutes", "old": 10},
        {"field": "production.judge", "old": {"errorRatePercent": 0.5}, "new": "off"},
        {"field": "production.strategy.percent", "old": 5, "new": 20},
    ]
    assert not {"claims", "environments", "pending"} & plan.keys()
    assert production(promoted) == POLICY


def test_only_an_approver_changes_a_policy(shop: FakeCloud, api: Client) -> None:
    assert api.patch({"production": POLICY}).status == 200
    with_policy(shop, ONLY_APPROVERS)
    for patch in ({"production": {"bakeMinutes": 6}}, {"production": None}):
        refused = Client(shop, OWNER).patch(patch)
        assert (refused.status, refused.body["code"]) == (403, "FORBIDDEN")
    # The others write the same policy back with other changes.
    described = {"production": POLICY, "description": "The shop"}
    assert Client(shop, OWNER).patch(described).status == 200
    assert Client(shop, APPROVER).patch({"production": None}).status == 200
    assert production(shop) == {}


def test_a_create_can_have_a_policy(cloud: FakeCloud) -> None:
    """It needs only the right to create."""
    with_policy(cloud, ONLY_APPROVERS)
    owner = Client(cloud, OWNER)
    owner.finished(owner.create(production=POLICY))
    assert production(cloud) == POLICY


def test_a_swap_reports_all_faults_of_its_policy(promoted: FakeCloud, api: Client) -> None:
    del promoted
    refused = api.swap(
        strategy={"type": "allAtOnce", "percent": 10}, bakeMinutes=1441, alarms=[""],
        judge="on", approval={}, ignoreAlarms=1,
    )  # fmt: skip
    assert refused.status == 400
    assert [each["field"] for each in refused.body["errors"]] == [
        "alarms", "approval.before", "bakeMinutes", "ignoreAlarms", "judge", "strategy.percent",
    ]  # fmt: skip
