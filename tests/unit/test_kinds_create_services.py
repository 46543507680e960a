"""Create, once its stack is complete: variables and task counts, and what is there then."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from devops_core.kinds.create import missing_outputs
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation, Status
from devops_core.model.steps import DeleteStack, Deregister, Register, UpdateService
from tests.unit.builders import (
    CONFIGURED,
    NOW,
    STACK_ID,
    Seen,
    decide,
    deployment,
    failed,
    observed,
    operation,
    outputs,
    part,
    rolling,
    seen,
    service,
    stack,
    statuses,
)

NEW = operation("create")
CONFIGURING = operation("create", service=CONFIGURED, stack_id=STACK_ID)
READY = stack(outputs=outputs("dev"))


def configuring(**changes: Any) -> Operation:
    return operation("create", part(**changes), service=CONFIGURED, stack_id=STACK_ID)


def test_registers_what_a_template_parameter_cannot_say() -> None:
    what = observed(service(deployment("dev:1")), stack=READY)

    decision = decide(CONFIGURING, what, NOW)

    assert seen(decision) == Seen("Act", (Register("dev"),))
    assert decision.operation.progress[0].previous == "dev:1"


def test_updates_the_service_with_task_definition_and_count() -> None:
    what = observed(service(deployment("dev:1")), stack=READY, registered={"dev": "dev:2"})

    assert seen(decide(CONFIGURING, what, NOW)).steps == (UpdateService("dev", "dev:2", 2),)


def test_sets_only_the_count_when_nothing_else_is_wanted() -> None:
    counted = operation("create", service=CONFIGURED.__class__(desired_count=3))
    what = observed(service(deployment("dev:1")), stack=READY)

    assert seen(decide(counted, what, NOW)).steps == (UpdateService("dev", "dev:1", 3),)


def test_waits_for_the_tasks() -> None:
    what = observed(service(deployment("dev:2", "IN_PROGRESS"), desired=2), stack=READY)

    decision = decide(configuring(target="dev:2", sent=True), what, NOW)

    assert seen(decision).words.startswith("DEV: rollout IN_PROGRESS")


def test_is_done_when_the_tasks_run_and_leaves_the_stack_its_task_definition() -> None:
    what = observed(service(deployment("dev:2"), desired=2), stack=READY)

    decision = decide(configuring(target="dev:2", sent=True), what, NOW)

    assert seen(decision) == Seen("Done")
    assert statuses(decision) == [Status.SUCCEEDED]


def test_a_service_that_does_not_come_up_dooms_the_create() -> None:
    what = observed(service(deployment("dev:1"), failed("dev:2"), desired=2), stack=READY)

    decision = decide(configuring(target="dev:2", sent=True), what, NOW)

    assert seen(decision).steps == (DeleteStack(),)
    assert decision.operation.reasons == ("DEV: tasks failed to start.",)


def test_a_doomed_create_deregisters_what_is_left_after_the_stack() -> None:
    doomed = operation("create", rolling(), undoing=True, stack_id=STACK_ID, reasons=("because",))
    gone = Observed(stack=stack("DELETE_COMPLETE"), orphans={"dev": ("dev:2",)})

    assert seen(decide(doomed, gone, NOW)) == Seen("Act", (Deregister("dev", "dev:2"),))
    assert seen(decide(doomed, replace(gone, orphans={}), NOW)).kind == "Fail"


def test_a_create_that_was_refused_deletes_the_stack_it_has_made_after_all() -> None:
    refused = operation("create", undoing=True, reasons=("a stack of this name exists",))

    decision = decide(refused, Observed(stack=stack("CREATE_IN_PROGRESS")), NOW)

    assert seen(decision).steps == (DeleteStack(),)
    assert decision.operation.details.stack_id == STACK_ID


def test_two_services_that_do_not_come_up_are_both_named() -> None:
    services = [
        service(deployment(f"{name}:1"), failed(f"{name}:2", f"{name} fails"), name=name)
        for name in ("dev", "qa")
    ]
    parts = [part(name, target=f"{name}:2", sent=True) for name in ("dev", "qa")]
    both = operation("create", *parts, service=CONFIGURED, stack_id=STACK_ID)
    what = observed(*services, stack=stack(outputs=outputs("dev", "qa")))

    assert decide(both, what, NOW).operation.reasons == ("DEV: dev fails", "QA: qa fails")


def test_one_service_that_does_not_come_up_ends_the_wait_for_the_other() -> None:
    services = [
        service(deployment("dev:1"), failed("dev:2")),
        service(deployment("qa:2", "IN_PROGRESS"), name="qa"),
    ]
    parts = [part(name, target=f"{name}:2", sent=True) for name in ("dev", "qa")]
    both = operation("create", *parts, service=CONFIGURED, stack_id=STACK_ID)
    what = observed(*services, stack=stack(outputs=outputs("dev", "qa")))

    assert seen(decide(both, what, NOW)).steps == (DeleteStack(),)


def test_the_stack_s_own_task_definition_is_what_is_wanted_and_what_is_gone_back_to() -> None:
    decision = decide(NEW, Observed(stack=READY), NOW)

    assert decision.operation.progress == (
        part(
            status=Status.SUCCEEDED,
            url="http://dev",
            previous="dev:1",
            target="dev:1",
            desired_count=1,
        ),
    )


def test_says_where_each_environment_is_reached() -> None:
    parts = (part("dev"), part("prod-1"), part("prod-2"))
    made = outputs("dev", "prod-1", "prod-2") | {"ProductionUrl": "http://p", "TestUrl": "http://t"}

    decision = decide(operation("create", *parts), Observed(stack=stack(outputs=made)), NOW)

    assert [each.url for each in decision.operation.progress] == [
        "http://dev", "http://p", "http://t",
    ]  # fmt: skip


def test_names_the_missing_outputs_of_every_service() -> None:
    missing = missing_outputs(stack(outputs=outputs("dev")), ["dev", "prod-1"])

    assert missing == ("prod1ServiceArn", "prod1TaskDefinitionArn", "prod1TargetGroupArn")
