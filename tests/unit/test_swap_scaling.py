"""The scaling of both slots during a swap and after a return."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from devops_core.model.decisions import Wait
from devops_core.model.listeners import Listener
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation
from devops_core.model.steps import AllowScaleIn, ScaleService, SetMinimum, Step, Switch
from devops_core.model.swap_policy import SwapPolicy
from tests.lab.builders import NOW, acts, decide, summary, swapping
from tests.lab.swaps import CANARY_10, CANARY_BAKED, shifted, sized, swap

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
SCALING = {"min": 1, "max": 9, "cpuPercent": 60}
PREVIOUS_SCALING = {"min": 2, "max": 8, "cpuPercent": 50}
SCALED: dict[str, Any] = {"scaling": SCALING, "idle_scaling": PREVIOUS_SCALING}
HELD: dict[str, Any] = {**SCALED, "scale_in": {"prod-1": False}}
RAISED: dict[str, Any] = {"minimums": {"prod-2": 3}, "minimum_set_at": NOW}
RENEWAL = (SetMinimum("prod-2", SCALING, 3),)


@pytest.mark.parametrize(
    ("operation", "observed", "after", "steps"),
    [
        (swap(CANARY_10, **SCALED), sized(1, 3), 0,
         (SetMinimum("prod-2", SCALING, 3), AllowScaleIn("prod-1", allowed=False))),
        (swap(CANARY_10, **HELD, minimums={"prod-2": 3}), sized(3, 3), 0,
         (Switch(Listener.PRODUCTION, "prod-2", 10),)),
        # Both listeners switch together, so the live slot never shares its customers.
        (swap(SwapPolicy(), **SCALED), sized(1, 3), 0, (SetMinimum("prod-2", SCALING, 3),)),
        # Without a scaling in the new release, its task count follows that of the live one.
        (swap(CANARY_10, idle_scaling=PREVIOUS_SCALING), sized(1, 3), 0,
         (AllowScaleIn("prod-1", allowed=False),)),
        (swap(CANARY_10, idle_scaling=PREVIOUS_SCALING, scale_in={"prod-1": False}), sized(1, 3), 0,
         (ScaleService("prod-2", 3),)),
        (swap(CANARY_10, scaling=SCALING), sized(1, 3), 0, (SetMinimum("prod-2", SCALING, 3),)),
        # Customers at 10 percent gave the live slot more tasks.
        (shifted(CANARY_10, **HELD, minimums={"prod-2": 3}), sized(3, 5, 10), 360,
         (SetMinimum("prod-2", SCALING, 5),)),
        (shifted(CANARY_10, **HELD, minimums={"prod-2": 3}, scaling_skipped=True),
         sized(3, 5, 10), 360, (ScaleService("prod-2", 5),)),
        (shifted(CANARY_10, 100, **HELD), sized(3, 3, 100, test="prod-1"), 0,
         (AllowScaleIn("prod-2", allowed=True),)),
        (swapping(**SCALED, weight=100, changed_at=NOW, shifted_at=NOW),
         sized(3, 3, 100, test="prod-1"), 0,
         (AllowScaleIn("prod-2", allowed=True), AllowScaleIn("prod-1", allowed=False))),
        # The raised minimum lasts while the swap waits, and not after the switch.
        (shifted(CANARY_10, **HELD, **RAISED), sized(3, 3, 10), 899,
         (Switch(Listener.PRODUCTION, "prod-2"),)),
        (shifted(CANARY_10, **HELD, **RAISED), sized(3, 3, 10), 900, RENEWAL),
        (shifted(CANARY_10, **HELD, **RAISED, scaling_skipped=True), sized(3, 3, 10), 900,
         (Switch(Listener.PRODUCTION, "prod-2"),)),
        (shifted(CANARY_10, **HELD, **RAISED, awaiting_at=NOW), sized(3, 3, 10), 900, RENEWAL),
        (shifted(CANARY_10._replace(step_minutes=60), **HELD, **RAISED), sized(3, 3, 10), 900,
         RENEWAL),
        (shifted(CANARY_10, 100, **HELD, **RAISED), sized(3, 3, 100, test="prod-1"), 900,
         (AllowScaleIn("prod-2", allowed=True),)),
        # Return: the present tasks of the previous release stay for a while.
        (shifted(CANARY_10, 0, **HELD, minimums={"prod-2": 3}, returning=("bad",),
                 returned_at=NOW), sized(3, 4), 120, (SetMinimum("prod-2", SCALING, 1),)),
        (shifted(CANARY_10, 0, **HELD, minimums={"prod-2": 1}, returning=("bad",),
                 returned_at=NOW), sized(3, 4), 120, (SetMinimum("prod-1", PREVIOUS_SCALING, 4),)),
        (shifted(CANARY_10, 0, **HELD, minimums={"prod-2": 1, "prod-1": 4}, returning=("bad",),
                 returned_at=NOW), sized(3, 4), 120, (AllowScaleIn("prod-1", allowed=True),)),
        # Without an observation of ECS until the deadline, the tasks are not known.
        (replace(shifted(CANARY_10, 0, **HELD, returning=("bad",), returned_at=NOW),
                 deadline=NOW + 15 * MINUTE), replace(sized(3, 4), services={}), 900,
         (AllowScaleIn("prod-1", allowed=True),)),
        # Before the first customers nothing must be kept.
        (swap(CANARY_10, **HELD, minimums={"prod-2": 3}, returning=("bad",)), sized(3, 4), 0,
         (SetMinimum("prod-2", SCALING, 1),)),
        (swap(CANARY_10, **HELD, returning=("bad",)), sized(3, 4), 0,
         (AllowScaleIn("prod-1", allowed=True),)),
        # The last steps of the swap can have allowed the scale-in of the new release.
        (shifted(CANARY_10, 0, **HELD, minimums={"prod-1": 4}, completing=True, returning=("bad",),
                 returned_at=NOW), sized(3, 4), 120,
         (AllowScaleIn("prod-1", allowed=True), AllowScaleIn("prod-2", allowed=False))),
        # A person has stopped the previous release.
        (shifted(CANARY_10, 0, returning=("bad",), returned_at=NOW), sized(3, 0), 120,
         (ScaleService("prod-1", 3),)),
        (shifted(CANARY_10, 0, returning=("bad",), returned_at=NOW), sized(0, 0), 120,
         (ScaleService("prod-1", 1),)),
        # Both listeners switched together: the steps after it can have changed both slots.
        (swap(SwapPolicy(), **SCALED, minimums={"prod-1": 4}, shifted_at=NOW, completing=True,
              returning=("bad",), returned_at=NOW), sized(3, 4), 120,
         (AllowScaleIn("prod-1", allowed=True), AllowScaleIn("prod-2", allowed=False))),
    ],
)  # fmt: skip
def test_scaling(
    operation: Operation, observed: Observed, after: int, steps: tuple[Step, ...]
) -> None:
    now = NOW + timedelta(seconds=after)
    decision = decide(operation.with_details(checked_at=now), observed, now)
    assert summary(decision) == acts(*steps)
    assert decide(decision.operation, observed, now) == decision


@pytest.mark.parametrize(
    "changed",
    [{"idle_scaling": PREVIOUS_SCALING, "scale_in": {"prod-1": False}},
     {"scaling": SCALING, "minimums": {"prod-2": 3}}],
    ids=["previous release", "new release"],
)  # fmt: skip
def test_the_scaling_is_restored_two_minutes_after_the_return(changed: dict[str, Any]) -> None:
    returned = shifted(CANARY_10, 0, **changed, returning=("bad",), returned_at=NOW)
    decision = decide(returned, sized(3, 4), NOW + 119 * SECOND)
    condition = "the end of the requests to the new release"
    assert decision == Wait(replace(returned, waiting_for=condition), NOW + 120 * SECOND)


@pytest.mark.parametrize(
    ("operation", "weight", "completing"),
    [
        (swapping(), 100, True),
        (swap(CANARY_10), 10, False),
        (shifted(CANARY_10), 100, True),
        (shifted(CANARY_BAKED), 100, False),
        (shifted(CANARY_BAKED, finished_by="ann", finished_at=NOW), 100, True),
    ],
)
def test_a_shift_without_a_bake_records_that_its_worker_can_make_the_last_steps(
    operation: Operation, weight: int, *, completing: bool
) -> None:
    assert operation.details.with_shift(weight, NOW).completing is completing


def test_the_tasks_of_ecs_are_needed_until_the_deadline() -> None:
    returned = shifted(CANARY_10, 0, **HELD, returning=("bad",), returned_at=NOW)
    returned = replace(returned, deadline=NOW + 15 * MINUTE)
    decision = decide(returned, replace(sized(3, 4), services={}), NOW + 899 * SECOND)
    assert decision == Wait(replace(returned, waiting_for="ECS to respond"))
