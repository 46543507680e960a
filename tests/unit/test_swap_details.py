"""The record of a swap: its phases, its times, and its view as JSON."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from devops_core.details.swap import SwapDetails, policy_view
from devops_core.model.steps import WarmedPage
from devops_core.model.swap_policy import CANARY, FULL, LINEAR, SHIFT, Approval, Judge, SwapPolicy
from devops_core.model.traffic import BAD, GOOD, Requests, Verdict
from tests.lab.builders import NOW
from tests.lab.swaps import (
    ALARMED,
    BAKED,
    BEFORE_FULL,
    BEFORE_SHIFT,
    CANARY_10,
    CANARY_BAKED,
    JUDGED,
    QUARTERS,
    QUARTERS_BEFORE_FULL,
    shifted,
    swap,
)

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
NOON, LATER = "2026-01-31T12:02:00.000Z", "2026-01-31T12:08:00.000Z"
FINISHED: dict[str, Any] = {"finished_by": "ann", "finished_at": NOW + MINUTE}
DEFAULT = SwapPolicy()


def made(policy: SwapPolicy, weight: int = 0, **changes: Any) -> SwapDetails:
    """Return the details of a swap whose production listener received a weight at NOW."""
    started = shifted(policy, weight, **changes) if weight else swap(policy, **changes)
    details: SwapDetails = started.details
    return details


# --- times and phases ---


@pytest.mark.parametrize(
    ("details", "phase"),
    [
        (made(DEFAULT), "PREPARING"),
        (made(DEFAULT, 100), "FULL"),
        (made(CANARY_BAKED), "PREPARING"),
        (made(CANARY_BAKED, 10), "SHIFTED"),
        (made(CANARY_BAKED, 99), "SHIFTED"),
        (made(CANARY_BAKED, 100), "BAKING"),
        (made(CANARY_BAKED, 100, **FINISHED), "FULL"),
        (made(CANARY_10, 100), "FULL"),
        (made(CANARY_10, 10, **FINISHED), "SHIFTED"),
        # Only the wait for the approval is a phase.
        (made(BEFORE_SHIFT), "PREPARING"),
        (made(BEFORE_SHIFT, awaiting_at=NOW), "AWAITING_APPROVAL"),
        (made(BEFORE_SHIFT, awaiting_at=NOW, approved_by="ann"), "PREPARING"),
        (made(BEFORE_FULL, 10), "SHIFTED"),
        (made(BEFORE_FULL, 10, awaiting_at=NOW), "AWAITING_APPROVAL"),
        (made(BEFORE_FULL, 10, awaiting_at=NOW, approved_by="ann"), "SHIFTED"),
        # A worker crashed between the last shift and its record.
        (made(BEFORE_FULL, 100, awaiting_at=NOW), "FULL"),
        (made(BEFORE_SHIFT, awaiting_at=NOW, returning=("bad",)), "RETURNING"),
        (made(CANARY_BAKED, 100, returning=("bad",)), "RETURNING"),
    ],
)
def test_phases(details: SwapDetails, phase: str) -> None:
    assert details.phase == phase


@pytest.mark.parametrize(
    ("details", "weight", "needs_approval"),
    [
        (made(DEFAULT), 100, False),
        (made(BAKED, 100), 100, False),
        (made(QUARTERS), 25, False),
        (made(QUARTERS, 25), 50, False),
        (made(QUARTERS, 75), 100, False),
        (made(QUARTERS, 25, **FINISHED), 100, False),
        (made(BEFORE_SHIFT), 10, True),
        (made(BEFORE_SHIFT, approved_by="ann"), 10, False),
        (made(BEFORE_FULL), 10, False),
        (made(BEFORE_FULL, 10), 100, True),
        (made(BEFORE_FULL, 10, approved_by="ann"), 100, False),
        (made(BEFORE_FULL, 100), 100, False),
        (made(QUARTERS_BEFORE_FULL, 50), 75, False),
        (made(QUARTERS_BEFORE_FULL, 75), 100, True),
        # After a finish the next shift is the last one.
        (made(QUARTERS_BEFORE_FULL, 50, **FINISHED), 100, True),
    ],
)
def test_the_next_shift(details: SwapDetails, weight: int, *, needs_approval: bool) -> None:
    assert (details.next_weight, details.needs_approval) == (weight, needs_approval)


@pytest.mark.parametrize(
    ("details", "after"),
    [
        (made(CANARY_10), None),
        (made(CANARY_10, 10), 6),
        (made(QUARTERS, 75), 6),
        (made(CANARY_BAKED, 100), 10),
        (made(CANARY_10, 100), 0),
        (made(CANARY_10, 10, **FINISHED), 1),
        (made(CANARY_BAKED, 100, **FINISHED), 1),
        # The last shift follows the call.
        (made(CANARY_BAKED, 100, finished_by="ann", finished_at=NOW - MINUTE), 0),
        (made(CANARY_10, finished_by="ann", finished_at=NOW), None),
        (made(CANARY_10, 10, returning=("bad",)), None),
    ],
)
def test_the_time_of_the_next_step(details: SwapDetails, after: int | None) -> None:
    assert details.next_at == (None if after is None else NOW + after * MINUTE)


@pytest.mark.parametrize(
    ("details", "after"),
    [
        (made(BEFORE_SHIFT), None),
        (made(BEFORE_SHIFT, awaiting_at=NOW), 60),
        (made(BEFORE_FULL, 10, awaiting_at=NOW), 60),
        (made(BEFORE_SHIFT, awaiting_at=NOW, approved_by="ann"), None),
        (made(CANARY_10, awaiting_at=NOW), None),
    ],
)
def test_the_time_until_which_an_approval_is_possible(
    details: SwapDetails, after: int | None
) -> None:
    assert details.approval_expires_at == (None if after is None else NOW + after * MINUTE)


@pytest.mark.parametrize(
    ("details", "due"),
    [
        (made(DEFAULT), False),
        (made(CANARY_10), True),
        # The alarms of a swap without waits are also read while it is prepared.
        (made(DEFAULT._replace(alarms=("errors",))), True),
        (made(CANARY_10, checked_at=NOW), False),
        (made(CANARY_10, checked_at=NOW - 54 * SECOND), False),
        (made(CANARY_10, checked_at=NOW - 55 * SECOND), True),
        (made(CANARY_10, 10, returning=("bad",)), False),
    ],
)
def test_a_check_is_due(details: SwapDetails, *, due: bool) -> None:
    assert details.check_due(NOW) is due


@pytest.mark.parametrize(
    ("details", "wants"),
    [
        (made(JUDGED, 10), False),
        (made(JUDGED, 100), True),
        (made(JUDGED, 100, baseline=Requests()), False),
        (made(CANARY_BAKED, 100), False),
    ],
)
def test_a_judge_needs_the_requests_before_the_last_shift(
    details: SwapDetails, *, wants: bool
) -> None:
    assert details.wants_baseline is wants


def test_each_change_of_the_production_listener_has_its_time() -> None:
    first, last, back = NOW + MINUTE, NOW + 2 * MINUTE, NOW + 3 * MINUTE
    started = made(CANARY_10)
    shown = started.with_shift(10, first)
    assert shown == started._replace(weight=10, changed_at=first, shifted_at=first)
    full = shown.with_shift(100, last)
    # Without a bake, the same worker can make the last steps.
    assert full == shown._replace(
        weight=100, changed_at=last, switched_at=last, completing=not shown.policy.bake_minutes
    )
    assert (
        not shown._replace(policy=CANARY_10._replace(bake_minutes=1))
        .with_shift(100, last)
        .completing
    )
    returned = full.with_shift(0, back)
    assert returned == full._replace(weight=0, changed_at=None, returned_at=back)
    # A repeated return leaves the first time.
    assert returned.with_shift(0, back + MINUTE) == returned
    times = {"switchedAt": last, "returnedAt": back}
    assert returned.milestones() == {"shiftedAt": first, **times}
    # A swap without steps has only the time of its switch.
    assert returned._replace(policy=DEFAULT).milestones() == times


# --- views ---


@pytest.mark.parametrize(
    ("policy", "view"),
    [
        (DEFAULT, {"strategy": {"type": "allAtOnce"}, "bakeMinutes": 0, "alarms": [],
                   "judge": "off"}),
        (SwapPolicy(bake_minutes=30, alarms=("errors", "slow"), judge=Judge(0.5, 20)),
         {"strategy": {"type": "allAtOnce"}, "bakeMinutes": 30, "alarms": ["errors", "slow"],
          "judge": {"errorRatePercent": 0.5, "minRequests": 20}}),
        (SwapPolicy(CANARY, 5, 7, approval=Approval(SHIFT, 90)),
         {"strategy": {"type": "canary", "percent": 5, "stepMinutes": 7}, "bakeMinutes": 0,
          "alarms": [], "judge": "off", "approval": {"before": "shift", "timeoutMinutes": 90}}),
        (SwapPolicy(LINEAR, 50, 8, approval=Approval(FULL)),
         {"strategy": {"type": "linear", "percent": 50, "stepMinutes": 8}, "bakeMinutes": 0,
          "alarms": [], "judge": "off", "approval": {"before": "full", "timeoutMinutes": 1440}}),
    ],
)  # fmt: skip
def test_the_view_of_a_policy(policy: SwapPolicy, view: dict[str, Any]) -> None:
    assert policy_view(policy) == view


PAGES = (
    WarmedPage("/", 200, 1234),
    WarmedPage("/a", None, 5000, "arn:aws:iam::123456789012:role/web did not answer"),
)
PAGE_VIEWS = [
    {"path": "/", "status": 200, "seconds": 1.234},
    {"path": "/a", "seconds": 5.0, "reason": "iam role/web did not answer"},
]


def test_a_result_replaces_its_page() -> None:
    details = made(DEFAULT, warmup=("/", "/a")).with_page(PAGES[0])
    assert (details.warmup, details.warmed) == (("/a",), PAGES[:1])


@pytest.mark.parametrize("length", [200, 201])
def test_a_record_keeps_200_characters_of_a_page(length: int) -> None:
    details = made(DEFAULT).with_page(WarmedPage("/" * length, 200, 1))
    assert details.warmed[0].path == "/" * 200 + ("…" if length > 200 else "")


@pytest.mark.parametrize("ended", [False, True])
def test_the_view_of_a_default_swap_has_no_policy(*, ended: bool) -> None:
    details = made(DEFAULT, 100, spec=3, warmed=PAGES)
    assert details.view(ended=ended) == {"spec": 3, "warmup": PAGE_VIEWS}
    assert made(DEFAULT).view(ended=ended) == {"spec": None, "warmup": []}


NO_CHECKS: dict[str, Any] = {
    "spec": None,
    "warmup": [],
    "approvedBy": None,
    "finishedBy": None,
    "alarmStates": {},
    "ignoredAlarms": [],
    "verdicts": [],
    "affected": None,
}


@pytest.mark.parametrize(
    ("details", "present"),
    [
        (made(CANARY_10),
         {"phase": "PREPARING", "nextStep": None, "approvalExpiresAt": None}),
        (made(QUARTERS, 25),
         {"phase": "SHIFTED", "nextStep": {"at": LATER, "weight": 50},
          "approvalExpiresAt": None}),
        (made(CANARY_10, 100),
         {"phase": "FULL", "nextStep": {"at": NOON}, "approvalExpiresAt": None}),
        (made(BEFORE_FULL._replace(approval=Approval(FULL, 6)), 10, awaiting_at=NOW),
         {"phase": "AWAITING_APPROVAL", "nextStep": {"at": LATER, "weight": 100},
          "approvalExpiresAt": LATER}),
        (made(CANARY_10, 10, returning=("bad",)),
         {"phase": "RETURNING", "nextStep": None, "approvalExpiresAt": None}),
        # Its alarms can only stop it before its single step.
        (made(DEFAULT._replace(alarms=("errors",))),
         {"phase": "PREPARING", "nextStep": None, "approvalExpiresAt": None}),
    ],
)  # fmt: skip
def test_the_view_of_a_swap_in_steps(details: SwapDetails, present: dict[str, Any]) -> None:
    facts = {**NO_CHECKS, "weight": details.weight, "policy": policy_view(details.policy)}
    assert details.view(ended=False) == facts | present
    assert details.view(ended=True) == facts


def test_the_view_has_the_callers_the_alarms_and_the_requests() -> None:
    details = made(
        ALARMED._replace(judge=Judge()),
        10,
        spec=2,
        warmed=PAGES,
        approved_by="ann",
        finished_by="bob",
        alarms={"errors": "OK", "slow": "ALARM"},
        ignored=("slow",),
        verdicts=(
            Verdict(NOW, GOOD, Requests(300, 1), Requests(2700)),
            Verdict(
                NOW + 6 * MINUTE, BAD, Requests(600, 60), Requests(), "user arn:aws:iam::1:user/x"
            ),
        ),
        received=Requests(700, 50),
        counted_minutes=4,
        recent=Requests(200, 11),
        recent_minutes=2,
    )
    assert details.view(ended=True) == {
        "spec": 2,
        "warmup": PAGE_VIEWS,
        "weight": 10,
        "policy": policy_view(details.policy),
        "approvedBy": "ann",
        "finishedBy": "bob",
        "alarmStates": {"errors": "OK", "slow": "ALARM"},
        "ignoredAlarms": ["slow"],
        "verdicts": [
            {
                "time": NOON,
                "verdict": "GOOD",
                "new": {"requests": 300, "errors": 1, "errorRatePercent": 0.33},
                "live": {"requests": 2700, "errors": 0, "errorRatePercent": 0.0},
            },
            {
                "time": LATER,
                "verdict": "BAD",
                "new": {"requests": 600, "errors": 60, "errorRatePercent": 10.0},
                "live": {"requests": 0, "errors": 0, "errorRatePercent": 0.0},
                "reason": "user iam user/x",
            },
        ],
        "affected": {"requests": 900, "errors": 61, "minutes": 6},
    }
