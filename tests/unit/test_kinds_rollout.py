"""One service on its way to a task definition, seen through deploy."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from devops_core.kinds import deploy
from devops_core.kinds.rollout import advance
from devops_core.model.decisions import Act
from devops_core.model.observed import Observed, RunningService
from devops_core.model.operation import LEASE, Progress, Status
from devops_core.model.steps import Deregister, Register, Step, UpdateService
from tests.unit.builders import (
    BEFORE,
    NOW,
    Seen,
    deployment,
    failed,
    observed,
    operation,
    overdue,
    part,
    rolling,
    seen,
    service,
    statuses,
)

DEPLOY = operation("deploy")
LATE = overdue("deploy")
UNSENT = rolling(sent=False, asked_at=None)
ON_ITS_WAY = service(deployment("new", "IN_PROGRESS"), deployment("old", primary=False), running=0)
UPDATE = UpdateService("dev", "new", None)
BACK = UpdateService("dev", "old")
THERE = observed(service(deployment("new")))
NOT_YET = observed(service(deployment("old")))

WAITS: list[tuple[str, Progress, Observed, str]] = [
    ("tasks start", rolling(), observed(ON_ITS_WAY),
     "DEV: rollout IN_PROGRESS, 0 of 1 new tasks running, 0 pending"),
    ("ECS has completed, but a task was replaced", rolling(),
     observed(service(deployment("new"), running=0)),
     "DEV: rollout COMPLETED, 0 of 1 new tasks running, 0 pending"),
    ("ECS lists no primary deployment", rolling(), observed(service(failed())),
     "DEV: a deployment"),
    ("ECS goes back", rolling(), observed(service(deployment("old", "IN_PROGRESS"), failed())),
     "DEV: ECS rolling back to the previous version"),
    ("the answer is older than the update", rolling(),
     observed(service(deployment("old", updated_at=BEFORE))), "DEV: ECS to show the update"),
]  # fmt: skip

ACTS: list[tuple[str, Progress, Observed, datetime, Step]] = [
    ("nothing is registered: register", part(), observed(), NOW, Register("dev")),
    ("nothing was looked at yet: update", UNSENT, observed(), NOW, UPDATE),
    ("registered, but nobody noted it: update", part(), observed(service(deployment("old")),
     registered={"dev": "new"}), NOW, UPDATE),
    ("ECS runs the one before: update", UNSENT, NOT_YET, NOW, UPDATE),
    ("a task count is wanted too: update with both", replace(UNSENT, desired_count=3),
     NOT_YET, NOW, UpdateService("dev", "new", 3)),
    ("right task definition, wrong count: update", replace(UNSENT, desired_count=3),
     THERE, NOW, UpdateService("dev", "new", 3)),
    ("failed and ECS does not go back: go back", rolling(),
     observed(service(deployment("new", "FAILED"))), NOW, BACK),
    ("out of time: go back", rolling(), observed(ON_ITS_WAY), LATE, BACK),
    ("done: retire the one before", rolling(), THERE, NOW, Deregister("dev", "old")),
    ("ECS went back: retire the new one", rolling(),
     observed(service(deployment("old"), failed())), NOW, Deregister("dev", "new")),
    ("ECS went back to what it had all the time: retire the new one", rolling(),
     observed(service(deployment("old", updated_at=BEFORE), failed())), NOW, Deregister("dev", "new")),
    ("failed earlier: retire the new one", rolling(status=Status.FAILED), NOT_YET, NOW,
     Deregister("dev", "new")),
    ("registered and out of time: retire it unused", UNSENT, NOT_YET, LATE, Deregister("dev", "new")),
]  # fmt: skip


@pytest.mark.parametrize(("now_part", "what", "words"), [case[1:] for case in WAITS],
                         ids=[case[0] for case in WAITS])  # fmt: skip
def test_waits(now_part: Progress, what: Observed, words: str) -> None:
    decision = deploy.decide(operation("deploy", now_part), what, NOW)

    assert seen(decision) == Seen("Wait", (), words)
    (kept,) = decision.operation.progress
    assert replace(kept, reason=None) == now_part


@pytest.mark.parametrize(("now_part", "what", "now", "step"), [case[1:] for case in ACTS],
                         ids=[case[0] for case in ACTS])  # fmt: skip
def test_acts(now_part: Progress, what: Observed, now: datetime, step: Step) -> None:
    decision = deploy.decide(operation("deploy", now_part), what, now)

    assert seen(decision) == Seen("Act", (step,))


STOPPED = ("Essential container in task exited",)
ROLLED_BACK = service(deployment("old"), failed(), stopped=STOPPED)
OVER: list[tuple[str, Progress, RunningService | None, datetime, str]] = [
    ("ECS says why the rollout failed, and why tasks stopped", rolling(), ROLLED_BACK, NOW,
     "Essential container in task exited. tasks failed to start."),
    ("the failed deployment says nothing", rolling(),
     service(deployment("old"), failed(reason="")), NOW, "ECS rolled back to the previous version"),
    ("only the rollback is left to say why", rolling(),
     service(deployment("old", reason="rolling back")), NOW, "rolling back"),
    ("the rollback is all there is, and silent", rolling(), service(deployment("old")), NOW,
     "ECS rolled back to the previous version"),
    ("somebody deployed something else", rolling(), service(deployment("third")), NOW,
     "another task definition replaced it"),
    ("a rollback is noticed though the answer has a time", rolling(),
     service(deployment("old", updated_at=NOW)), NOW, "ECS rolled back to the previous version"),
    ("the reason noted before counts", rolling(reason="noted"),
     service(deployment("old", updated_at=BEFORE)), NOW, "noted"),
    ("the update never showed", rolling(), service(deployment("old", updated_at=BEFORE)), LATE,
     "ECS rolled back to the previous version"),
    ("the way back takes too long", rolling(reason="noted"),
     service(deployment("old", "IN_PROGRESS")), LATE, "noted"),
    ("the service is gone", rolling(), None, NOW, "its ECS service does not exist any more"),
    ("the service is gone before the update", UNSENT, None, NOW, "its ECS service does not exist any more"),
    ("the service is being deleted", rolling(), service(active=False), NOW,
     "its ECS service does not exist any more"),
    ("an inactive service is not updated", UNSENT, service(deployment("old"), active=False), NOW,
     "its ECS service does not exist any more"),
    ("no time left to begin", UNSENT, service(deployment("old")), LATE,
     "was not sent to ECS within the time limit"),
    ("no deployment in time", rolling(), service(), LATE,
     "has had no deployment within the time limit"),
    ("not registered in time", part(version="1.1"), service(deployment("old")), LATE,
     "was not registered within the time limit"),
    ("nothing to go back to: out of time", rolling(previous=None), ON_ITS_WAY, LATE,
     "the rollout did not complete within the time limit"),
    ("the same again cannot go back", rolling(previous="new"),
     service(deployment("new", "FAILED", reason="no capacity")), NOW, "no capacity"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("now_part", "running", "now", "reason"),
    [case[1:] for case in OVER],
    ids=[case[0] for case in OVER],
)
def test_fails_with_the_reason(
    now_part: Progress, running: RunningService | None, now: datetime, reason: str
) -> None:
    what = observed(running) if running else observed()

    decision = deploy.decide(operation("deploy", now_part), what, now)

    assert statuses(decision) == [Status.FAILED]
    assert decision.operation.progress[0].reason == reason


@pytest.mark.parametrize(
    ("kept", "why"),
    [
        (rolling(previous=None, status=Status.FAILED), "the service still runs it"),
        (rolling(previous="new", status=Status.FAILED), "it is what ran before"),
        (rolling(target=None, status=Status.FAILED), "nothing was registered"),
        (rolling(deregistered=True, status=Status.FAILED), "it is retired already"),
        (rolling(obsolete="new", status=Status.SUCCEEDED), "the same was deployed again"),
        (rolling(obsolete=None, status=Status.SUCCEEDED), "the stack owns the one before"),
        (rolling(deregistered=True, status=Status.SUCCEEDED), "the one before is retired already"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_retires_nothing_when(kept: Progress, why: str) -> None:
    decision = deploy.decide(operation("deploy", kept), THERE, NOW)

    assert seen(decision).steps == (), why
    assert statuses(decision) == [kept.status]


def test_takes_a_failed_deployment_for_a_received_update() -> None:
    rolled_back = observed(service(deployment("old"), failed()))

    decision = deploy.decide(operation("deploy", UNSENT), rolled_back, NOW)

    assert decision.operation.progress[0].sent
    assert statuses(decision) == [Status.FAILED]


def test_goes_back_with_the_reason_that_time_ran_out() -> None:
    decision = deploy.decide(operation("deploy", rolling()), observed(ON_ITS_WAY), LATE)

    reason = decision.operation.progress[0].reason
    assert reason == "the rollout did not complete within the time limit"


def test_asks_again_when_an_update_that_was_under_way_cannot_land_any_more() -> None:
    later = NOW + LEASE
    first = deploy.decide(operation("deploy", UNSENT), NOT_YET, NOW)
    meanwhile = deploy.decide(first.operation, NOT_YET, later - timedelta(milliseconds=1))
    again = deploy.decide(first.operation, NOT_YET, later)

    assert seen(first) == seen(again) == Seen("Act", (UPDATE,))
    assert seen(meanwhile) == Seen("Wait", (), "DEV: ECS to show the update")
    times = [each.operation.progress[0].asked_at for each in (first, meanwhile, again)]
    assert times == [NOW, NOW, later]


@pytest.mark.parametrize("changes", [{"aborted_by": "someone"}, {"deadline": NOW}])
def test_ends_no_part_whose_update_may_still_land(changes: dict[str, Any]) -> None:
    under_way = operation("deploy", rolling(sent=False), **changes)
    decision = deploy.decide(under_way, NOT_YET, NOW)
    assert seen(decision) == Seen("Wait", (), "DEV: ECS to show the update")

    later = deploy.decide(under_way, NOT_YET, NOW + LEASE)
    assert seen(later) == Seen("Act", (Deregister("dev", "new"),))
    assert statuses(later) == [Status.FAILED]


def test_goes_on_at_once_when_an_update_that_was_under_way_has_landed() -> None:
    decision = deploy.decide(operation("deploy", rolling(sent=False)), THERE, NOW)
    assert seen(decision) == Seen("Act", (Deregister("dev", "old"),))


@pytest.mark.parametrize(
    ("parts", "handed_over"),
    [
        ((UNSENT,), True),
        ((UNSENT, rolling("qa")), True),
        ((UNSENT, rolling("qa", sent=False, asked_at=None)), True),
        ((UNSENT, part("qa")), False),
        ((part(),), False),
        ((UNSENT, rolling("qa", status=Status.FAILED)), False),
        ((UNSENT, rolling("qa", status=Status.FAILED, deregistered=True)), True),
        ((rolling(reason="noted"),), False),
    ],
    ids=["update", "another waits", "two updates", "another must be registered", "register",
         "another leaves something over", "another has ended", "go back"],
)  # fmt: skip
def test_hands_over_when_all_that_is_left_to_do_is_to_ask(
    parts: tuple[Progress, ...], handed_over: bool
) -> None:
    old = deployment("old", updated_at=BEFORE)
    going = deployment("new", "FAILED" if parts[0].reason else "IN_PROGRESS")
    dev = service(going if parts[0].sent else old)
    qa = service(deployment("new", "IN_PROGRESS") if parts[-1].sent else old, name="qa")
    decision = deploy.decide(operation("deploy", *parts), observed(dev, qa), NOW)

    assert isinstance(decision, Act)
    assert decision.hands_over is handed_over


def test_an_answer_that_stays_old_is_a_rollback() -> None:
    old = observed(service(deployment("old", updated_at=BEFORE)))
    moved_on = advance(rolling(), DEPLOY, old, NOW + timedelta(seconds=30))
    assert moved_on.part.status is Status.FAILED
    assert moved_on.part.reason == "ECS rolled back to the previous version"


def test_a_service_scaled_to_nothing_says_that_nothing_was_started() -> None:
    empty = observed(service(deployment("new"), running=0, desired=0))
    ended = advance(rolling(), DEPLOY, empty, NOW).part
    assert ended.status is Status.SUCCEEDED
    assert ended.reason == "no task was started: the service is scaled to 0"
