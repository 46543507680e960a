"""Weights of the production listener that a person changes during a swap."""

from __future__ import annotations

from typing import Any

import pytest

from devops_core.errors import UnreachableError
from tests.functional.test_progressive_swap import CANARY, minutes, weight
from tests.lab.client import Client
from tests.lab.fakes import FakeCloud

OTHER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/other/1"
CHANGED = "the production listener was changed outside of the service"


@pytest.fixture
def cloud() -> FakeCloud:
    """An account without a watcher: persons break the promises about the listener."""
    return FakeCloud()


def by_hand(cloud: FakeCloud, weights: dict[str, int], which: str = "production") -> None:
    """Change the weights of a listener in the console, for slots or another target group."""
    estate = cloud.stacks.estate
    slots = {name: estate.target_group("Shop", name) for name in ("prod-1", "prod-2")}
    groups = dict.fromkeys(slots.values(), 0)
    groups |= {slots.get(name, name): value for name, value in weights.items()}
    cloud.load_balancer.forward(estate.listener("Shop", which), groups)


@pytest.mark.parametrize(
    "weights",
    [{OTHER: 90, "prod-2": 10}, {OTHER: 45, "prod-1": 45, "prod-2": 10}, {OTHER: 100}],
    ids=["instead of the live slot", "beside both slots", "instead of both"],
)
def test_a_third_target_group_returns_the_customers(
    promoted: FakeCloud, api: Client, weights: dict[str, int]
) -> None:
    reply = api.swap(**CANARY)
    assert weight(promoted) == 10
    by_hand(promoted, weights)
    minutes(api, 2)
    ended = api.status(reply.id).operation
    assert ended["status"] == "FAILED"
    assert CHANGED in "; ".join(ended["reasons"])
    assert weight(promoted) == 0


@pytest.mark.parametrize("weights", [{"prod-1": 2, "prod-2": 1}, {OTHER: 1, "prod-2": 1}])
def test_an_abort_returns_customers_that_a_person_moved(
    promoted: FakeCloud, api: Client, weights: dict[str, int]
) -> None:
    reply = api.swap(approval={"before": "shift"})
    by_hand(promoted, weights)
    back = api.abort(reply.id)
    assert back.body["message"] == "all customers have the previous release"
    assert promoted.live("Shop") == "prod-1"


def test_an_abort_keeps_a_page_that_replaces_both_releases(
    promoted: FakeCloud, api: Client
) -> None:
    """A person can show a maintenance page; the swap has not moved any customers."""
    reply = api.swap(approval={"before": "shift"})
    by_hand(promoted, {OTHER: 100})
    assert api.abort(reply.id).operation["status"] == "FAILED"
    assert promoted.load_balancer.listeners[
        promoted.stacks.estate.listener("Shop", "production")
    ] == [OTHER]


@pytest.mark.parametrize("policy", [{}, CANARY], ids=["at once", "canary"])
@pytest.mark.parametrize(
    ("weights", "left"),
    [
        ({OTHER: 100}, [OTHER]),
        ({OTHER: 50, "prod-1": 50}, [OTHER, "prod-1"]),
        ({"prod-1": 50, "prod-2": 50}, ["prod-1"]),
        ({"prod-1": 2, "prod-2": 1}, ["prod-1"]),
    ],
    ids=["a page", "a page beside the live slot", "both slots", "other parts"],
)
def test_no_shift_overwrites_a_change_before_it(
    promoted: FakeCloud,
    api: Client,
    policy: dict[str, Any],
    weights: dict[str, int],
    left: list[str],
) -> None:
    """A person can show a maintenance page while the swap waits for its approval."""
    reply = api.swap(**policy, approval={"before": "shift"})
    minutes(api, 2)
    by_hand(promoted, weights)
    api.advance(reply.id, "continue")
    minutes(api, 1)
    ended = api.status(reply.id).operation
    assert ended["status"] == "FAILED"
    assert CHANGED in "; ".join(ended["reasons"])
    estate = promoted.stacks.estate
    groups = [OTHER if each == OTHER else estate.target_group("Shop", each) for each in left]
    receiving = promoted.load_balancer.listeners[estate.listener("Shop", "production")]
    assert {*receiving} == {*groups}


@pytest.mark.parametrize(("policy", "share"), [({}, 100), (CANARY, 10)], ids=["at once", "canary"])
def test_a_person_can_make_the_first_shift(
    promoted: FakeCloud, api: Client, policy: dict[str, Any], share: int
) -> None:
    reply = api.swap(**policy, approval={"before": "shift"})
    minutes(api, 2)
    by_hand(promoted, {"prod-1": 100 - share, "prod-2": share})
    api.advance(reply.id, "continue")
    minutes(api, 7)
    assert api.status(reply.id).operation["status"] == "SUCCEEDED"
    assert promoted.live("Shop") == "prod-2"


def exchange(cloud: FakeCloud, live: str, idle: str) -> None:
    """Swap in the console; the drift check has not corrected the rows yet."""
    by_hand(cloud, {live: 100})
    by_hand(cloud, {idle: 100}, "test")
    cloud.clock.pass_(minutes=2)


def test_a_swap_after_a_return_by_hand_asks_the_alarms_of_the_policy(
    promoted: FakeCloud, api: Client
) -> None:
    """The inventory still takes it for a swap back, which follows no policy."""
    promoted.monitoring.states = {"errors": "OK"}
    assert api.patch({"production": {"alarms": ["errors"]}}).status == 200
    assert api.swap().status == 200
    exchange(promoted, "prod-1", "prod-2")
    promoted.monitoring.states = {"errors": "ALARM"}
    assert api.swap(version="1.0").body["code"] == "NOT_READY"
    promoted.wire.fail("monitoring.alarms", UnreachableError("no answer"))
    assert api.swap(version="1.0").status == 503
    promoted.wire.heal()
    assert promoted.live("Shop") == "prod-1"
    promoted.monitoring.states = {"errors": "OK"}
    assert api.swap(version="1.0").operation["alarmStates"] == {"errors": "OK"}


def test_a_swap_back_after_a_swap_by_hand_follows_no_policy(
    promoted: FakeCloud, api: Client
) -> None:
    assert api.swap().status == 200
    api.finished(api.deploy("1.1", "dev"))
    api.finished(api.promote(environment="dev"))
    policy = {**CANARY, "alarms": ["errors"], "approval": {"before": "shift"}}
    assert api.patch({"production": policy}).status == 200
    exchange(promoted, "prod-1", "prod-2")
    promoted.monitoring.states = {"errors": "ALARM"}
    back = api.swap(version="1.0")
    assert (back.status, back.operation["status"]) == (200, "SUCCEEDED")
    assert promoted.live("Shop") == "prod-2"
