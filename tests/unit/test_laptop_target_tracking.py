"""The target tracking of the laptop cloud: a table for each documented rule."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tools.laptop.scaling.tracking import (
    HIGH_POINTS,
    LOW_POINTS,
    Cooldown,
    Cooldowns,
    Count,
    Decision,
    Limits,
    Policy,
    decide,
)

WIDE = Limits(1, 20)
IDLE = Cooldowns()


def policy(value: float, *, name: str = "p", target: float = 50, **options: Any) -> Policy:
    """A policy whose metric had one value for longer than both alarms need."""
    return Policy(name, target, (value,) * LOW_POINTS, **options)


def desired(
    *policies: Policy,
    count: Count,
    limits: Limits = WIDE,
    cooldowns: Cooldowns = IDLE,
    now: float = 1000.0,
) -> int:
    """Return the desired count after a decision."""
    decision = decide(policies, count, limits, cooldowns, now)
    return decision.desired if decision else count.desired


@pytest.mark.parametrize(
    ("value", "running", "expected"),
    [
        # In proportion to the metric, rounded up.
        (100, 2, 4),
        (51, 2, 3),
        (50.1, 4, 5),
        (1000, 3, 20),
        # Between 90 % of the target and the target nothing changes.
        (50, 4, 4),
        (45, 4, 4),
        # In proportion again, also rounded up.
        (44.9, 4, 4),
        (37, 4, 3),
        (10, 4, 1),
        (0, 4, 1),
    ],
)
def test_the_count_follows_the_metric(value: float, running: int, expected: int) -> None:
    assert desired(policy(value), count=Count(running, running)) == expected


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ((60, 60), 4),
        ((60, 50, 60), 4),
        ((60, None, 60), 4),
        ((0, 0, 60, 60, 60), 5),
        ((10,) * (LOW_POINTS - 1), 4),
        ((10,) * LOW_POINTS, 1),
        ((10,) * (LOW_POINTS - 1) + (None,), 4),
        ((46,) + (10,) * (LOW_POINTS - 1), 4),
        ((), 4),
    ],
)
def test_an_alarm_needs_all_of_its_data_points(
    points: tuple[float | None, ...], expected: int
) -> None:
    assert HIGH_POINTS == 3
    assert desired(Policy("p", 50, points), count=Count(4, 4)) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        # One policy is enough to scale out, and the largest capacity decides.
        ((100, 60), 8),
        ((60, 0), 5),
        # All policies must agree to scale in, and the largest capacity decides.
        ((10, 30), 3),
        ((10, 46), 4),
        ((10, 50), 4),
    ],
)
def test_several_policies_decide_together(values: tuple[float, ...], expected: int) -> None:
    policies = [policy(value, name=str(value)) for value in values]
    assert desired(*policies, count=Count(4, 4)) == expected


def test_a_policy_that_cannot_scale_in_is_not_asked() -> None:
    disabled = policy(46, name="other", scale_in_disabled=True)
    assert desired(policy(10), disabled, count=Count(4, 4)) == 1
    assert desired(policy(10, scale_in_disabled=True), count=Count(4, 4)) == 4
    assert desired(policy(100, scale_in_disabled=True), count=Count(4, 4)) == 8


@pytest.mark.parametrize(
    ("value", "limits", "count", "expected"),
    [
        (100, Limits(1, 6), Count(4, 4), 6),
        (10, Limits(3, 6), Count(4, 4), 3),
        # Below the minimum, only scaling out changes the count, and first to the minimum.
        (60, Limits(10, 20), Count(4, 4), 10),
        (10, Limits(10, 20), Count(4, 4), 4),
        # Above the maximum, only scaling in changes the count, and at least to the maximum.
        (100, Limits(1, 3), Count(4, 4), 4),
        (44, Limits(1, 3), Count(4, 4), 3),
        # The running tasks are the starting point, not the desired ones.
        (100, WIDE, Count(4, 1), 4),
        (100, WIDE, Count(4, 3), 6),
        # Without running tasks, the smallest step.
        (100, Limits(0, 5), Count(0, 0), 1),
        (10, Limits(0, 5), Count(1, 1), 1),
        (0, Limits(0, 5), Count(1, 1), 0),
        (0, Limits(0, 5), Count(0, 0), 0),
    ],
)
def test_the_range_and_the_running_tasks_bound_the_count(
    value: float, limits: Limits, count: Count, expected: int
) -> None:
    assert desired(policy(value), count=count, limits=limits) == expected


def test_a_deployment_in_progress_only_scales_out() -> None:
    during = Count(4, 4, deploying=True)
    assert desired(policy(10), count=during) == 4
    assert desired(policy(100), count=during) == 8


@pytest.mark.parametrize(
    ("suspended", "expected"),
    [
        ({"in_suspended": True}, [8, 4]),
        ({"out_suspended": True}, [4, 1]),
        ({"in_suspended": True, "out_suspended": True}, [4, 4]),
    ],
)
def test_a_suspended_direction_does_not_change_the_count(
    suspended: dict[str, bool], expected: list[int]
) -> None:
    limits = Limits(1, 20, **suspended)
    counts = [desired(policy(value), count=Count(4, 4), limits=limits) for value in (100, 10)]
    assert counts == expected


@pytest.mark.parametrize(
    ("value", "count", "now", "expected"),
    [
        # 2 tasks were added at 1000; the cooldown ends at 1060.
        (100, Count(4, 2), 1059, 4),
        (75, Count(4, 4), 1059, 4),
        (100, Count(4, 4), 1059, 6),
        (100, Count(4, 4), 1060, 8),
        (10, Count(4, 4), 1059, 1),
    ],
)
def test_the_scale_out_cooldown_allows_only_a_larger_activity(
    value: float, count: Count, now: float, expected: int
) -> None:
    cooldowns = Cooldowns(out=Cooldown(1000, added=2, seconds=60))
    assert desired(policy(value), count=count, cooldowns=cooldowns, now=now) == expected


def test_the_scale_in_cooldown_blocks_scaling_in_and_ends_with_scaling_out() -> None:
    cooldowns = Cooldowns(inwards=Cooldown(1000, added=-1, seconds=60))
    assert desired(policy(10), count=Count(4, 4), cooldowns=cooldowns, now=1059) == 4
    assert desired(policy(10), count=Count(4, 4), cooldowns=cooldowns, now=1060) == 1
    out = decide([policy(100)], Count(4, 4), WIDE, cooldowns, 1001)
    assert out is not None
    assert out.desired == 8
    assert not out.cooldowns.inwards.is_active(1002)


def test_a_decision_starts_the_cooldown_of_its_policy() -> None:
    policies = [
        policy(60, name="calm", scale_out_cooldown=1, scale_in_cooldown=2),
        policy(100, name="busy", scale_out_cooldown=30, scale_in_cooldown=40),
    ]
    expected = Cooldowns(out=Cooldown(7, added=4, seconds=30))
    assert decide(policies, Count(4, 4), WIDE, IDLE, 7) == Decision(
        8, "busy", "AlarmHigh", expected
    )
    low = [policy(10, scale_in_cooldown=40)]
    expected = Cooldowns(inwards=Cooldown(7, added=-3, seconds=40))
    assert decide(low, Count(4, 4), WIDE, IDLE, 7) == Decision(1, "p", "AlarmLow", expected)


def test_no_cooldown_is_active_at_first() -> None:
    assert not Cooldown().is_active(0)
    assert not Cooldown().is_active(-math.inf)
