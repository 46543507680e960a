"""Swap: customers move once, to a slot that is ready, and never back."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from devops_core.errors import ConflictError
from devops_core.kinds.swap import KIND
from devops_core.kinds.swap_readiness import refusals, unready
from devops_core.model.listeners import Listener
from devops_core.model.observed import Observed, RunningService
from devops_core.model.operation import Operation, Status
from devops_core.model.steps import ScaleService, Switch, WarmedPage, WarmUp
from devops_core.model.swap_policy import Approval, SwapPolicy
from tests.lab.builders import (
    DONE,
    NOW,
    Summary,
    acts,
    decide,
    deployment,
    fails,
    overdue,
    production,
    slot,
    statuses,
    summary,
    swapping,
    waits,
)

LATE = overdue("swap")
BEFORE = production("prod-1", "prod-2")
HALFWAY = production("prod-2", "prod-2")
AFTER = production("prod-2", "prod-1")
ONLY_TEST = production("prod-1", "prod-1")
SWITCH_PRODUCTION = acts(Switch(Listener.PRODUCTION, "prod-2"))
SWITCH_TEST = acts(Switch(Listener.TEST, "prod-1"))
SWITCH = acts(Switch(Listener.PRODUCTION, "prod-2"), Switch(Listener.TEST, "prod-1"))
RETURN_TEST = acts(Switch(Listener.TEST, "prod-2"))
TIME_OUT = "production was not switched within the time limit"


def with_slots(**slots: RunningService) -> Observed:
    """Return production before the swap with other services."""
    named = {each.name: each for each in slots.values()}
    return replace(BEFORE, services={**BEFORE.services, **named})


def healthy(blue: int, green: int = 1) -> Observed:
    """Return production before the swap with other numbers of healthy targets."""
    return replace(BEFORE, healthy={"prod-1": green, "prod-2": blue})


GREEN_OF_3 = replace(with_slots(green=slot("prod-1", 3)), healthy={"prod-1": 3, "prod-2": 1})
# ECS distributes the tasks again: two more than desired run for a while.
REBALANCING = replace(
    with_slots(green=slot("prod-1", 3, running=5)), healthy={"prod-1": 5, "prod-2": 1}
)
REBALANCED = replace(
    REBALANCING,
    services={**REBALANCING.services, "prod-2": slot("prod-2", 3)},
    healthy={"prod-1": 5, "prod-2": 3},
)
SCALED = replace(GREEN_OF_3, services={
    "prod-1": slot("prod-1", 3), "prod-2": slot("prod-2", 3, running=1),
})  # fmt: skip
RUNNING = replace(SCALED, services={"prod-1": slot("prod-1", 3), "prod-2": slot("prod-2", 3)})
UNHEALTHY = healthy(blue=0, green=0)
LOST = replace(swapping(), lease_until=NOW)
SWITCHED = swapping(weight=100, changed_at=NOW, shifted_at=NOW, switched_at=NOW)
COLD = swapping(warmup=("/", "/a"))
WARM = COLD.with_details(warmed=(WarmedPage(path="/", status=500, milliseconds=1),))

CASES: list[tuple[str, Operation, Observed, datetime, Summary]] = [
    ("blue is ready: switch", swapping(), BEFORE, NOW, SWITCH),
    ("pages to fetch: fetch them at the same time", COLD, BEFORE, NOW,
     acts(WarmUp("/"), WarmUp("/a"))),
    ("the pages were fetched, with any status: switch", WARM, BEFORE, NOW, SWITCH),
    ("the test listener does not forward to blue: switch without the pages", COLD,
     ONLY_TEST, NOW, SWITCH),
    ("blue is not ready: fetch no page yet", COLD, UNHEALTHY, NOW,
     waits("the idle slot has no healthy target")),
    ("switched: fetch no page any more", COLD.with_details(weight=100, changed_at=NOW), HALFWAY,
     NOW, SWITCH_TEST),
    ("production was changed by hand: return", swapping(), replace(BEFORE, production=None), NOW,
     acts(Switch(Listener.PRODUCTION, "prod-1"))),
    ("green has more tasks: scale blue", swapping(), GREEN_OF_3, NOW,
     acts(ScaleService("prod-2", 3))),
    ("green has more tasks than desired: scale blue to the desired count", swapping(), REBALANCING,
     NOW, acts(ScaleService("prod-2", 3))),
    ("blue has as many tasks as desired for green: switch", swapping(), REBALANCED, NOW, SWITCH),
    ("blue's tasks do not all run: wait", swapping(), SCALED, NOW,
     waits("running tasks: 1 in the idle slot, 3 in the live slot;"
           " healthy targets: 1 in the idle slot, 3 in the live slot")),
    ("blue's tasks run, but their targets are not healthy: wait", swapping(), RUNNING, NOW,
     waits("healthy targets: 1 in the idle slot, 3 in the live slot")),
    ("green has one healthy target, blue too: switch", swapping(),
     replace(RUNNING, healthy={"prod-1": 1, "prod-2": 1}), NOW, SWITCH),
    ("green runs no task: switch", swapping(),
     with_slots(green=slot("prod-1", 2, running=0)), NOW, SWITCH),
    ("green has no service: switch", swapping(),
     replace(BEFORE, services={"prod-2": slot("prod-2")}, healthy={"prod-2": 1}), NOW, SWITCH),
    ("green's service is deleted, but its tasks still run: scale blue", swapping(),
     with_slots(green=slot("prod-1", 2, active=False)), NOW, acts(ScaleService("prod-2", 2))),
    ("blue is not healthy: wait", swapping(), UNHEALTHY, NOW,
     waits("the idle slot has no healthy target")),
    ("blue's targets are unknown: wait", swapping(), replace(BEFORE, healthy={"prod-1": 1}), NOW,
     waits("the idle slot has no healthy target;"
           " healthy targets: 0 in the idle slot, 1 in the live slot")),
    ("all targets are unknown: wait for blue's", swapping(), replace(BEFORE, healthy={}), NOW,
     waits("the idle slot has no healthy target")),
    ("blue has no service: wait", swapping(),
     replace(BEFORE, services={"prod-1": slot("prod-1")}), NOW,
     waits("the idle slot has no ECS service;"
           " running tasks: 0 in the idle slot, 1 in the live slot")),
    ("blue is inactive: wait", swapping(),
     with_slots(blue=slot("prod-2", 0, active=False), green=slot("prod-1", 0)), NOW,
     waits("the idle slot has no ECS service")),
    ("only the test listener is switched: switch both", swapping(), ONLY_TEST, NOW, SWITCH),
    ("only the test listener is switched, at the deadline: switch it back", swapping(), ONLY_TEST,
     LATE, RETURN_TEST),
    ("only the test listener is switched, and the swap is aborted: switch it back",
     swapping(aborted_by="ann"), ONLY_TEST, NOW, RETURN_TEST),
    ("only the test listener is switched, and blue is not healthy: wait", swapping(),
     replace(ONLY_TEST, healthy={}), NOW, waits("the idle slot has no healthy target")),
    ("the listeners do not allow a swap any more: wait", swapping(),
     replace(BEFORE, listener_problems=("sticky",)), NOW, waits("sticky")),
    ("the listeners do not allow a swap at the deadline: fail", swapping(),
     replace(BEFORE, listener_problems=("sticky",)), LATE, fails(f"sticky; {TIME_OUT}")),
    ("deadline: fail", swapping(), BEFORE, LATE, fails(TIME_OUT)),
    ("deadline, and blue is not ready: give both reasons", swapping(), UNHEALTHY, LATE,
     fails(f"the idle slot has no healthy target; {TIME_OUT}")),
    ("switched: switch the test listener", SWITCHED, HALFWAY, NOW, SWITCH_TEST),
    ("switched, after the deadline: continue", SWITCHED, HALFWAY, LATE, SWITCH_TEST),
    ("switched, but not recorded: continue", LOST, HALFWAY, LATE, SWITCH_TEST),
    ("switched, and blue failed since: continue", SWITCHED,
     replace(HALFWAY, healthy={}, services={}), LATE, SWITCH_TEST),
    ("both listeners are switched: succeed", SWITCHED, AFTER, NOW, DONE),
    ("both listeners are switched, after the deadline: succeed", SWITCHED, AFTER, LATE, DONE),
    ("ELB shows the state before the switch: wait", SWITCHED, BEFORE, NOW,
     waits("ELB to show the change of the listener")),
    ("switched back by hand: fail", SWITCHED, BEFORE, LATE,
     fails("the production listener was changed outside of the service: weight 0 instead of 100 for"
           " prod-2")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("swap", "seen", "now", "expected"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_decides(swap: Operation, seen: Observed, now: datetime, expected: Summary) -> None:
    decision = decide(swap, seen, now)
    assert summary(decision) == expected
    assert decide(decision.operation, seen, now) == decision


def test_records_the_first_time_of_the_switch() -> None:
    unrecorded = decide(LOST, HALFWAY, LATE)
    recorded = decide(SWITCHED, HALFWAY, LATE)

    times = [each.operation.details.switched_at for each in (unrecorded, recorded)]
    assert times == [LATE, NOW]


def test_both_roles_end_together() -> None:
    assert statuses(decide(SWITCHED, AFTER, NOW)) == [Status.SUCCEEDED] * 2
    returned = SWITCHED.with_details(returning=("bad",))
    for swap, seen, reason in (
        (swapping(), BEFORE, "production was not switched"),
        (returned, BEFORE, "the customers returned"),
    ):
        late = decide(swap, seen, LATE)
        assert statuses(late) == [Status.FAILED] * 2
        assert {each.reason for each in late.operation.progress} == {reason}


@pytest.mark.parametrize(
    ("blue", "targets", "missing"),
    [
        (slot("prod-2"), 1, ()),
        (None, 1, ("the idle slot has no ECS service",)),
        (slot("prod-2", active=False), 1, ("the idle slot has no ECS service",)),
        (slot("prod-2", 2, deployment("td", "IN_PROGRESS"), running=1), 1,
         ("the rollout of the idle slot is IN_PROGRESS: 1 of 2 tasks running",)),
        (slot("prod-2", 1, deployment("td", primary=False)), 1,
         ("the rollout of the idle slot is missing: 1 of 1 tasks running",)),
        (slot("prod-2", 0), 1, ("the idle slot runs no task",)),
        (slot("prod-2", 0, deployment("td", "FAILED")), 0,
         ("the rollout of the idle slot is FAILED: 0 of 0 tasks running",
          "the idle slot runs no task",
          "the idle slot has no healthy target")),
    ],
    ids=["ready", "no service", "inactive", "rollout in progress", "no deployment",
         "scaled to zero", "all conditions"],
)  # fmt: skip
def test_unready_lists_all_missing_conditions(
    blue: RunningService | None, targets: int, missing: tuple[str, ...]
) -> None:
    for services in ({"prod-2": blue}, {"prod-2": blue} if blue else {}):
        seen = Observed(services=services, healthy={"prod-2": targets})
        assert unready(seen, "prod-2") == missing


@pytest.mark.parametrize(
    ("blue", "reasons"),
    [
        (slot("prod-2", 0), ()),
        (slot("prod-2", 0, active=False), ("the idle slot has no ECS service",)),
        (None, ("the idle slot has no ECS service",)),
        (slot("prod-2", 0, deployment("td", primary=False)),
         ("the rollout of the idle slot is missing: 0 of 0 tasks running",
          "the idle slot runs no task",
          "the idle slot has no healthy target")),
        (slot("prod-2", 0, deployment("td", "IN_PROGRESS")),
         ("the rollout of the idle slot is IN_PROGRESS: 0 of 0 tasks running",
          "the idle slot runs no task",
          "the idle slot has no healthy target")),
        (slot("prod-2", 1), ("the idle slot has no healthy target",)),
    ],
    ids=["scaled to zero", "inactive", "no service", "no deployment", "rollout in progress",
         "unhealthy"],
)  # fmt: skip
def test_a_swap_can_start_with_a_complete_release_that_is_scaled_to_zero(
    blue: RunningService | None, reasons: tuple[str, ...]
) -> None:
    for services in ({"prod-2": blue}, {"prod-2": blue} if blue else {}):
        assert refusals(Observed(services=services), "prod-2") == reasons


@pytest.mark.parametrize("action", ["continue", "finish"])
def test_no_call_stops_a_return(action: str) -> None:
    """An approval after an abort would be accepted without an effect."""
    approved = SwapPolicy(approval=Approval("shift"))
    awaiting = swapping(policy=approved, awaiting_at=NOW)
    for returned in (
        replace(awaiting, aborted_by="ci"),
        awaiting.with_details(returning=("the alarm errors is in the state ALARM",)),
        awaiting.with_details(approved_by="ci", returning=("not healthy",)),
    ):
        with pytest.raises(ConflictError, match=f"cannot {action}: all customers return"):
            KIND.advance[action].apply(returned, "alice", NOW)
    assert KIND.advance[action].apply(awaiting, "alice", NOW).details.approved_by == "alice"
