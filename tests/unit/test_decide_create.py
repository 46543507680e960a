"""Create: the stack, then variables and task counts; what fails is deleted."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from devops_core.decide import decide
from devops_core.decide.create import missing_outputs
from devops_core.decide.decision import CreateStack, DeleteStack, Register, Retire, UpdateService
from devops_core.model import Kind, Observed, Operation, Status
from tests.unit.builders import (
    CONFIGURED,
    NOW,
    STACK_ID,
    Seen,
    deployment,
    failed,
    observed,
    operation,
    outputs,
    overdue,
    part,
    rolling,
    seen,
    service,
    stack,
    statuses,
)

LATE = overdue(Kind.CREATE)
TOO_LATE = LATE + timedelta(minutes=60)
NEW = operation(Kind.CREATE)
SENT = operation(Kind.CREATE, stack_id=STACK_ID)
DOOMED = operation(Kind.CREATE, doomed=True, stack_id=STACK_ID, reasons=("because",))
FOREIGN = stack(operation=None)
CONFIGURING = operation(Kind.CREATE, service=CONFIGURED, stack_id=STACK_ID)
READY = stack(outputs=outputs("dev"))

CASES: list[tuple[str, Operation, Observed, datetime, Seen]] = [
    ("there is no stack: create it", NEW, Observed(), NOW, Seen("Act", (CreateStack(),))),
    ("an earlier stack of that name was deleted: create it", NEW,
     Observed(stack=stack("DELETE_COMPLETE")), NOW, Seen("Act", (CreateStack(),))),
    ("accepted, but not shown yet: wait", SENT, Observed(), NOW,
     Seen("Wait", (), "CloudFormation to show the stack")),
    ("accepted, but not shown when the time is up: wait", SENT, Observed(), LATE,
     Seen("Wait", (), "CloudFormation to show the stack")),
    ("accepted and never shown: keep the rows", SENT, Observed(), TOO_LATE,
     Seen("Fail, keep rows", (), "CloudFormation did not make the stack in time")),
    ("never accepted: fail", NEW, Observed(), LATE,
     Seen("Fail", (), "CloudFormation did not make the stack in time")),
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
     Seen("Wait", (), "the failed stack to be deleted")),
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
     Seen("Wait", (), "the failed stack to be deleted")),
    ("doomed, and it is gone: fail with the first reasons", DOOMED, Observed(), NOW,
     Seen("Fail", (), "because")),
    ("doomed, and our delete failed: keep the rows", DOOMED,
     Observed(stack=stack("DELETE_FAILED"), stack_failures=("bucket not empty",)), NOW,
     Seen("Fail, keep rows", (), "because; left behind: bucket not empty")),
    ("doomed, and it cannot be deleted in time: keep the rows", DOOMED,
     Observed(stack=stack("DELETE_IN_PROGRESS")), TOO_LATE,
     Seen("Fail, keep rows", (),
          "because; left behind: CloudFormation could not delete the stack")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("now_operation", "what", "now", "expected"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_decides(now_operation: Operation, what: Observed, now: datetime, expected: Seen) -> None:
    assert seen(decide(now_operation, what, now)) == expected


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

    assert decision.operation.doomed
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

    assert decision.operation.stack_id == STACK_ID


def configuring(**changes: Any) -> Operation:
    return operation(Kind.CREATE, part(**changes), service=CONFIGURED, stack_id=STACK_ID)


def test_registers_what_a_template_parameter_cannot_say() -> None:
    what = observed(service(deployment("dev:1")), stack=READY)

    decision = decide(CONFIGURING, what, NOW)

    assert seen(decision) == Seen("Act", (Register("dev"),))
    assert decision.operation.progress[0].previous == "dev:1"


def test_updates_the_service_with_task_definition_and_count() -> None:
    what = observed(service(deployment("dev:1")), stack=READY, registered={"dev": "dev:2"})

    assert seen(decide(CONFIGURING, what, NOW)).steps == (UpdateService("dev", "dev:2", 2),)


def test_sets_only_the_count_when_nothing_else_is_wanted() -> None:
    counted = operation(Kind.CREATE, service=CONFIGURED.__class__(desired_count=3))
    what = observed(service(deployment("dev:1")), stack=READY)

    assert seen(decide(counted, what, NOW)).steps == (UpdateService("dev", "dev:1", 3),)


def test_waits_for_the_tasks() -> None:
    what = observed(service(deployment("dev:2", "IN_PROGRESS"), desired=2), stack=READY)

    decision = decide(configuring(wanted="dev:2", sent=True), what, NOW)

    assert seen(decision).words.startswith("DEV: rollout IN_PROGRESS")


def test_is_done_when_the_tasks_run_and_leaves_the_stack_its_task_definition() -> None:
    what = observed(service(deployment("dev:2"), desired=2), stack=READY)

    decision = decide(configuring(wanted="dev:2", sent=True), what, NOW)

    assert seen(decision) == Seen("Done")
    assert statuses(decision) == [Status.SUCCEEDED]


def test_a_service_that_does_not_come_up_dooms_the_create() -> None:
    what = observed(service(deployment("dev:1"), failed("dev:2"), desired=2), stack=READY)

    decision = decide(configuring(wanted="dev:2", sent=True), what, NOW)

    assert seen(decision).steps == (DeleteStack(),)
    assert decision.operation.reasons == ("DEV: tasks failed to start.",)


def test_a_doomed_create_deregisters_what_is_left_after_the_stack() -> None:
    doomed = operation(Kind.CREATE, rolling(), doomed=True, stack_id=STACK_ID, reasons=("because",))
    gone = Observed(stack=stack("DELETE_COMPLETE"), leftovers={"dev": ("dev:2",)})

    assert seen(decide(doomed, gone, NOW)) == Seen("Act", (Retire("dev", "dev:2"),))
    assert seen(decide(doomed, replace(gone, leftovers={}), NOW)).kind == "Fail"


def test_a_create_that_was_refused_deletes_the_stack_it_has_made_after_all() -> None:
    refused = operation(Kind.CREATE, doomed=True, reasons=("a stack of this name exists",))

    decision = decide(refused, Observed(stack=stack("CREATE_IN_PROGRESS")), NOW)

    assert seen(decision).steps == (DeleteStack(),)
    assert decision.operation.stack_id == STACK_ID


def test_two_services_that_do_not_come_up_are_both_named() -> None:
    services = [
        service(deployment(f"{name}:1"), failed(f"{name}:2", f"{name} fails"), name=name)
        for name in ("dev", "qa")
    ]
    parts = [part(name, wanted=f"{name}:2", sent=True) for name in ("dev", "qa")]
    both = operation(Kind.CREATE, *parts, service=CONFIGURED, stack_id=STACK_ID)
    what = observed(*services, stack=stack(outputs=outputs("dev", "qa")))

    assert decide(both, what, NOW).operation.reasons == ("DEV: dev fails", "QA: qa fails")


def test_one_service_that_does_not_come_up_ends_the_wait_for_the_other() -> None:
    services = [
        service(deployment("dev:1"), failed("dev:2")),
        service(deployment("qa:2", "IN_PROGRESS"), name="qa"),
    ]
    parts = [part(name, wanted=f"{name}:2", sent=True) for name in ("dev", "qa")]
    both = operation(Kind.CREATE, *parts, service=CONFIGURED, stack_id=STACK_ID)
    what = observed(*services, stack=stack(outputs=outputs("dev", "qa")))

    assert seen(decide(both, what, NOW)).steps == (DeleteStack(),)


def test_the_stack_s_own_task_definition_is_what_is_wanted_and_what_is_gone_back_to() -> None:
    decision = decide(NEW, Observed(stack=READY), NOW)

    assert decision.operation.progress == (
        part(
            status=Status.SUCCEEDED,
            url="http://dev",
            previous="dev:1",
            wanted="dev:1",
            desired_count=1,
        ),
    )


def test_says_where_each_environment_is_reached() -> None:
    parts = (part("dev"), part("prod-1"), part("prod-2"))
    made = outputs("dev", "prod-1", "prod-2") | {"ProductionUrl": "http://p", "TestUrl": "http://t"}

    decision = decide(operation(Kind.CREATE, *parts), Observed(stack=stack(outputs=made)), NOW)

    assert [each.url for each in decision.operation.progress] == [
        "http://dev", "http://p", "http://t",
    ]  # fmt: skip


def test_names_the_missing_outputs_of_every_service() -> None:
    missing = missing_outputs(stack(outputs=outputs("dev")), ["dev", "prod-1"])

    assert missing == ("prod1ServiceArn", "prod1TaskDefinitionArn", "prod1TargetGroupArn")
