"""Delete: rows go when the stack is gone, not before."""

from __future__ import annotations

from datetime import datetime

import pytest

from devops_core.model.observed import Observed, Stack
from devops_core.model.operation import Operation, Status
from devops_core.model.steps import DeleteStack, Deregister
from tests.unit.builders import (
    NOW,
    STACK_ID,
    Seen,
    decide,
    operation,
    overdue,
    part,
    seen,
    stack,
    statuses,
)

LATE = overdue("delete")
NEW = operation("delete", stack_id=STACK_ID)
SENT = operation("delete", stack_id=STACK_ID, sent=True)
DELETE = Seen("Act", (DeleteStack(),))
FAILED = stack("DELETE_FAILED", reason="The following resource(s) failed to delete: [Repository]")

CASES: list[tuple[str, Operation, Stack | None, tuple[str, ...], datetime, Seen]] = [
    ("the stack is there: delete it", NEW, stack(), (), NOW, DELETE),
    ("an earlier delete failed: delete it again", NEW, FAILED, (), NOW, DELETE),
    ("an earlier delete failed and ours is not seen yet: send it again", SENT, FAILED, (), NOW,
     DELETE),
    ("what failed was before ours: delete it", NEW, FAILED, ("images left",), NOW, DELETE),
    ("our delete failed: fail with the reasons", SENT, FAILED, ("images left",), NOW,
     Seen("Fail, keep rows", (), "images left")),
    ("it is being deleted: wait", SENT, stack("DELETE_IN_PROGRESS"), (), NOW,
     Seen("Wait", (), "stack DELETE_IN_PROGRESS")),
    ("somebody else deletes it: wait", NEW, stack("DELETE_IN_PROGRESS"), (), NOW,
     Seen("Wait", (), "stack DELETE_IN_PROGRESS")),
    ("it takes too long: fail", SENT, stack("DELETE_IN_PROGRESS"), (), LATE,
     Seen("Fail, keep rows", (), "CloudFormation did not delete the stack in time")),
    ("it could never be begun: fail", NEW, stack("UPDATE_IN_PROGRESS"), (), LATE,
     Seen("Fail, keep rows", (), "the stack is still UPDATE_IN_PROGRESS")),
    ("it failed without a resource to blame: say what the stack says", SENT, FAILED, (), LATE,
     Seen("Fail, keep rows", (), f"the stack is still DELETE_FAILED: {FAILED.reason}")),
    ("it is gone: done", SENT, stack("DELETE_COMPLETE"), (), NOW, Seen("Done")),
    ("it was never there: done", NEW, None, (), NOW, Seen("Done")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("now_operation", "now_stack", "failures", "now", "expected"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_decides(
    now_operation: Operation,
    now_stack: Stack | None,
    failures: tuple[str, ...],
    now: datetime,
    expected: Seen,
) -> None:
    what = Observed(stack=now_stack, stack_failures=failures)

    assert seen(decide(now_operation, what, now)) == expected


@pytest.mark.parametrize(
    ("now_operation", "expected"),
    [(NEW, DELETE), (operation("delete"), Seen("Wait", (), "a look for the stack"))],
    ids=["a stack: send its delete", "no stack on record: look for one"],
)
def test_decides_before_anything_was_looked_at(now_operation: Operation, expected: Seen) -> None:
    assert seen(decide(now_operation, Observed(), NOW)) == expected


def test_what_deploys_have_registered_goes_after_the_stack() -> None:
    left = Observed(orphans={"dev": ("dev:7", "dev:8"), "prod-1": ()})

    steps = (Deregister("dev", "dev:7"), Deregister("dev", "dev:8"))
    assert seen(decide(SENT, left, NOW)) == Seen("Act", steps)


def test_is_done_after_the_last_retirement_with_every_environment() -> None:
    retired = operation("delete", part("dev"), part("prod-1"))

    decision = decide(retired, Observed(orphans={"dev": (), "prod-1": ()}), NOW)

    assert seen(decision) == Seen("Done")
    assert statuses(decision) == [Status.SUCCEEDED, Status.SUCCEEDED]


@pytest.mark.parametrize(
    "what",
    [
        Observed(stack=stack()),
        Observed(stack=stack("DELETE_IN_PROGRESS")),
        Observed(),
    ],
    ids=["the stack is there", "it is being deleted", "nothing was looked at"],
)
def test_notes_that_the_delete_is_sent_before_it_is(what: Observed) -> None:
    assert decide(NEW, what, NOW).operation.details.sent is True


def test_a_failed_delete_says_so_for_each_environment() -> None:
    what = Observed(stack=FAILED, stack_failures=("images left",))

    decision = decide(operation("delete", part(), part("qa"), sent=True), what, NOW)

    assert statuses(decision) == [Status.FAILED] * 2
    assert [each.reason for each in decision.operation.progress] == [
        "the stack was not deleted"
    ] * 2
