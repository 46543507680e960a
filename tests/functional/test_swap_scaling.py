"""Scaling during a progressive swap: no slot loses tasks while it can receive customers."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from devops_core.errors import AccessDeniedError
from devops_core.model.operation import LEASE
from tests.functional.test_progressive_swap import CANARY, hold_end, minutes, view, weight
from tests.functional.test_scaling import IN_PROD, desired, limits, target
from tests.lab.client import Client
from tests.lab.fakes import Crash, FakeCloud

LIVE, NEW = "prod-1", "prod-2"
APPROVAL = {"approval": {"before": "full", "timeoutMinutes": 1440}}


@pytest.fixture
def scaled(promoted: FakeCloud, api: Client) -> FakeCloud:
    """Shop with scaling (2 to 5 tasks) of production, whose live slot has 4 tasks."""
    api.ended(api.patch(IN_PROD))
    api.ended(api.deploy("1.1", "dev"))
    api.ended(api.promote(environment="dev"))
    assert promoted.scaling.follow_load("Shop", LIVE, 4) == 4
    return promoted


def scales_in(cloud: FakeCloud, slot: str) -> bool:
    return target(cloud, slot).limits.scales_in


def test_both_slots_keep_their_tasks_while_customers_are_split(
    scaled: FakeCloud, api: Client
) -> None:
    reply = api.swap(**CANARY)
    minutes(api, 2)
    assert weight(scaled) == 10
    assert (desired(scaled, NEW), limits(scaled, NEW)[0]) == (4, 4)
    # The live slot has fewer requests now.
    assert scaled.scaling.follow_load("Shop", LIVE, 2) == 4
    assert scaled.scaling.follow_load("Shop", NEW, 1) == 4
    # And more afterwards: the new release follows before it receives all customers.
    assert scaled.scaling.follow_load("Shop", LIVE, 5) == 5
    minutes(api, 8)
    hold_end(scaled, api, reply, "SUCCEEDED", NEW)
    assert desired(scaled, NEW) == 5
    assert (scales_in(scaled, NEW), scales_in(scaled, LIVE)) == (True, False)
    assert scaled.scaling.follow_load("Shop", LIVE, 1) == 5


def test_a_scale_out_whose_tasks_start_slowly_returns_no_customers(
    promoted: FakeCloud, api: Client
) -> None:
    """A scaling can more than double the tasks of a release at once.

    "The service scales out proportionally to the metric as fast as it can" (Amazon ECS Developer
    Guide, "Use a target metric to scale Amazon ECS services").
    """
    api.ended(api.patch(IN_PROD))
    api.ended(api.deploy("1.1", "dev"))
    api.ended(api.promote(environment="dev"))
    reply = api.swap(bakeMinutes=20)
    minutes(api, 2)
    assert (weight(promoted), desired(promoted, NEW)) == (100, 2)
    promoted.containers.automatic = False
    promoted.containers.service("Shop", NEW).desired = 5
    minutes(api, 5)
    assert view(api, reply, "phase", "status") == ("BAKING", "IN_PROGRESS")
    promoted.containers.automatic = True
    minutes(api, 15)
    hold_end(promoted, api, reply, "SUCCEEDED", NEW)


@pytest.mark.parametrize("policy", [{**CANARY, "bakeMinutes": 300}, {**CANARY, **APPROVAL}])
def test_the_minimum_ends_half_an_hour_after_the_switch(
    scaled: FakeCloud, api: Client, policy: dict[str, Any]
) -> None:
    reply = api.swap(**policy)
    # The new release keeps its tasks for any number of customers.
    minutes(api, 60 if "approval" in policy else 8)
    assert scaled.scaling.follow_load("Shop", NEW, 1) == 4
    if "approval" in policy:
        api.advance(reply.id, "continue")
        minutes(api, 1)
    assert weight(scaled) == 100
    minutes(api, 12)
    assert scaled.scaling.follow_load("Shop", NEW, 1) == 4
    minutes(api, 18)
    assert scaled.scaling.follow_load("Shop", NEW, 1) == 2
    # The slot for the return has all its tasks.
    assert scaled.scaling.follow_load("Shop", LIVE, 1) == 4


def test_a_late_swap_renews_the_minimum(scaled: FakeCloud, api: Client) -> None:
    reply = api.swap(strategy={"type": "linear", "percent": 25, "stepMinutes": 6})
    minutes(api, 2)
    assert weight(scaled) == 25
    for _ in range(3):
        scaled.clock.pass_(minutes=19)
        minutes(api, 1)
        assert limits(scaled, NEW)[0] == 4
    minutes(api, 7)
    hold_end(scaled, api, reply, "SUCCEEDED", NEW)
    assert scaled.scaling.follow_load("Shop", NEW, 1) == 4


@pytest.mark.parametrize("policy", [{}, CANARY, {**CANARY, "bakeMinutes": 300}])
def test_the_minimum_ends_without_the_service(
    scaled: FakeCloud, api: Client, policy: dict[str, Any]
) -> None:
    api.swap(**policy)
    minutes(api, 8)
    assert limits(scaled, NEW) == (4, 5)
    scaled.clock.pass_(minutes=31)
    scaled.scaling.run_schedules()
    assert limits(scaled, NEW) == (2, 5)


@pytest.mark.parametrize("waited", [2, 8])
def test_a_return_restores_the_scaling(scaled: FakeCloud, api: Client, waited: int) -> None:
    reply = api.swap(**CANARY, bakeMinutes=600)
    minutes(api, waited)
    assert api.abort(reply.id).operation["phase"] == "RETURNING"
    assert weight(scaled) == 0
    # Targets of the new release still receive requests.
    for _ in range(3):
        for slot in (LIVE, NEW):
            assert scaled.scaling.follow_load("Shop", slot, 1) == 4
        scaled.clock.pass_(seconds=39)
    minutes(api, 1)
    hold_end(scaled, api, reply, "FAILED", LIVE)
    assert (scales_in(scaled, LIVE), scales_in(scaled, NEW)) == (True, True)
    # The alarms of the previous release still see the few requests of the split.
    assert scaled.scaling.follow_load("Shop", LIVE, 1) == 4
    scaled.clock.pass_(minutes=60)
    for slot in (LIVE, NEW):
        assert scaled.scaling.follow_load("Shop", slot, 1) == 2


@pytest.mark.parametrize("ends_early", [False, True])
def test_a_return_after_a_crash_at_the_end_restores_the_scaling(
    scaled: FakeCloud, api: Client, *, ends_early: bool
) -> None:
    """One worker makes the last shift and allows the scale-in, then it crashes."""
    api.ended(api.swap())
    assert (scales_in(scaled, NEW), scales_in(scaled, LIVE)) == (True, False)
    reply = api.swap(**CANARY, bakeMinutes=60 if ends_early else 0)
    minutes(api, 2)
    scaled.wire.fail("scaling.allow_scale_in", Crash(), times=1, lost=True)
    finish = partial(api.advance, reply.id, "finish") if ends_early else partial(minutes, api, 6)
    with pytest.raises(Crash):
        finish()
    scaled.wire.heal()
    assert scales_in(scaled, LIVE)
    scaled.clock.pass_(seconds=LEASE.total_seconds())
    api.abort(reply.id)
    minutes(api, 3)
    hold_end(scaled, api, reply, "FAILED", NEW)
    assert (scales_in(scaled, NEW), scales_in(scaled, LIVE)) == (True, False)


@pytest.mark.parametrize("aborts", [False, True])
def test_a_swap_continues_without_application_auto_scaling(
    scaled: FakeCloud, api: Client, *, aborts: bool
) -> None:
    scaled.wire.fail("scaling", AccessDeniedError("the role lacks a permission"))
    reply = api.swap(**CANARY)
    minutes(api, 5)
    assert view(api, reply, "phase") == ("SHIFTED",)
    if aborts:
        api.abort(reply.id)
        assert weight(scaled) == 0
    minutes(api, 15)
    operation = hold_end(scaled, api, reply, *(("FAILED", LIVE) if aborts else ("SUCCEEDED", NEW)))
    assert 0 < len(operation["warnings"]) <= 6
    scaled.wire.heal()
