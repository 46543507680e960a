"""Delete: the rows are removed after the stack, not before."""

from __future__ import annotations

from datetime import datetime

import pytest

from devops_core.model.observed import Observed, Stack
from devops_core.model.operation import Operation, Status
from devops_core.model.specification import ApplicationRecord, RecordClaim, Specification
from devops_core.model.steps import DeleteStack, Deregister, RemoveRevisions
from tests.lab.builders import (
    DONE,
    ID,
    NOW,
    STACK_ID,
    Summary,
    acts,
    decide,
    fails,
    operation,
    overdue,
    part,
    planned_delete,
    stack,
    statuses,
    summary,
    waits,
)

LATE = overdue("delete")
NEW = operation("delete", stack_id=STACK_ID)
SENT = operation("delete", stack_id=STACK_ID, sent=True)
DELETE = acts(DeleteStack(ID))
CLEARED = operation("delete", stack_id=STACK_ID, sent=True, cleared=True)
CLEAR = acts(RemoveRevisions())
FAILED = stack("DELETE_FAILED", reason="The following resource(s) failed to delete: [Repository]")

CASES: list[tuple[str, Operation, Stack | None, tuple[str, ...], datetime, Summary]] = [
    ("the stack exists: delete it", NEW, stack(), (), NOW, DELETE),
    ("an earlier delete failed: delete it again", NEW, FAILED, (), NOW, DELETE),
    ("an earlier delete failed, and this one is not visible: send it again", SENT, FAILED, (), NOW,
     DELETE),
    ("the failures are older than this delete: delete it", NEW, FAILED, ("images left",), NOW,
     DELETE),
    ("this delete failed: fail with the reasons", SENT, FAILED, ("images left",), NOW,
     fails("images left", keep_rows=True)),
    ("the stack is in deletion: wait", SENT, stack("DELETE_IN_PROGRESS"), (), NOW,
     waits("stack DELETE_IN_PROGRESS")),
    ("another party deletes the stack: wait", NEW, stack("DELETE_IN_PROGRESS"), (), NOW,
     waits("stack DELETE_IN_PROGRESS")),
    ("the stack is in deletion at the deadline: fail", SENT, stack("DELETE_IN_PROGRESS"), (), LATE,
     fails("CloudFormation did not delete the stack within the time limit", keep_rows=True)),
    ("the delete could not begin until the deadline: fail", NEW, stack("UPDATE_IN_PROGRESS"), (),
     LATE, fails("the stack is still UPDATE_IN_PROGRESS at the time limit", keep_rows=True)),
    ("failed without a failed resource: fail with the stack's reason", SENT, FAILED, (), LATE,
     fails(f"the stack is still DELETE_FAILED at the time limit: {FAILED.reason}", keep_rows=True)),
    ("the stack was deleted: remove the revisions", SENT, stack("DELETE_COMPLETE"), (), NOW, CLEAR),
    ("the stack was deleted at the deadline: remove the revisions", SENT, stack("DELETE_COMPLETE"),
     (), LATE, CLEAR),
    ("the stack never existed: remove the revisions", NEW, None, (), NOW, CLEAR),
    ("the revisions are removed: succeed", CLEARED, stack("DELETE_COMPLETE"), (), NOW, DONE),
    ("the revisions are removed, and the stack is not visible: succeed", CLEARED, None, (), NOW,
     DONE),
]  # fmt: skip


@pytest.mark.parametrize(
    ("delete", "seen", "failures", "now", "expected"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_decides(
    delete: Operation,
    seen: Stack | None,
    failures: tuple[str, ...],
    now: datetime,
    expected: Summary,
) -> None:
    assert summary(decide(delete, Observed(stack=seen, stack_failures=failures), now)) == expected


@pytest.mark.parametrize(
    ("stack_id", "expected"),
    [(STACK_ID, DELETE), (None, waits("an observation of the stack"))],
    ids=["known stack: delete it", "unknown stack: wait"],
)
def test_the_first_decision_needs_no_observation_of_a_known_stack(
    stack_id: str | None, expected: Summary
) -> None:
    plan = planned_delete(stack_id)
    assert plan.operation is not None

    assert summary(decide(plan.operation, plan.observed, NOW)) == expected


def test_task_definitions_of_deploys_are_deregistered_after_the_stack() -> None:
    deleted = Observed(orphans={"dev": ("dev:7", "dev:8"), "prod-1": ()})

    steps = (Deregister("dev", "dev:7"), Deregister("dev", "dev:8"))
    assert summary(decide(SENT, deleted, NOW)) == acts(*steps, RemoveRevisions())
    assert summary(decide(CLEARED, deleted, NOW)) == acts(*steps)


def test_succeeds_in_every_environment_after_the_last_deregistration() -> None:
    delete = operation("delete", part("dev"), part("prod-1"), cleared=True)

    decision = decide(delete, Observed(orphans={"dev": (), "prod-1": ()}), NOW)

    assert summary(decision) == DONE
    assert statuses(decision) == [Status.SUCCEEDED, Status.SUCCEEDED]


def test_takes_the_record_of_the_application() -> None:
    assert planned_delete(STACK_ID).record == RecordClaim(seen=None, taken=True)
    record = ApplicationRecord(Specification(3, {"email": "a@example.com"}), 3)

    plan = planned_delete(STACK_ID, record)

    assert plan.record == RecordClaim(seen=record, taken=True)
    # The steps remove the revisions, so no transaction needs one.
    assert plan.operation is not None
    assert plan.operation.spec is None


@pytest.mark.parametrize(
    "seen",
    [
        Observed(stack=stack()),
        Observed(stack=stack("DELETE_IN_PROGRESS")),
        planned_delete(STACK_ID).observed,
    ],
    ids=["the stack exists", "the stack is in deletion", "nothing is observed"],
)
def test_records_the_delete_before_it_is_sent(seen: Observed) -> None:
    assert decide(NEW, seen, NOW).operation.details.sent is True


def test_a_failed_delete_has_failed_in_every_environment() -> None:
    seen = Observed(stack=FAILED, stack_failures=("images left",))

    decision = decide(operation("delete", part(), part("qa"), sent=True), seen, NOW)

    assert statuses(decision) == [Status.FAILED] * 2
    assert [each.reason for each in decision.operation.progress] == [
        "the stack was not deleted"
    ] * 2
