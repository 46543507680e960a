"""Swap: customers move once, to a slot that is ready, and never back."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from devops_core.kinds.swap import refusals, unready
from devops_core.model.observed import Observed, RunningService
from devops_core.model.operation import Operation, Status
from devops_core.model.steps import Listener, ScaleService, Switch, WarmUp
from tests.unit.builders import (
    NOW,
    Seen,
    decide,
    deployment,
    overdue,
    production,
    seen,
    slot,
    statuses,
    swapping,
)

LATE = overdue("swap")
BEFORE = production("prod-1", "prod-2")
HALFWAY = production("prod-2", "prod-2")
AFTER = production("prod-2", "prod-1")
SWITCH = Seen("Act", (Switch(Listener.PRODUCTION, "prod-2"),))
FOLLOW = Seen("Act", (Switch(Listener.TEST, "prod-1"),))
TIME_OUT = "production was not switched within the time limit"


def but(**slots: RunningService) -> Observed:
    named = {each.name: each for each in slots.values()}
    return replace(BEFORE, services={**BEFORE.services, **named})


def healthy(blue: int, green: int = 1) -> Observed:
    return replace(BEFORE, healthy={"prod-1": green, "prod-2": blue})


GREEN_OF_3 = replace(but(green=slot("prod-1", 3)), healthy={"prod-1": 3, "prod-2": 1})
RAISED = replace(GREEN_OF_3, services={
    "prod-1": slot("prod-1", 3), "prod-2": slot("prod-2", 3, running=1),
})  # fmt: skip
RUNNING = replace(RAISED, services={"prod-1": slot("prod-1", 3), "prod-2": slot("prod-2", 3)})
SICK = healthy(blue=0, green=0)
SWITCHED = swapping(switched_at=NOW)
COLD = swapping(warmup=("/", "/a"))
WARM = replace(COLD, warmed=(WarmedPage(path="/", status=500, milliseconds=1),))
BLUE_ON_TEST = replace(BEFORE, test="prod-2")

CASES: list[tuple[str, Operation, Observed, datetime, Seen]] = [
    ("blue is ready: switch production", swapping(), BEFORE, NOW, SWITCH),
    ("pages are to be fetched first: all at once", COLD, BLUE_ON_TEST, NOW,
     Seen("Act", (WarmUp("/"), WarmUp("/a")))),
    ("they were fetched, whatever they answered: switch", WARM, BLUE_ON_TEST, NOW, SWITCH),
    ("the test listener does not lead to blue: switch without", COLD,
     replace(BEFORE, test="prod-1"), NOW, SWITCH),
    ("blue is not ready: nothing is fetched yet", COLD, replace(SICK, test="prod-2"), NOW,
     Seen("Wait", (), "blue has no healthy target")),
    ("switched: nothing is fetched any more", replace(COLD, switched_at=NOW), HALFWAY, NOW, FOLLOW),
    ("production forwards to neither slot: switch it", swapping(),
     replace(BEFORE, production=None), NOW, SWITCH),
    ("green has more tasks: raise blue", swapping(), GREEN_OF_3, NOW,
     Seen("Act", (ScaleService("prod-2", None, 3),))),
    ("blue's tasks do not all run yet: wait", swapping(), RAISED, NOW,
     Seen("Wait", (), "blue runs 1 tasks, green 3; blue has 1 healthy targets, green 3")),
    ("blue's tasks run, but get no requests yet: wait", swapping(), RUNNING, NOW,
     Seen("Wait", (), "blue has 1 healthy targets, green 3")),
    ("green is sick itself: one healthy blue target will do", swapping(),
     replace(RUNNING, healthy={"prod-1": 1, "prod-2": 1}), NOW, SWITCH),
    ("green runs nothing at all: switch", swapping(),
     but(green=slot("prod-1", 2, running=0)), NOW, SWITCH),
    ("green has no service: switch", swapping(),
     replace(BEFORE, services={"prod-2": slot("prod-2")}, healthy={"prod-2": 1}), NOW, SWITCH),
    ("blue is not healthy: wait", swapping(), SICK, NOW,
     Seen("Wait", (), "blue has no healthy target")),
    ("nothing is known of blue's targets: wait", swapping(),
     replace(BEFORE, healthy={"prod-1": 1}), NOW,
     Seen("Wait", (), "blue has no healthy target; blue has 0 healthy targets, green 1")),
    ("nothing is known of any target: wait for blue's", swapping(),
     replace(BEFORE, healthy={}), NOW, Seen("Wait", (), "blue has no healthy target")),
    ("blue has no service: wait", swapping(),
     replace(BEFORE, services={"prod-1": slot("prod-1")}), NOW,
     Seen("Wait", (), "blue has no ECS service; blue runs 0 tasks, green 1")),
    ("blue has become inactive: wait", swapping(),
     but(blue=slot("prod-2", 0, active=False), green=slot("prod-1", 0)), NOW,
     Seen("Wait", (), "blue has no ECS service")),
    ("out of time: fail", swapping(), BEFORE, LATE, Seen("Fail", (), TIME_OUT)),
    ("out of time with blue not ready: say both", swapping(), SICK, LATE,
     Seen("Fail", (), f"blue has no healthy target; {TIME_OUT}")),
    ("switched: the test listener follows", SWITCHED, HALFWAY, NOW, FOLLOW),
    ("switched, and late: go on all the same", SWITCHED, HALFWAY, LATE, FOLLOW),
    ("switched, but nobody noted it: go on", swapping(), HALFWAY, LATE, FOLLOW),
    ("switched, and blue broke meanwhile: go on", SWITCHED,
     replace(HALFWAY, healthy={}, services={}), LATE, FOLLOW),
    ("both listeners are there: done", SWITCHED, AFTER, NOW, Seen("Done")),
    ("both listeners are there, late: done", SWITCHED, AFTER, LATE, Seen("Done")),
    ("switched and seen as it was before, late: switch again", SWITCHED, BEFORE, LATE, SWITCH),
    ("switched, and turned back by somebody on a broken blue, late: fail", SWITCHED, SICK, LATE,
     Seen("Fail", (), f"blue has no healthy target; {TIME_OUT}")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("now_operation", "what", "now", "expected"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_decides(now_operation: Operation, what: Observed, now: datetime, expected: Seen) -> None:
    assert seen(decide(now_operation, what, now)) == expected


def test_notes_when_customers_were_moved_and_keeps_the_first_time() -> None:
    unnoted = decide(swapping(), HALFWAY, LATE)
    noted = decide(SWITCHED, HALFWAY, LATE)

    assert [unnoted.operation.details.switched_at, noted.operation.details.switched_at] == [
        LATE,
        NOW,
    ]


def test_ends_both_roles_together() -> None:
    assert statuses(decide(SWITCHED, AFTER, NOW)) == [Status.SUCCEEDED] * 2
    late = decide(swapping(), BEFORE, LATE)
    assert statuses(late) == [Status.FAILED] * 2
    assert {each.reason for each in late.operation.progress} == {"production was not switched"}


@pytest.mark.parametrize(
    "incomplete",
    [replace(swapping(), live=None), replace(swapping(), idle=None)],
    ids=["no slot to go live", "no slot to become idle"],
)
def test_refuses_an_operation_without_slots(incomplete: Operation) -> None:
    with pytest.raises(ValueError, match="names no slots"):
        decide(incomplete, BEFORE, NOW)


@pytest.mark.parametrize(
    ("blue", "targets", "missing"),
    [
        (slot("prod-2"), 1, ()),
        (None, 1, ("blue has no ECS service",)),
        (slot("prod-2", active=False), 1, ("blue has no ECS service",)),
        (slot("prod-2", 2, deployment("td", "IN_PROGRESS"), running=1), 1,
         ("blue's rollout is IN_PROGRESS: 1 of 2 tasks running",)),
        (slot("prod-2", 1, deployment("td", primary=False)), 1,
         ("blue's rollout is missing: 1 of 1 tasks running",)),
        (slot("prod-2", 0), 1, ("blue runs no task",)),
        (slot("prod-2", 0, deployment("td", "FAILED")), 0,
         ("blue's rollout is FAILED: 0 of 0 tasks running", "blue runs no task",
          "blue has no healthy target")),
    ],
    ids=["ready", "no service", "inactive", "rollout under way", "no deployment", "scaled to zero",
         "everything wrong"],
)  # fmt: skip
def test_unready_lists_all_that_is_missing(
    blue: RunningService | None, targets: int, missing: tuple[str, ...]
) -> None:
    services = {"prod-2": blue} if blue else {}

    assert unready(Observed(services=services, healthy={"prod-2": targets}), "prod-2") == missing


@pytest.mark.parametrize(
    ("blue", "reasons"),
    [
        (slot("prod-2", 0), ()),
        (slot("prod-2", 0, active=False), ("blue has no ECS service",)),
        (None, ("blue has no ECS service",)),
        (slot("prod-2", 0, deployment("td", primary=False)),
         ("blue's rollout is missing: 0 of 0 tasks running", "blue runs no task",
          "blue has no healthy target")),
        (slot("prod-2", 0, deployment("td", "IN_PROGRESS")),
         ("blue's rollout is IN_PROGRESS: 0 of 0 tasks running", "blue runs no task",
          "blue has no healthy target")),
        (slot("prod-2", 1), ("blue has no healthy target",)),
    ],
    ids=["scaled to zero", "deleted", "no service", "no deployment", "rollout under way", "sick"],
)  # fmt: skip
def test_a_swap_may_start_with_a_blue_that_only_has_to_be_raised(
    blue: RunningService | None, reasons: tuple[str, ...]
) -> None:
    services = {"prod-2": blue} if blue else {}

    assert refusals(Observed(services=services), "prod-2") == reasons
