"""Create: the template, the stack, and the undo that deletes a failed stack."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from devops_core import kinds
from devops_core.model.decisions import Act, After
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation, Status
from devops_core.model.steps import CreateStack, DeleteStack, ReadTemplate
from tests.lab.builders import (
    DONE,
    ID,
    NOW,
    STACK_ID,
    TEMPLATE,
    Summary,
    acts,
    decide,
    fails,
    operation,
    outputs,
    overdue,
    part,
    stack,
    statuses,
    summary,
    waits,
)

LATE = overdue("create")
TOO_LATE = LATE + timedelta(minutes=60)
UNREAD = operation("create")
NEW = operation("create", template=TEMPLATE)
SENT = operation("create", stack_id=STACK_ID)
UNDOING = operation("create", undoing=True, stack_id=STACK_ID, reasons=("because",))
FOREIGN = stack(operation=None)
COMPLETE = stack(outputs=outputs("dev"))
UNDO = acts(DeleteStack(f"{ID}-undo"))

CASES: list[tuple[str, Operation, Observed, datetime, Summary]] = [
    ("no template is recorded: read it", UNREAD, Observed(), NOW, acts(ReadTemplate())),
    ("no template is recorded at the deadline: fail", UNREAD, Observed(), LATE,
     fails("CloudFormation did not create the stack within the time limit")),
    ("no stack: create it", NEW, Observed(), NOW, acts(CreateStack())),
    ("an earlier stack of this name was deleted: create it", NEW,
     Observed(stack=stack("DELETE_COMPLETE")), NOW, acts(CreateStack())),
    ("the accepted stack is not visible: wait", SENT, Observed(), NOW,
     waits("CloudFormation to show the stack")),
    ("the accepted stack is not visible at the deadline: wait", SENT, Observed(), LATE,
     waits("CloudFormation to show the stack")),
    ("the accepted stack never becomes visible: keep the rows", SENT, Observed(), TOO_LATE,
     fails("CloudFormation did not create the stack within the time limit", keep_rows=True)),
    ("no stack was accepted until the deadline: fail", NEW, Observed(), LATE,
     fails("CloudFormation did not create the stack within the time limit")),
    ("a stack of another origin: fail and leave it", NEW, Observed(stack=FOREIGN), NOW,
     fails("another stack has the name of the application: choose another name")),
    ("undo, and the stack has another origin: fail and leave it", UNDOING,
     Observed(stack=FOREIGN), NOW, fails("because")),
    ("the stack is in creation: wait", NEW, Observed(stack=stack("CREATE_IN_PROGRESS")), NOW,
     waits("stack CREATE_IN_PROGRESS")),
    ("the stack rolls back: wait for its reasons", NEW,
     Observed(stack=stack("ROLLBACK_IN_PROGRESS")), NOW, waits("stack ROLLBACK_IN_PROGRESS")),
    ("the stack is in creation at the deadline: delete it", NEW,
     Observed(stack=stack("CREATE_IN_PROGRESS")), LATE, UNDO),
    ("the stack failed and was rolled back: delete it", NEW,
     Observed(stack=stack("ROLLBACK_COMPLETE")), NOW, UNDO),
    ("the stack and its rollback failed: delete it", NEW,
     Observed(stack=stack("ROLLBACK_FAILED")), NOW, UNDO),
    ("another party deletes the stack: wait for the deletion", NEW,
     Observed(stack=stack("DELETE_IN_PROGRESS")), NOW, waits("the deletion of the failed stack")),
    ("another party deleted the stack: fail", SENT, Observed(stack=stack("DELETE_COMPLETE")), NOW,
     fails("the stack ended as DELETE_COMPLETE")),
    ("the delete of another party failed: delete it", NEW, Observed(stack=stack("DELETE_FAILED")),
     NOW, UNDO),
    ("the stack lacks outputs: delete it", NEW, Observed(stack=stack()), NOW, UNDO),
    ("the stack is complete: succeed", NEW, Observed(stack=COMPLETE), NOW, DONE),
    ("the stack is complete after the deadline: succeed", NEW, Observed(stack=COMPLETE), LATE,
     DONE),
    ("undo, and the stack exists: delete it", UNDOING, Observed(stack=COMPLETE), NOW, UNDO),
    ("undo, and the stack is in deletion: wait", UNDOING,
     Observed(stack=stack("DELETE_IN_PROGRESS")), NOW, waits("the deletion of the failed stack")),
    ("undo, and no stack exists: fail with the first reasons", UNDOING, Observed(), NOW,
     fails("because")),
    ("undo, and the delete failed: keep the rows", UNDOING,
     Observed(stack=stack("DELETE_FAILED"), stack_failures=("bucket not empty",)), NOW,
     fails("because; the stack was not deleted: bucket not empty", keep_rows=True)),
    ("first observation after the undo limit: delete the stack", NEW,
     Observed(stack=stack("CREATE_IN_PROGRESS")), TOO_LATE, UNDO),
    ("undo, and the stack is in deletion at the undo limit: keep the rows", UNDOING,
     Observed(stack=stack("DELETE_IN_PROGRESS")), TOO_LATE,
     fails("because; the stack was not deleted: CloudFormation could not delete the stack",
           keep_rows=True)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("create", "seen", "now", "expected"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_decides(create: Operation, seen: Observed, now: datetime, expected: Summary) -> None:
    assert summary(decide(create, seen, now)) == expected


def test_the_template_is_recorded_before_the_stack_is_created() -> None:
    reading, creating = (decide(each, Observed(), NOW) for each in (UNREAD, NEW))
    assert isinstance(reading, Act)
    assert isinstance(creating, Act)
    assert (reading.after, creating.after) == (After.SAVE, After.CONTINUE)


@pytest.mark.parametrize(
    ("now", "deadline"),
    [
        (LATE, NEW.deadline),
        (TOO_LATE - timedelta(microseconds=1), NEW.deadline),
        (TOO_LATE, TOO_LATE),
        (TOO_LATE + timedelta(hours=1), TOO_LATE + timedelta(hours=1)),
    ],
)
def test_an_undo_that_begins_after_its_limit_has_its_whole_time(
    now: datetime, deadline: datetime
) -> None:
    decision = decide(NEW, Observed(stack=stack("CREATE_IN_PROGRESS")), now)
    assert decision.operation.deadline == deadline


@pytest.mark.parametrize(
    ("seen", "now", "reason"),
    [
        (Observed(stack=stack("ROLLBACK_COMPLETE"), stack_failures=("dev: no image",)), NOW,
         "dev: no image"),
        (Observed(stack=stack("CREATE_FAILED", reason="transform failed")), NOW,
         "transform failed"),
        (Observed(stack=stack("ROLLBACK_COMPLETE")), NOW, "the stack ended as ROLLBACK_COMPLETE"),
        (Observed(stack=stack("CREATE_IN_PROGRESS")), LATE,
         "the stack is still CREATE_IN_PROGRESS at the time limit"),
        (Observed(stack=stack(outputs=outputs("dev") | {"TestUrl": "", "devServiceArn": ""})), NOW,
         "the application template lacks the outputs TestUrl, devServiceArn"),
    ],
    ids=["failed resources", "reason of the stack", "status of the stack", "deadline",
         "missing outputs"],
)  # fmt: skip
def test_an_undo_records_its_reasons(seen: Observed, now: datetime, reason: str) -> None:
    decision = decide(NEW, seen, now)

    assert decision.operation.details.undoing
    assert decision.operation.reasons == (reason,)
    assert statuses(decision) == [Status.FAILED]


@pytest.mark.parametrize(
    ("create", "seen", "now"),
    [
        (NEW, Observed(), LATE),
        (NEW, Observed(stack=FOREIGN), NOW),
        (UNDOING, Observed(), NOW),
        (NEW, Observed(stack=stack("ROLLBACK_COMPLETE")), NOW),
    ],
    ids=["no stack", "stack of another origin", "after the undo", "during the undo"],
)
def test_a_failed_create_has_failed_in_every_environment(
    create: Operation, seen: Observed, now: datetime
) -> None:
    broken = part("qa", status=Status.FAILED, reason="no image")
    parts = (part("dev"), part("stage", reason="slow"), broken)

    decision = decide(replace(create, progress=parts), seen, now)

    assert decision.operation.progress == (
        part("dev", status=Status.FAILED, reason="the application was not created"),
        part("stage", status=Status.FAILED, reason="slow"),
        broken,
    )


@pytest.mark.parametrize(
    ("recorded", "reasons"),
    [((), ("dev: no image",)), (("qa: no image",), ("qa: no image",))],
    ids=["nothing is recorded", "the first reasons are recorded"],
)
def test_reasons_are_recorded_while_the_stack_rolls_back(
    recorded: tuple[str, ...], reasons: tuple[str, ...]
) -> None:
    seen = Observed(stack=stack("ROLLBACK_IN_PROGRESS"), stack_failures=("dev: no image",))

    decision = decide(replace(NEW, reasons=recorded), seen, NOW)

    assert summary(decision).decision == "Wait"
    assert decision.operation.reasons == reasons


def test_recorded_and_observed_reasons_are_not_repeated() -> None:
    recorded = replace(NEW, reasons=("dev: no image", "dev: stopped"))
    seen = Observed(stack=stack("ROLLBACK_COMPLETE"), stack_failures=("dev: no image", "qa: no"))

    reasons = decide(recorded, seen, NOW).operation.reasons

    assert reasons == ("dev: no image", "dev: stopped", "qa: no")


@pytest.mark.parametrize("status", ["CREATE_IN_PROGRESS", "CREATE_COMPLETE", "ROLLBACK_COMPLETE"])
@pytest.mark.parametrize("undoing", [False, True])
def test_the_id_of_the_observed_stack_is_recorded(status: str, undoing: bool) -> None:
    seen = Observed(stack=stack(status, outputs=outputs("dev")))

    decision = decide(NEW.with_details(undoing=undoing), seen, NOW)

    assert decision.operation.details.stack_id == STACK_ID


@pytest.mark.parametrize(
    ("undone_before", "undone_after", "reasons", "outcomes"),
    [
        (False, True, ("because", "of this"), ["ROLLING_BACK"]),
        (False, False, ("because",), []),
        (True, True, ("because",), []),
        (False, True, (), []),
    ],
    ids=["the undo begins", "the stack fails", "it goes on", "without a reason"],
)
def test_the_event_of_the_rollback_is_written_when_the_undo_begins(
    undone_before: bool, undone_after: bool, reasons: tuple[str, ...], outcomes: list[str]
) -> None:
    before = operation("create", undoing=undone_before)
    after = operation("create", undoing=undone_after, reasons=reasons)
    events = kinds.load("create").events(before, after)
    assert [event["outcome"] for event in events] == outcomes
    assert [event["reason"] for event in events] == ["; ".join(reasons)] * len(outcomes)
