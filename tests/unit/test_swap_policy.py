"""The policy of a swap: its members, its steps and its waits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from devops_core.errors import InvalidRequestError
from devops_core.model.swap_policy import (
    FULL,
    Approval,
    Judge,
    SwapPolicy,
)
from devops_core.requests import swap_policy
from tests.lab.swaps import (
    ALARMED,
    BAKED,
    BEFORE_SHIFT,
    CANARY_10,
    JUDGED,
    QUARTERS,
    QUARTERS_BEFORE_FULL,
)

STRATEGY = {"type": "canary"}
COMPLETE: dict[str, Any] = {
    "strategy": {"type": "linear", "percent": 20, "stepMinutes": 10},
    "bakeMinutes": 30,
    "alarms": ["checkout-errors", "latency > 1 s"],
    "judge": {"errorRatePercent": 0.5, "minRequests": 100},
    "approval": {"before": "full", "timeoutMinutes": 60},
}
_SIX = "must be at least 6 with a judge, not {}"

EFFECTIVE: Mapping[str, tuple[dict[str, Any], dict[str, Any], SwapPolicy]] = {
    "nothing": ({}, {}, SwapPolicy()),
    "only the specification": (
        COMPLETE, {},
        SwapPolicy(
            "linear", 20, 10, 30, tuple(COMPLETE["alarms"]), Judge(0.5, 100), Approval("full", 60)
        ),
    ),
    "only the request": (
        {}, {"strategy": STRATEGY, "judge": {}},
        SwapPolicy("canary", 10, 6, 6, (), Judge(1.0, 50)),
    ),
    "a request that replaces each member": (
        COMPLETE,
        {"strategy": {"type": "allAtOnce"}, "bakeMinutes": 0, "alarms": [], "judge": "off",
         "approval": {"before": "shift"}},
        SwapPolicy(approval=Approval("shift")),
    ),
    "a member as a whole": (
        {"strategy": {"type": "linear", "percent": 50, "stepMinutes": 60}, "bakeMinutes": 5},
        {"strategy": STRATEGY},
        SwapPolicy("canary", bake_minutes=5),
    ),
    "the list of alarms as a whole": (
        {"alarms": ["a", "b"]}, {"alarms": ["c"]}, SwapPolicy(alarms=("c",)),
    ),
    "a judge as a whole": (
        {"judge": {"errorRatePercent": 5, "minRequests": 9}}, {"judge": {"errorRatePercent": 2}},
        SwapPolicy(bake_minutes=6, judge=Judge(2, 50)),
    ),
    "an approval as a whole": (
        {"approval": {"before": "shift", "timeoutMinutes": 5}}, {"approval": {"before": "full"}},
        SwapPolicy(approval=Approval("full", 1440)),
    ),
    "a judge that replaces the other, which is off": (
        {"judge": "off", "bakeMinutes": 9}, {"judge": {"minRequests": 5}},
        SwapPolicy(bake_minutes=9, judge=Judge(1.0, 5)),
    ),
    "an approval that replaces the other, which is off": (
        {"approval": "off"}, {"approval": {"before": "full"}},
        SwapPolicy("allAtOnce", 10, 6, 0, (), None, Approval("full", 1440)),
    ),
    "an approval that is off": (
        {"approval": {"before": "full"}}, {"approval": "off"}, SwapPolicy(),
    ),
    "no judge for short waits": (
        {"judge": {}}, {"judge": "off", "bakeMinutes": 1}, SwapPolicy(bake_minutes=1),
    ),
}  # fmt: skip
REFUSED: Mapping[str, tuple[dict[str, Any], dict[str, Any], list[tuple[str, str]]]] = {
    "waits of the specification": (
        {"bakeMinutes": 0, "strategy": STRATEGY | {"stepMinutes": 2}}, {"judge": {}},
        [
            ("bakeMinutes", f"{_SIX.format(0)} (from the specification)"),
            ("strategy.stepMinutes", f"{_SIX.format(2)} (from the specification)"),
        ],
    ),
    "waits of the request": (
        {"judge": {}}, {"bakeMinutes": 0, "strategy": STRATEGY | {"stepMinutes": 5}},
        [
            ("bakeMinutes", "must be at least 6 with the judge of the specification, not 0"),
            (
                "strategy.stepMinutes",
                "must be at least 6 with the judge of the specification, not 5",
            ),
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EFFECTIVE)
def test_members_of_a_request_replace_those_of_the_specification(name: str) -> None:
    production, request, policy = EFFECTIVE[name]
    assert swap_policy.effective_policy(production, request) == policy


@pytest.mark.parametrize("name", REFUSED)
def test_members_of_a_request_and_of_the_specification_can_contradict(name: str) -> None:
    production, request, expected = REFUSED[name]
    with pytest.raises(InvalidRequestError) as error:
        swap_policy.effective_policy(production, request)
    told = [(each["field"], each["message"]) for each in error.value.details["errors"]]
    assert told == expected


THIRTIES = QUARTERS._replace(percent=30)


@pytest.mark.parametrize(
    ("policy", "weights", "minutes"),
    [
        (SwapPolicy(), (100,), 0),
        (BAKED, (100,), 10),
        (SwapPolicy(approval=Approval(FULL, 60)), (100,), 60),
        (CANARY_10, (10, 100), 6),
        (JUDGED, (10, 100), 16),
        (BEFORE_SHIFT, (10, 100), 66),
        (QUARTERS, (25, 50, 75, 100), 18),
        (QUARTERS_BEFORE_FULL, (25, 50, 75, 100), 78),
        # The last step is smaller.
        (THIRTIES, (30, 60, 90, 100), 18),
        (QUARTERS._replace(percent=99, step_minutes=1), (99, 100), 1),
    ],
)
def test_steps_and_waits(policy: SwapPolicy, weights: tuple[int, ...], minutes: int) -> None:
    assert policy.weights == weights
    assert policy.waits == timedelta(minutes=minutes)
    assert [policy.next_weight(each) for each in (0, *weights[:-1])] == list(weights)


@pytest.mark.parametrize(
    ("policy", "progressive", "checks"),
    [
        (SwapPolicy(), False, False),
        # Alarms alone are read before the switch.
        (SwapPolicy(alarms=("errors",)), False, True),
        (SwapPolicy(judge=Judge()), True, True),
        (SwapPolicy(approval=Approval(FULL)), True, False),
        (BAKED, True, False),
        (CANARY_10, True, False),
        (ALARMED, True, True),
    ],
)
def test_a_policy_with_a_wait_is_progressive(
    policy: SwapPolicy, *, progressive: bool, checks: bool
) -> None:
    assert (policy.progressive, policy.checks) == (progressive, checks)
