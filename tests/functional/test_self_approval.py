"""With `selfapproval: false`, the deployers of a release cannot make it live."""

from __future__ import annotations

from typing import Any

import pytest

from devops_core.access import AccessPolicy
from devops_core.naming import Environment
from tests.lab.callers import ADMIN, APPROVER, OTHER, OWNER, denied, with_policy
from tests.lab.client import Client, Reply
from tests.lab.dry import DryClient
from tests.lab.fakes import FakeCloud
from tests.lab.fakes.cloud import REGISTRY

REFUSED = (
    "not allowed to swap Shop: this caller deployed or promoted the release of the idle slot, or"
    " changed its settings, and selfapproval is false: another caller must swap"
)


@pytest.fixture
def separated(shop: FakeCloud) -> FakeCloud:
    """Shop, whose version 1.0 OWNER has deployed and APPROVER has promoted."""
    with_policy(shop, AccessPolicy(self_approval=False))
    release(shop, "1.0", OWNER, APPROVER)
    return shop


def release(cloud: FakeCloud, version: str, deployer: str, promoter: str) -> None:
    api = Client(cloud, deployer)
    api.finished(api.deploy(version, "dev"))
    api = Client(cloud, promoter)
    api.finished(api.promote())


def hold_refused(reply: Reply) -> None:
    assert (reply.status, reply.body) == (403, {"errorMessage": REFUSED, "code": "FORBIDDEN"})


@pytest.mark.parametrize("caller", [OWNER, APPROVER])
def test_a_deployer_and_a_promoter_cannot_swap(separated: FakeCloud, caller: str) -> None:
    live = separated.live("Shop")
    for session in (caller, f"{caller.rpartition('/')[0]}/another-session"):
        hold_refused(Client(separated, session).swap())
        hold_refused(DryClient(separated, session).swap())
    assert separated.live("Shop") == live
    assert [event.count for event in denied(separated)] == [2]


@pytest.mark.parametrize("caller", [OTHER, ADMIN])
def test_another_caller_can_swap(separated: FakeCloud, caller: str) -> None:
    assert DryClient(separated, caller).swap().status == 200
    assert Client(separated, caller).swap().status == 200


def test_every_caller_can_swap_back_to_a_release_that_was_live(separated: FakeCloud) -> None:
    first = separated.live("Shop")
    assert Client(separated, OTHER).swap().status == 200
    for caller in (OWNER, APPROVER, OTHER):
        assert Client(separated, caller).swap().status == 200
    assert separated.live("Shop") == first


def test_a_new_release_in_the_slot_of_a_live_one_needs_another_caller(
    separated: FakeCloud,
) -> None:
    assert Client(separated, OTHER).swap().status == 200
    release(separated, "1.1", OTHER, OTHER)
    hold_refused(Client(separated, OTHER).swap())
    assert Client(separated, OWNER).swap().status == 200


def test_a_repeated_promote_by_another_caller_does_not_free_the_deployer(
    separated: FakeCloud,
) -> None:
    release(separated, "1.1", OWNER, OWNER)
    hold_refused(Client(separated, OWNER).swap())
    Client(separated, OTHER).promote()
    Client(separated, OTHER).settle()
    hold_refused(Client(separated, OWNER).swap())


@pytest.mark.parametrize(
    "change", [{"service": {"command": ["sh"]}}, {"overrides": {"prod": {"command": ["sh"]}}}]
)
@pytest.mark.parametrize("deploys", [False, True], ids=["promote", "deploy and promote"])
def test_the_author_of_settings_is_a_deployer(
    shop: FakeCloud, change: dict[str, Any], deploys: bool
) -> None:
    """Settings can bring other code, for example as the command of the container."""
    with_policy(shop, AccessPolicy(self_approval=False))
    release(shop, "1.0", OTHER, OTHER)
    author, other = Client(shop, OWNER), Client(shop, OTHER)
    author.patch(change)
    author.settle()
    # A later revision of another caller does not remove the author.
    Client(shop, ADMIN).patch({"overrides": {"dev": {"environment": {"LEVEL": "debug"}}}})
    author.settle()
    if deploys:
        release(shop, "1.1", OTHER, OTHER)
    else:
        other.finished(other.promote())
    hold_refused(author.swap())
    assert Client(shop, ADMIN).swap().status == 200
    # Customers have the settings now: the next release does not bring them.
    release(shop, "1.2", OTHER, OTHER)
    assert author.swap().status == 200


