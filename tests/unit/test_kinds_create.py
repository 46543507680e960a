"""Create: the stack, then variables and task counts; what fails is deleted."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from devops_core.model.decisions import Act
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation, Status
from devops_core.model.steps import CreateStack, DeleteStack, ReadTemplate
from tests.unit.builders import (
    CONFIGURED,
    NOW,
    STACK_ID,
    TEMPLATE,
    Seen,
    decide,
    operation,
    outputs,
    overdue,
    part,
    seen,
    stack,
    statuses,
)

LATE = overdue("create")
TOO_LATE = LATE + timedelta(minutes=60)
UNREAD = operation("create")
NEW = replace(UNREAD, template=TEMPLATE)
SENT = operation("create", stack_id=STACK_ID)
DOOMED = operation("create", undoing=True, stack_id=STACK_ID, reasons=("because",))
FOREIGN = stack(operation=None)
CONFIGURING = operation("create", service=CONFIGURED, stack_id=STACK_ID)
READY = stack(outputs=outputs("dev"))

CASES: list[tuple[str, Operation, Observed, datetime, Seen]] = [
    ("it is not known yet of what: read the template", UNREAD, Observed(), NOW,
     Seen("Act", (ReadTemplate(),))),
    ("nor when the time is up: fail", UNREAD, Observed(), LATE,
     Seen("Fail", (), "CloudFormation did not create the stack in time")),
    ("there is no stack: create it", NEW, Observed(), NOW, Seen("Act", (CreateStack(),))),
    ("an earlier stack of that name was deleted: create it", NEW,
     Observed(stack=stack("DELETE_COMPLETE")), NOW, Seen("Act", (CreateStack(),))),
    ("accepted, but not shown yet: wait", SENT, Observed(), NOW,
     Seen("Wait", (), "CloudFormation to show the stack")),
    ("accepted, but not shown when the time is up: wait", SENT, Observed(), LATE,
     Seen("Wait", (), "CloudFormation to show the stack")),
    ("accepted and never shown: keep the rows", SENT, Observed(), TOO_LATE,
     Seen("Fail, keep rows", (), "CloudFormation did not create the stack in time")),
    ("never accepted: fail", NEW, Observed(), LATE,
     Seen("Fail", (), "CloudFormation did not create the stack in time")),
    ("somebody else's stack: fail and leave it alone", NEW, Observed(stack=FOREIGN), NOW,
     Seen("Fail", (), "a stack of this name exists that this service did not create")),
    ("somebody else's stack after ours was doomed: leave it alone", DOOMED,
     Observed(stack=FOREIGN), NOW, Seen("Fail", (), "because")),
    ("the stack is being made: wait", NEW, Observed(stack=stack("CREATE_IN_PROGRESS")), NOW,
     Seen("Wait", (), "stack CREATE_IN_PROGRESS")),
    ("it rolls back: wait for the reasons", NEW, Observed(stack=stack("ROLLBACK_IN_PROGRESS")),
     NOW, Seen("Wait", (), "stack ROLLBACK_IN_PROGRESS")),
    ("it takes too long: delete it", NEW, Observed(stack=stack("CREATE_IN_PROGRESS")), LATE,
     Seen("Act", (DeleteStack(),))),
    ("it failed and was rolled back: delete it", NEW, Observed(stack=stack("ROLLBACK_COMPLETE")),
     NOW, Seen("Act", (DeleteStack(),))),
    ("it failed, and so did its rollback: delete it", NEW,
     Observed(stack=stack("ROLLBACK_FAILED")), NOW, Seen("Act", (DeleteStack(),))),
    ("somebody deletes it: wait until it is gone", NEW,
     Observed(stack=stack("DELETE_IN_PROGRESS")), NOW,
     Seen("Wait", (), "the deletion of the failed stack")),
    ("somebody deleted it: fail", SENT, Observed(stack=stack("DELETE_COMPLETE")), NOW,
     Seen("Fail", (), "the stack ended as DELETE_COMPLETE")),
    ("somebody could not delete it: delete it", NEW, Observed(stack=stack("DELETE_FAILED")), NOW,
     Seen("Act", (DeleteStack(),))),
    ("the template lacks outputs: delete the stack", NEW, Observed(stack=stack()), NOW,
     Seen("Act", (DeleteStack(),))),
    ("everything is there: done", NEW, Observed(stack=READY), NOW, Seen("Done")),
    ("everything is there, though late: done", NEW, Observed(stack=READY), LATE, Seen("Done")),
    ("doomed, and the stack is there: delete it", DOOMED, Observed(stack=READY), NOW,
     Seen("Act", (DeleteStack(),))),
    ("doomed, and it is being deleted: wait", DOOMED,
     Observed(stack=stack("DELETE_IN_PROGRESS")), NOW,
     Seen("Wait", (), "the deletion of the failed stack")),
    ("doomed, and it is gone: fail with the first reasons", DOOMED, Observed(), NOW,
     Seen("Fail", (), "because")),
    ("doomed, and our delete failed: keep the rows", DOOMED,
     Observed(stack=stack("DELETE_FAILED"), stack_failures=("bucket not empty",)), NOW,
     Seen("Fail, keep rows", (), "because; not deleted: bucket not empty")),
    ("nobody looked until it was too late: delete it all the same", NEW,
     Observed(stack=stack("CREATE_IN_PROGRESS")), TOO_LATE, Seen("Act", (DeleteStack(),))),
    ("doomed, and it cannot be deleted in time: keep the rows", DOOMED,
     Observed(stack=stack("DELETE_IN_PROGRESS")), TOO_LATE,
     Seen("Fail, keep rows", (),
          "because; not deleted: CloudFormation could not delete the stack")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("now_operation", "what", "now", "expected"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_decides(now_operation: Operation, what: Observed, now: datetime, expected: Seen) -> None:
    assert seen(decide(now_operation, what, now)) == expected


def test_what_was_read_is_on_record_before_it_is_sent() -> None:
    reading, sending = (decide(each, Observed(), NOW) for each in (UNREAD, NEW))
    assert isinstance(reading, Act)
    assert isinstance(sending, Act)
    assert (reading.looks, sending.looks) == (True, False)


@pytest.mark.parametrize(
    ("now", "deadline"),
    [
        (LATE, NEW.deadline),
        (TOO_LATE - timedelta(microseconds=1), NEW.deadline),
        (TOO_LATE, TOO_LATE),
        (TOO_LATE + timedelta(hours=1), TOO_LATE + timedelta(hours=1)),
    ],
)
def test_an_undo_that_begins_too_late_has_its_time_from_then(
    now: datetime, deadline: datetime
) -> None:
    decision = decide(NEW, Observed(stack=stack("CREATE_IN_PROGRESS")), now)
    assert decision.operation.deadline == deadline


@pytest.mark.parametrize(
    ("what", "now", "reason"),
    [
        (Observed(stack=stack("ROLLBACK_COMPLETE"), stack_failures=("dev: no image",)), NOW,
         "dev: no image"),
        (Observed(stack=stack("CREATE_FAILED", reason="transform failed")), NOW,
         "transform failed"),
        (Observed(stack=stack("ROLLBACK_COMPLETE")), NOW, "the stack ended as ROLLBACK_COMPLETE"),
        (Observed(stack=stack("CREATE_IN_PROGRESS")), LATE,
         "the stack is still CREATE_IN_PROGRESS"),
        (Observed(stack=stack(outputs=outputs("dev") | {"TestUrl": "", "devServiceArn": ""})), NOW,
         "the template has no output TestUrl, devServiceArn"),
    ],
    ids=["resources that failed", "the stack's own words", "its status", "its slowness",
         "the outputs that are missing"],
)  # fmt: skip
def test_a_doomed_create_keeps_why(what: Observed, now: datetime, reason: str) -> None:
    decision = decide(NEW, what, now)

    assert decision.operation.details.undoing
    assert decision.operation.reasons == (reason,)
    assert statuses(decision) == [Status.FAILED]


@pytest.mark.parametrize(
    ("now_operation", "what", "now"),
    [
        (NEW, Observed(), LATE),
        (NEW, Observed(stack=FOREIGN), NOW),
        (DOOMED, Observed(), NOW),
        (NEW, Observed(stack=stack("ROLLBACK_COMPLETE")), NOW),
    ],
    ids=["never made", "somebody else's stack", "undone", "being undone"],
)
def test_a_create_that_fails_has_failed_in_every_environment(
    now_operation: Operation, what: Observed, now: datetime
) -> None:
    broken = part("qa", status=Status.FAILED, reason="no image")
    parts = (part("dev"), part("stage", reason="slow"), broken)

    decision = decide(replace(now_operation, progress=parts), what, now)

    assert decision.operation.progress == (
        part("dev", status=Status.FAILED, reason="the application was not created"),
        part("stage", status=Status.FAILED, reason="slow"),
        broken,
    )


@pytest.mark.parametrize(
    ("noted", "reasons"),
    [((), ("dev: no image",)), (("qa: no image",), ("qa: no image",))],
    ids=["what is seen", "what was seen first"],
)
def test_what_was_the_matter_is_noted_while_it_can_be_seen(
    noted: tuple[str, ...], reasons: tuple[str, ...]
) -> None:
    what = Observed(stack=stack("ROLLBACK_IN_PROGRESS"), stack_failures=("dev: no image",))

    decision = decide(replace(NEW, reasons=noted), what, NOW)

    assert seen(decision).kind == "Wait"
    assert decision.operation.reasons == reasons


def test_what_was_noted_and_what_is_seen_is_told_once() -> None:
    noted = replace(NEW, reasons=("dev: no image", "dev: stopped"))
    what = Observed(stack=stack("ROLLBACK_COMPLETE"), stack_failures=("dev: no image", "qa: no"))

    assert decide(noted, what, NOW).operation.reasons == ("dev: no image", "dev: stopped", "qa: no")


@pytest.mark.parametrize("status", ["CREATE_IN_PROGRESS", "CREATE_COMPLETE", "ROLLBACK_COMPLETE"])
@pytest.mark.parametrize("doomed", [False, True])
def test_the_stack_that_is_seen_is_noted(status: str, doomed: bool) -> None:
    what = Observed(stack=stack(status, outputs=outputs("dev")))

    decision = decide(replace(NEW, doomed=doomed), what, NOW)

    assert decision.operation.details.stack_id == STACK_ID
