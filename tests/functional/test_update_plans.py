"""Dry runs of updates, promotes and swaps: the differences between specifications."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from devops_core.access import AccessPolicy
from tests.lab.callers import with_policy
from tests.lab.client import Client
from tests.lab.fakes import ACCOUNT, FakeCloud


def planned_changes(api: Client, patch: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the changed settings of each environment in the plan of a patch."""
    plan = api.patch(patch, dryRun="true").body["plan"]
    return {each["environment"]: each.get("changes") for each in plan["environments"]}


def test_a_dry_run_shows_the_differences(promoted: FakeCloud, api: Client) -> None:
    reply = api.patch(
        {"overrides": {"dev": {"cpu": 512, "memory": 1024}, "prod": {"environment": {"A": "1"}}}},
        dryRun="true",
    )
    plan = reply.body["plan"]
    assert (reply.status, plan["kind"], plan["claims"]) == (200, "update", ["DEV"])
    assert plan["changes"] == [
        {
            "field": "overrides",
            "new": {"dev": {"cpu": 512, "memory": 1024}, "prod": {"environment": {"A": "1"}}},
        }
    ]
    assert plan["pending"] == [{"field": "environment", "new": {"A": "1"}}]
    (dev,) = plan["environments"]
    assert [each["field"] for each in dev["taskDefinition"]] == ["cpu", "memory"]
    assert promoted.tables.records["Shop"].current == 1


def test_a_dry_run_shows_the_changed_settings_of_each_environment(
    promoted: FakeCloud, api: Client
) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/payments-tasks"
    secret = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:payments/db-AbCdEf"
    with_policy(promoted, AccessPolicy(task_roles={"payments": (role,)}))
    first = {
        "cpu": 512, "memory": 1024, "command": ["serve"], "startSeconds": 90, "stopSeconds": 20,
        "environment": {"LEVEL": "info", "OLD": "1"},
    }  # fmt: skip
    api.ended(api.patch({"overrides": {"dev": first}}))
    following = {
        "cpu": 1024, "memory": 2048, "command": ["serve", "--fast"], "startSeconds": 120,
        "stopSeconds": None, "desiredCount": 3, "taskRole": role,
        "environment": {"LEVEL": "debug", "OLD": None}, "secrets": {"DB": secret},
    }  # fmt: skip
    assert planned_changes(api, {"overrides": {"dev": following}}) == {
        "DEV": [
            {"field": "command", "old": ["serve"], "new": ["serve", "--fast"]},
            {"field": "cpu", "old": 512, "new": 1024},
            {"field": "desiredCount", "old": 1, "new": 3},
            {"field": "environment.LEVEL", "old": "info", "new": "debug"},
            {"field": "environment.OLD", "old": "1"},
            {"field": "memory", "old": 1024, "new": 2048},
            {"field": "secrets.DB", "new": secret},
            {"field": "startSeconds", "old": 90, "new": 120},
            {"field": "stopSeconds", "old": 20},
            {"field": "taskRole", "new": role},
        ]
    }


def test_a_dry_run_shows_the_task_counts_of_all_environments(
    promoted: FakeCloud, api: Client
) -> None:
    api.ended(api.patch({"overrides": {"qa": {"desiredCount": 2}}}))
    promoted.containers.service("Shop", "stage").desired = 5
    changes = planned_changes(api, {"service": {"desiredCount": 7}})
    olds = {"DEV": 1, "STAGE": 5, "TRAINING": 1, "PROD-BLUE": 1, "PROD-GREEN": 1}
    assert changes == {
        name: [{"field": "desiredCount", "old": old, "new": 7}] for name, old in olds.items()
    }


def test_a_dry_run_of_a_promote_shows_the_task_count_and_the_settings(
    promoted: FakeCloud, api: Client
) -> None:
    del promoted
    change = {"cpu": 512, "memory": 1024, "desiredCount": 3}
    assert api.patch({"overrides": {"prod": change}}).status == 200
    body, query = {"applicationName": "Shop"}, {"dryRun": "true"}
    reply = api.send("POST", "/stacks/deploytoprodBlue", body, query=query)
    (blue,) = reply.body["plan"]["environments"]
    assert blue["changes"] == [
        {"field": "cpu", "old": 256, "new": 512},
        {"field": "desiredCount", "old": 1, "new": 3},
        {"field": "memory", "old": 512, "new": 1024},
    ]


def test_a_dry_run_of_a_swap_shows_the_differences_of_the_slots(
    promoted: FakeCloud, api: Client
) -> None:
    api.ended(
        api.patch({"service": {"environment": {"LEVEL": "debug"}, "cpu": 512, "memory": 1024}})
    )
    api.finished(api.promote())
    query = {"dryRun": "true"}
    body = {"applicationName": "Shop"}
    plan = api.send("POST", "/stacks/swapProdBlueAndGreen", body, query=query).body["plan"]
    green, blue = plan["environments"]
    assert {each["field"]: each["new"] for each in green["taskDefinition"]} == {
        "containerDefinitions.app.environment.LEVEL": "debug",
        "containerDefinitions.app.image": promoted.containers.running("Shop", "prod-2").image,
        "cpu": "512",
        "memory": "1024",
    }
    assert "taskDefinition" not in blue
    live = api.send("POST", "/stacks/swapProdBlueAndGreen", {**body, "version": "1.0"})
    assert live.status == 200
    again = api.send(
        "POST", "/stacks/swapProdBlueAndGreen", {**body, "version": "1.0"}, query=query
    )
    assert "environments" not in again.body["plan"]
