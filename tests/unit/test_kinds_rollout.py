"""Rollout: one service on the way to its target task definition, in a deploy to dev."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from devops_core.kinds.rollout import advance
from devops_core.model.decisions import Act, After
from devops_core.model.observed import Observed
from devops_core.model.operation import LEASE, Progress, Status
from devops_core.model.steps import Deregister, Register, Step, UpdateService
from tests.lab.builders import (
    BEFORE,
    NOW,
    acts,
    decide,
    deployment,
    failed_deployment,
    observed,
    operation,
    overdue,
    part,
    rolling,
    service,
    statuses,
    summary,
    waits,
)

DEPLOY = operation("deploy")
LATE = overdue("deploy")
UNSENT = rolling(sent=False, asked_at=None)
STARTING = observed(
    service(deployment("new", "IN_PROGRESS"), deployment("old", primary=False), running=0)
)
UPDATE = UpdateService("dev", "new", None)
ROLL_BACK = UpdateService("dev", "old")
COMPLETE = observed(service(deployment("new")))
OLD = observed(service(deployment("old")))
OUTDATED = observed(service(deployment("old", updated_at=BEFORE)))
MISSING = Observed(services={"dev": None})

DIGEST = f"sha256:{'1' * 64}"
UNKNOWN = rolling(digest=None, obsolete=None)


def with_digests(*digests: str) -> Observed:
    return replace(COMPLETE, digests={"dev": digests})


DIFFERENT = (
    f"the new tasks run images with different digests: {DIGEST}, {DIGEST[:-1]}2. A promote refuses"
    " this version: deploy it again, with the digest in repouri"
)
NOT_REPORTED = (
    "ECS did not report the digest of the image for all new tasks. A promote refuses this version:"
    " deploy it again, with the digest in repouri"
)
# An operation, the observation, the time, and the digest and the remark at the end.
REPORTED: list[tuple[str, Progress, Observed, datetime, str | None, str | None]] = [
    ("one", UNKNOWN, with_digests(DIGEST), NOW, DIGEST, None),
    ("different ones", UNKNOWN, with_digests(DIGEST, f"{DIGEST[:-1]}2"), NOW, None, DIFFERENT),
    ("one and none", UNKNOWN, with_digests("", DIGEST), NOW, None, NOT_REPORTED),
    ("none", UNKNOWN, with_digests(""), NOW, None, NOT_REPORTED),
    ("no task until the deadline", UNKNOWN, with_digests(), LATE, None, NOT_REPORTED),
    ("not observed until the deadline", UNKNOWN, COMPLETE, LATE, None, NOT_REPORTED),
    ("at the deadline", UNKNOWN, with_digests(DIGEST), LATE, DIGEST, None),
    ("the digest is known", replace(UNKNOWN, digest="known"), with_digests(DIGEST), NOW, "known",
     None),
    ("a create, which has no image", replace(UNKNOWN, image=None), COMPLETE, NOW, None, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "seen", "now", "digest", "remark"),
    [case[1:] for case in REPORTED],
    ids=[case[0] for case in REPORTED],
)
def test_a_complete_rollout_has_the_digest_of_its_tasks(
    before: Progress, seen: Observed, now: datetime, digest: str | None, remark: str | None
) -> None:
    after = advance(before, DEPLOY, seen, now).part
    assert (after.status, after.digest, after.remark) == (Status.SUCCEEDED, digest, remark)
    assert after.digest_reported is (digest == DIGEST)


WAITS: list[tuple[str, Progress, Observed, str]] = [
    ("tasks start", rolling(), STARTING,
     "DEV: rollout IN_PROGRESS, 0 of 1 new tasks running, 0 pending"),
    ("complete, but a task is being replaced", rolling(),
     observed(service(deployment("new"), running=0)),
     "DEV: rollout COMPLETED, 0 of 1 new tasks running, 0 pending"),
    ("complete, but the digest is not observed", UNKNOWN, COMPLETE,
     "DEV: the digest of the new tasks"),
    ("complete, but ECS does not list the tasks yet", UNKNOWN, with_digests(),
     "DEV: the digest of the new tasks"),
    ("no primary deployment", rolling(), observed(service(failed_deployment())),
     "DEV: a deployment"),
    ("ECS rolls back", rolling(),
     observed(service(deployment("old", "IN_PROGRESS"), failed_deployment())),
     "DEV: ECS rolling back to the previous version"),
    ("the response is older than the update", rolling(), OUTDATED, "DEV: ECS to show the update"),
    ("the previous task definition is not observed", rolling(),
     replace(observed(service(deployment("new", "FAILED"))), previous_active={}),
     "DEV: the previous task definition"),
]  # fmt: skip

ACTS: list[tuple[str, Progress, Observed, datetime, Step]] = [
    ("nothing is registered: register", part(), OLD, NOW, Register("dev")),
    ("nothing is registered, no service: register", part(), MISSING, NOW, Register("dev")),
    ("nothing is registered or observed: register", part(), Observed(), NOW, Register("dev")),
    ("registered, not observed: update", UNSENT, Observed(), NOW, UPDATE),
    ("registered, but not recorded: update", part(),
     replace(OLD, registered={"dev": "new"}), NOW, UPDATE),
    ("the previous task definition runs: update", UNSENT, OLD, NOW, UPDATE),
    ("a task count is set too: update with both", replace(UNSENT, desired_count=3), OLD, NOW,
     UpdateService("dev", "new", 3)),
    ("the target runs with another count: update", replace(UNSENT, desired_count=3), COMPLETE, NOW,
     UpdateService("dev", "new", 3)),
    ("a grace period is set too: update with all", replace(UNSENT, desired_count=3,
     start_seconds=0), OLD, NOW, UpdateService("dev", "new", 3, 0)),
    ("the target runs with another grace period: update", replace(UNSENT, start_seconds=90),
     COMPLETE, NOW, UpdateService("dev", "new", None, 90)),
    ("the target runs with a grace period that must end: update",
     replace(UNSENT, start_seconds=0), observed(service(deployment("new"), start_seconds=60)), NOW,
     UpdateService("dev", "new", None, 0)),
    ("the target runs with the count and the grace period: deregister the obsolete one",
     replace(UNSENT, desired_count=1, start_seconds=60),
     observed(service(deployment("new"), start_seconds=60)), NOW, Deregister("dev", "old")),
    ("failed, and ECS does not roll back: roll back", rolling(),
     observed(service(deployment("new", "FAILED"))), NOW, ROLL_BACK),
    ("incomplete at the deadline: roll back", rolling(), STARTING, LATE, ROLL_BACK),
    ("complete: deregister the obsolete one", rolling(), COMPLETE, NOW, Deregister("dev", "old")),
    ("ECS rolled back: deregister the target", rolling(),
     observed(service(deployment("old"), failed_deployment())), NOW, Deregister("dev", "new")),
    ("ECS rolled back to an older deployment: deregister the target", rolling(),
     observed(service(deployment("old", updated_at=BEFORE), failed_deployment())), NOW,
     Deregister("dev", "new")),
    ("failed earlier: deregister the target", rolling(status=Status.FAILED), OLD, NOW,
     Deregister("dev", "new")),
    ("the service keeps the target: deregister the obsolete one",
     rolling(status=Status.FAILED, unrestored=True, obsolete="older"), OLD, NOW,
     Deregister("dev", "older")),
    ("the service keeps the target: deregister the previous one",
     rolling(status=Status.FAILED, unrestored=True), OLD, NOW, Deregister("dev", "old")),
    ("registered, but not sent until the deadline: deregister the target", UNSENT, OLD, LATE,
     Deregister("dev", "new")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("progress", "seen", "condition"), [case[1:] for case in WAITS], ids=[case[0] for case in WAITS]
)
def test_waits(progress: Progress, seen: Observed, condition: str) -> None:
    decision = decide(operation("deploy", progress), seen, NOW)

    assert summary(decision) == waits(condition)
    (kept,) = decision.operation.progress
    assert replace(kept, reason=None) == progress


@pytest.mark.parametrize(
    ("progress", "seen", "now", "step"),
    [case[1:] for case in ACTS],
    ids=[case[0] for case in ACTS],
)
def test_acts(progress: Progress, seen: Observed, now: datetime, step: Step) -> None:
    decision = decide(operation("deploy", progress), seen, now)

    assert summary(decision) == acts(step)


STOPPED = ("Essential container in task exited",)
NO_SERVICE = "the ECS service does not exist any more"
ROLLED_BACK = "ECS rolled back to the previous version"
FAILURES: list[tuple[str, Progress, Observed, datetime, str]] = [
    ("stop reasons of tasks and the reason of the deployment", rolling(),
     observed(service(deployment("old"), failed_deployment(), stopped=STOPPED)), NOW,
     "Essential container in task exited. tasks failed to start."),
    ("the failed deployment has no reason", rolling(),
     observed(service(deployment("old"), failed_deployment(reason=""))), NOW, ROLLED_BACK),
    ("only the rollback has a reason", rolling(),
     observed(service(deployment("old", reason="rolling back"))), NOW, "rolling back"),
    ("only the rollback is listed, without a reason", rolling(), OLD, NOW, ROLLED_BACK),
    ("another task definition runs", rolling(), observed(service(deployment("third"))), NOW,
     "a rollout outside of this service replaced the task definition"),
    ("the rollback is younger than the update", rolling(),
     observed(service(deployment("old", updated_at=NOW))), NOW, ROLLED_BACK),
    ("a reason is recorded", rolling(reason="recorded"), OUTDATED, NOW, "recorded"),
    ("the update is not visible until the deadline", rolling(), OUTDATED, LATE, ROLLED_BACK),
    ("the rollback is incomplete at the deadline", rolling(reason="recorded"),
     observed(service(deployment("old", "IN_PROGRESS"))), LATE, "recorded"),
    ("no service", rolling(), MISSING, NOW, NO_SERVICE),
    ("updated, but not observed", rolling(), Observed(), NOW, NO_SERVICE),
    ("no service before the update", UNSENT, MISSING, NOW, NO_SERVICE),
    ("the service is inactive", rolling(), observed(service(active=False)), NOW, NO_SERVICE),
    ("the service is inactive before the update", UNSENT,
     observed(service(deployment("old"), active=False)), NOW, NO_SERVICE),
    ("not sent until the deadline", UNSENT, OLD, LATE,
     "the update was not sent to ECS within the time limit"),
    ("no deployment until the deadline", rolling(), observed(service()), LATE,
     "ECS started no deployment within the time limit"),
    ("not registered until the deadline", part(version="1.1"), OLD, LATE,
     "the task definition was not registered within the time limit"),
    ("incomplete at the deadline, without a previous task definition", rolling(previous=None),
     STARTING, LATE, "the rollout did not complete within the time limit"),
    ("failed, and the previous task definition is INACTIVE", rolling(),
     observed(service(deployment("new", "FAILED", reason="no capacity")),
              previous_active={"dev": False}), NOW,
     "no capacity. No rollback: the previous task definition is INACTIVE, because another tool"
     " deregistered it. The service keeps 1.1 until its next rollout"),
    ("failed, and the target is the previous task definition", rolling(previous="new"),
     observed(service(deployment("new", "FAILED", reason="no capacity"))), NOW, "no capacity"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("progress", "seen", "now", "reason"),
    [case[1:] for case in FAILURES],
    ids=[case[0] for case in FAILURES],
)
def test_fails_with_the_reason(
    progress: Progress, seen: Observed, now: datetime, reason: str
) -> None:
    decision = decide(operation("deploy", progress), seen, now)

    assert statuses(decision) == [Status.FAILED]
    assert decision.operation.progress[0].reason == reason


@pytest.mark.parametrize(
    "progress",
    [
        rolling(previous=None, status=Status.FAILED),
        rolling(previous="new", status=Status.FAILED),
        rolling(target=None, status=Status.FAILED),
        rolling(deregistered=True, status=Status.FAILED),
        rolling(unrestored=True, deregistered=True, status=Status.FAILED),
        rolling(unrestored=True, obsolete="new", status=Status.FAILED),
        rolling(obsolete="new", status=Status.SUCCEEDED),
        rolling(obsolete=None, status=Status.SUCCEEDED),
        rolling(deregistered=True, status=Status.SUCCEEDED),
    ],
    ids=[
        "failed: the service still runs the target",
        "failed: the target is the previous task definition",
        "failed: nothing was registered",
        "failed: the target is deregistered",
        "failed: the service keeps the target, and the previous one is INACTIVE",
        "failed: the service keeps the target, and it is the obsolete one",
        "succeeded: the same task definition was deployed again",
        "succeeded: the stack owns the previous task definition",
        "succeeded: the obsolete one is deregistered",
    ],
)
def test_deregisters_nothing(progress: Progress) -> None:
    decision = decide(operation("deploy", progress), COMPLETE, NOW)

    assert not isinstance(decision, Act)
    assert statuses(decision) == [progress.status]


def test_a_failed_deployment_proves_that_ecs_received_the_update() -> None:
    rolled_back = observed(service(deployment("old"), failed_deployment()))

    decision = decide(operation("deploy", UNSENT), rolled_back, NOW)

    assert decision.operation.progress[0].sent
    assert statuses(decision) == [Status.FAILED]


def test_a_rollback_at_the_deadline_records_the_deadline_as_its_reason() -> None:
    decision = decide(operation("deploy", rolling()), STARTING, LATE)

    reason = decision.operation.progress[0].reason
    assert reason == "the rollout did not complete within the time limit"


def test_repeats_an_update_that_cannot_take_effect_any_more() -> None:
    later = NOW + LEASE
    first = decide(operation("deploy", UNSENT), OLD, NOW)
    meanwhile = decide(first.operation, OLD, later - timedelta(milliseconds=1))
    again = decide(first.operation, OLD, later)

    assert summary(first) == summary(again) == acts(UPDATE)
    assert summary(meanwhile) == waits("DEV: ECS to show the update")
    times = [each.operation.progress[0].asked_at for each in (first, meanwhile, again)]
    assert times == [NOW, NOW, later]


@pytest.mark.parametrize("changes", [{"aborted_by": "someone"}, {"deadline": NOW}])
def test_an_update_in_flight_does_not_fail_at_the_deadline_or_an_abort(
    changes: dict[str, Any],
) -> None:
    in_flight = operation("deploy", rolling(sent=False), **changes)
    decision = decide(in_flight, OLD, NOW)
    assert summary(decision) == waits("DEV: ECS to show the update")

    later = decide(in_flight, OLD, NOW + LEASE)
    assert summary(later) == acts(Deregister("dev", "new"))
    assert statuses(later) == [Status.FAILED]


def test_continues_at_once_after_an_update_in_flight_has_taken_effect() -> None:
    decision = decide(operation("deploy", rolling(sent=False)), COMPLETE, NOW)
    assert summary(decision) == acts(Deregister("dev", "old"))


@pytest.mark.parametrize(
    ("parts", "after"),
    [
        ((UNSENT,), After.RELEASE),
        ((UNSENT, rolling("qa")), After.RELEASE),
        ((UNSENT, rolling("qa", sent=False, asked_at=None)), After.RELEASE),
        ((UNSENT, part("qa")), After.CONTINUE),
        ((part(),), After.CONTINUE),
        ((UNSENT, rolling("qa", status=Status.FAILED)), After.CONTINUE),
        ((UNSENT, rolling("qa", status=Status.FAILED, deregistered=True)), After.RELEASE),
        ((rolling(reason="recorded"),), After.CONTINUE),
    ],
    ids=["update", "update, another waits", "two updates", "update, another registers", "register",
         "update, another deregisters", "update, another has ended", "rollback"],
)  # fmt: skip
def test_releases_the_lease_if_only_updates_remain(
    parts: tuple[Progress, ...], after: After
) -> None:
    old = deployment("old", updated_at=BEFORE)
    current = deployment("new", "FAILED" if parts[0].reason else "IN_PROGRESS")
    dev = service(current if parts[0].sent else old)
    qa = service(deployment("new", "IN_PROGRESS") if parts[-1].sent else old, name="qa")
    decision = decide(operation("deploy", *parts), observed(dev, qa), NOW)

    assert isinstance(decision, Act)
    assert decision.after is after


def test_a_response_that_stays_old_is_a_rollback() -> None:
    advanced = advance(rolling(), DEPLOY, OUTDATED, NOW + timedelta(seconds=30))
    assert advanced.part.status is Status.FAILED
    assert advanced.part.reason == ROLLED_BACK


def test_a_service_without_tasks_succeeds_with_a_warning() -> None:
    empty = observed(service(deployment("new"), running=0, desired=0))
    ended = advance(rolling(), DEPLOY, empty, NOW).part
    assert ended.status is Status.SUCCEEDED
    assert ended.reason == "no task was started: the service is scaled to 0"
    decision = decide(operation("deploy", rolling(obsolete=None)), empty, NOW)
    warning = "DEV 1.1: no task was started: the service is scaled to 0"
    assert (decision.operation.warnings, decision.operation.reasons) == ((warning,), ())
