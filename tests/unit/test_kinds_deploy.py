"""Deploy, promote and update: each environment has its own outcome, and all must succeed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devops_core.model.operation import Status
from devops_core.model.steps import Deregister, UpdateService
from tests.lab.builders import (
    DONE,
    NOW,
    acts,
    decide,
    deployment,
    fails,
    observed,
    operation,
    part,
    rolling,
    service,
    statuses,
    summary,
    waits,
)

COMPLETE = service(deployment("new"))
FAILED = rolling("qa", status=Status.FAILED, reason="crashed", deregistered=True)


@pytest.mark.parametrize("kind", ["deploy", "deploy-blue", "update"])
def test_succeeds_when_the_old_task_definition_is_deregistered(kind: str) -> None:
    decision = decide(operation(kind, rolling(deregistered=True)), observed(COMPLETE), NOW)

    assert summary(decision) == DONE
    assert statuses(decision) == [Status.SUCCEEDED]


def test_continues_in_one_environment_after_a_failure_in_another() -> None:
    starting = service(deployment("new", "IN_PROGRESS"))

    decision = decide(operation("deploy", FAILED, rolling()), observed(starting), NOW)

    assert summary(decision) == waits(
        "DEV: rollout IN_PROGRESS, 0 of 1 new tasks running, 0 pending"
    )


def test_fails_after_a_failure_in_one_environment_and_keeps_the_other_outcome() -> None:
    parts = (FAILED, rolling(deregistered=True))

    decision = decide(operation("deploy", *parts), observed(COMPLETE), NOW)

    assert summary(decision) == fails("QA 1.1: crashed")
    assert statuses(decision) == [Status.FAILED, Status.SUCCEEDED]


def test_returns_the_steps_of_all_environments_together() -> None:
    unsent = rolling("qa", sent=False, asked_at=None)
    before = service(deployment("old"), name="qa")

    decision = decide(operation("deploy", unsent, rolling()), observed(before, COMPLETE), NOW)

    steps = (UpdateService("qa", "new", None), Deregister("dev", "old"))
    assert summary(decision) == acts(*steps)


def test_the_wait_names_the_conditions_of_all_environments() -> None:
    starting = [service(deployment("new", "IN_PROGRESS"), name=name) for name in ("dev", "qa")]

    decision = decide(operation("deploy", rolling(), rolling("qa")), observed(*starting), NOW)

    assert summary(decision).decision == "Wait"
    assert [text[:4] for text in summary(decision).text.split("; ")] == ["DEV:", "QA: "]


def test_a_rollout_of_settings_does_not_wait_for_the_digest_of_the_image() -> None:
    """The image does not change, so its digest can remain unknown."""
    unknown = rolling(digest=None, keeps_image=True, deregistered=True, spec_hash="5e")

    assert summary(decide(operation("update", unknown), observed(COMPLETE), NOW)) == DONE


def test_a_task_count_alone_is_updated_without_the_task_definition() -> None:
    """Both slots of production keep their releases; an update never rolls production out."""
    counted = part("prod-2", target="new", previous="new", keeps_image=True, desired_count=3)
    slot = service(deployment("new"), name="prod-2")

    decision = decide(operation("update", counted), observed(slot), NOW)

    assert summary(decision) == acts(UpdateService("prod-2", None, 3))


def test_an_update_without_a_rollout_succeeds_at_once() -> None:
    """The revision can change only production, or settings that no task has."""
    stored = replace(operation("update"), progress=())

    assert summary(decide(stored, observed(), NOW)) == DONE
