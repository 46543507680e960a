"""A deploy as a whole: each environment has its own outcome, all must succeed."""

from __future__ import annotations

import pytest

from devops_core.model.operation import Status
from devops_core.model.steps import Deregister, UpdateService
from tests.unit.builders import (
    NOW,
    Seen,
    decide,
    deployment,
    observed,
    operation,
    rolling,
    seen,
    service,
    statuses,
)

DONE = service(deployment("new"))
GONE_WRONG = rolling("qa", status=Status.FAILED, reason="crashed", deregistered=True)


@pytest.mark.parametrize("kind", ["deploy", "deploy-blue"])
def test_is_done_when_the_rollout_is_complete_and_the_old_one_retired(kind: str) -> None:
    decision = decide(operation(kind, rolling(deregistered=True)), observed(DONE), NOW)

    assert seen(decision) == Seen("Done")
    assert statuses(decision) == [Status.SUCCEEDED]


def test_goes_on_with_one_environment_after_another_has_failed() -> None:
    busy = service(deployment("new", "IN_PROGRESS"))

    decision = decide(operation("deploy", GONE_WRONG, rolling()), observed(busy), NOW)

    assert seen(decision) == Seen(
        "Wait", (), "DEV: rollout IN_PROGRESS, 0 of 1 new tasks running, 0 pending"
    )


def test_fails_when_one_environment_has_failed_and_keeps_the_other_outcome() -> None:
    parts = (GONE_WRONG, rolling(deregistered=True))

    decision = decide(operation("deploy", *parts), observed(DONE), NOW)

    assert seen(decision) == Seen("Fail", (), "QA 1.1: crashed")
    assert statuses(decision) == [Status.FAILED, Status.SUCCEEDED]


def test_does_the_steps_of_all_environments_at_once() -> None:
    unsent = rolling("qa", sent=False, asked_at=None)
    before = service(deployment("old"), name="qa")

    decision = decide(operation("deploy", unsent, rolling()), observed(before, DONE), NOW)

    assert seen(decision).steps == (UpdateService("qa", "new", None), Deregister("dev", "old"))


def test_says_all_it_waits_for() -> None:
    busy = [service(deployment("new", "IN_PROGRESS"), name=name) for name in ("dev", "qa")]

    decision = decide(operation("deploy", rolling(), rolling("qa")), observed(*busy), NOW)

    assert [words[:4] for words in seen(decision).words.split("; ")] == ["DEV:", "QA: "]
