"""A swap in progress: the call that names the previous release rolls it back."""

from __future__ import annotations

from typing import Any

import pytest

from devops_core.errors import AccessDeniedError
from tests.lab.client import Client, Reply
from tests.lab.dry import DryClient, plan
from tests.lab.fakes import FakeCloud

STEPS: dict[str, Any] = {"strategy": {"type": "linear", "percent": 20}}


@pytest.fixture
def split(promoted: FakeCloud, api: Client) -> Reply:
    """Return a swap from 1.0 to 2.0 in its first step."""
    assert api.swap(version="1.0").status == 200
    promoted.push("2.0")
    api.finished(api.deploy("2.0", "dev"))
    api.finished(api.promote())
    reply = api.swap(version="2.0", **STEPS)
    assert reply.operation["weight"] == 20
    return reply


def test_a_swap_to_the_previous_release_rolls_back(
    promoted: FakeCloud, api: Client, split: Reply
) -> None:
    reply = api.swap(version="1.0", headers={"Prefer": "wait=25"})
    assert (reply.status, reply.id) == (200, split.id)
    assert reply.body["message"] == "all customers have the previous release"
    assert reply.body["applicationName"] == "Shop"
    assert reply.operation["status"] == "FAILED"
    assert reply.operation["reasons"] == ["aborted by iam user/alice"]
    assert promoted.live("Shop") == "prod-2"


def test_a_dry_run_of_it_returns_the_plan_of_an_abort(
    promoted: FakeCloud, api: Client, split: Reply
) -> None:
    found = plan(DryClient(promoted).swap(version="1.0"))
    assert found["message"] == "all customers would have the previous release"
    assert api.status(split.id).operation["weight"] == 20


@pytest.mark.parametrize("expected", [{"version": "2.0"}, {"version": "3.0"}, {}])
def test_another_swap_waits_for_the_end_of_the_first_one(
    api: Client, split: Reply, expected: dict[str, Any]
) -> None:
    reply = api.swap(**expected)
    assert (reply.status, reply.body["code"]) == (409, "BUSY")
    assert reply.body["errorMessage"].endswith(f"{split.id}: wait for its end, or abort it")
    assert reply.id == split.id
    assert api.status(split.id).operation["status"] == "IN_PROGRESS"


@pytest.mark.parametrize("other", ["promote", "delete"])
def test_only_a_swap_is_rolled_back(promoted: FakeCloud, api: Client, other: str) -> None:
    """The live release is not a reason to end another operation of production."""
    assert api.swap(version="1.0").status == 200
    api.finished(api.deploy("1.1", "dev"))
    promoted.containers.automatic = False
    holder = api.promote() if other == "promote" else api.delete()
    refused = api.swap(version="1.0")
    assert (refused.status, refused.body["code"], refused.id) == (409, "BUSY", holder.id)
    promoted.containers.automatic = True
    assert api.finished(holder).operation["status"] == "SUCCEEDED"


def test_an_aborted_swap_with_a_bake_keeps_its_claim_while_aws_blocks_it(
    promoted: FakeCloud, api: Client
) -> None:
    reply = api.swap(bakeMinutes=1)
    assert promoted.live("Shop") == "prod-2"
    promoted.wire.fail("load_balancer", AccessDeniedError("AWS denies it"))
    api.abort(reply.id)
    for _ in range(60):
        api.tick()
    assert api.status(reply.id).operation["status"] == "IN_PROGRESS"
    promoted.wire.heal()
    api.settle()
    assert promoted.live("Shop") == "prod-1"
