"""Builders of progressive swaps: policies, operations and observations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from devops_core.model.observed import Observed
from devops_core.model.operation import Operation
from devops_core.model.swap_policy import (
    ALL,
    CANARY,
    FULL,
    LINEAR,
    SHIFT,
    Approval,
    Judge,
    SwapPolicy,
)
from tests.lab.builders import NOW, production, slot, swapping

CANARY_10 = SwapPolicy(strategy=CANARY, percent=10, step_minutes=6)
QUARTERS = SwapPolicy(strategy=LINEAR, percent=25, step_minutes=6)
BAKED = SwapPolicy(bake_minutes=10)
CANARY_BAKED = CANARY_10._replace(bake_minutes=10)
ALARMED = CANARY_10._replace(alarms=("errors", "slow"))
JUDGED = CANARY_BAKED._replace(judge=Judge())
BEFORE_SHIFT = CANARY_10._replace(approval=Approval(SHIFT, 60))
BEFORE_FULL = CANARY_10._replace(approval=Approval(FULL, 60))
QUARTERS_BEFORE_FULL = QUARTERS._replace(approval=Approval(FULL, 60))


def swap(policy: SwapPolicy, **changes: Any) -> Operation:
    """Return a swap with the deadline of its policy."""
    made = swapping(policy=policy, **changes)
    return replace(made, deadline=made.deadline + policy.waits)


def shifted(policy: SwapPolicy, weight: int = 10, **changes: Any) -> Operation:
    """Return a swap whose production listener received a weight at NOW."""
    switched = NOW if weight == ALL else None
    details = {"weight": weight, "changed_at": NOW, "shifted_at": NOW, "switched_at": switched}
    return swap(policy, **{**details, **changes})


def seen(weight: int | None = 0, test: str = "prod-2", **changes: Any) -> Observed:
    """Return healthy production whose slot prod-2 has a weight; None for foreign weights."""
    one = {0: "prod-1", ALL: "prod-2"}.get(-1 if weight is None else weight)
    shares = {"prod-2": weight, "prod-1": None if weight is None else ALL - weight}
    return production(one, test, shares=shares, **changes)


def sized(
    new: int, live: int, weight: int = 0, *, healthy: int | None = None, **changes: Any
) -> Observed:
    """Return production whose slots have numbers of healthy tasks; in prod-2 `healthy` of them."""
    both = {"prod-1": slot("prod-1", live), "prod-2": slot("prod-2", new)}
    targets = {"prod-1": live, "prod-2": new if healthy is None else healthy}
    return seen(weight, services=both, healthy=targets, **changes)