@pytest.mark.parametrize(
    "change",
    [
        {"overrides": {"prod": {"desiredCount": 2}}},
        {"overrides": {"dev": {"command": ["sh"]}}},
        {"production": {"bakeMinutes": 5}},
    ],
    ids=["size", "dev", "policy"],
)
def test_the_author_of_other_changes_is_no_deployer(
    shop: FakeCloud, change: dict[str, Any]
) -> None:
    with_policy(shop, AccessPolicy(self_approval=False))
    author = Client(shop, OWNER)
    author.patch(change)
    author.settle()
    release(shop, "1.0", OTHER, OTHER)
    assert author.swap(bakeMinutes=0).status == 200


def test_the_author_of_settings_with_a_change_of_the_stack_is_a_deployer(shop: FakeCloud) -> None:
    with_policy(shop, AccessPolicy(self_approval=False))
    author = Client(shop, OWNER)
    author.finished(author.patch({"environments": {"da": True}, "service": {"command": ["sh"]}}))
    release(shop, "1.0", OTHER, OTHER)
    hold_refused(author.swap())


def test_the_record_of_a_swap_has_its_own_approval(separated: FakeCloud) -> None:
    """An emergency needs a swap without the approval of the specification."""
    specified = {"before": "shift", "timeoutMinutes": 1440}
    other = Client(separated, OTHER)
    other.patch({"production": {"approval": specified, "bakeMinutes": 5}})
    waiting = other.swap()
    assert waiting.operation["policy"]["approval"] == specified
    hold = other.advance(waiting.id, "continue")
    assert (hold.status, hold.body["code"]) == (403, "FORBIDDEN")
    other.abort(waiting.id)
    assert "approval" not in other.swap(approval="off").operation["policy"]


def test_a_release_that_went_live_by_hand_has_no_deployer(separated: FakeCloud) -> None:
    estate, listeners = separated.stacks.estate, separated.load_balancer.listeners
    for which, slot in (("production", "prod-2"), ("test", "prod-1")):
        listeners[estate.listener("Shop", which)] = [estate.target_group("Shop", slot)]
    separated.clock.pass_(minutes=10)
    assert Client(separated, OWNER).drift_check() == 1
    for live in ("prod-1", "prod-2"):
        assert Client(separated, OWNER).swap().status == 200
        assert separated.live("Shop") == live


def test_a_release_of_another_tool_has_no_deployer(separated: FakeCloud) -> None:
    running = separated.containers.running("Shop", "prod-2").request
    app, *_ = running["containerDefinitions"]
    image = f"{REGISTRY}/shop@{separated.images.pushed['shop', '1.1']}"
    changed = {**running, "containerDefinitions": [{**app, "image": image}], "tags": []}
    service = separated.containers.service("Shop", "prod-2")
    service.deploy(separated.containers.add(changed), separated.clock.now())
    service.complete(separated.clock.now())
    separated.clock.pass_(minutes=10)
    Client(separated).drift_check()
    slot = separated.tables.inventory_of("Shop").service(Environment.PROD_BLUE)
    assert slot is not None
    assert (slot.deployed_by, slot.deployers) == (None, ())
    assert Client(separated, OWNER).swap(version=slot.version).status == 200


def test_a_swap_that_changes_nothing_is_not_refused(separated: FakeCloud) -> None:
    assert Client(separated, OTHER).swap().status == 200
    reply = Client(separated, OWNER).swap(version="1.0")
    assert (reply.status, reply.body["operation"]) == (200, None)


def test_an_own_release_can_go_live_by_default(shop: FakeCloud) -> None:
    release(shop, "1.0", OWNER, OWNER)
    assert Client(shop, OWNER).swap().status == 200
