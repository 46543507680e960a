"""Create, after its stack is complete: variables, task counts and the state of the services."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from devops_core.model.observed import Observed
from devops_core.model.operation import Operation, Status
from devops_core.model.service_spec import ServiceOverride, ServiceSpec
from devops_core.model.steps import DeleteStack, Deregister, Register, UpdateService
from tests.lab.builders import (
    CONFIGURED,
    DONE,
    ID,
    NOW,
    STACK_ID,
    acts,
    decide,
    deployment,
    failed_deployment,
    observed,
    operation,
    outputs,
    part,
    rolling,
    service,
    stack,
    statuses,
    summary,
)

NEW = operation("create")
CONFIGURING = operation("create", service=CONFIGURED, stack_id=STACK_ID)
COMPLETE = stack(outputs=outputs("dev"))
UNDO = acts(DeleteStack(f"{ID}-undo"))


def configuring(**changes: Any) -> Operation:
    return operation("create", part(**changes), service=CONFIGURED, stack_id=STACK_ID)


def test_registers_settings_that_no_template_parameter_holds() -> None:
    seen = observed(service(deployment("dev:1")), stack=COMPLETE)

    decision = decide(CONFIGURING, seen, NOW)

    assert summary(decision) == acts(Register("dev"))
    assert decision.operation.progress[0].previous == "dev:1"


def test_updates_the_service_with_task_definition_and_count() -> None:
    seen = observed(service(deployment("dev:1")), stack=COMPLETE, registered={"dev": "dev:2"})

    assert summary(decide(CONFIGURING, seen, NOW)) == acts(UpdateService("dev", "dev:2", 2))


def test_sets_the_count_alone_without_other_settings() -> None:
    counted = operation("create", service=ServiceSpec(desired_count=3))
    seen = observed(service(deployment("dev:1")), stack=COMPLETE)

    assert summary(decide(counted, seen, NOW)) == acts(UpdateService("dev", "dev:1", 3))


def test_changes_only_the_services_with_settings_of_their_own() -> None:
    overrides = {"prod": ServiceOverride({"CARD": "arn:secret"})}
    parts = (part(), part("prod-1"), part("prod-2"))
    new = operation("create", *parts, overrides=overrides)
    created = {name: service(deployment(f"{name}:1")) for name in ("dev", "prod-1", "prod-2")}
    complete = stack(outputs=outputs("dev", "prod-1", "prod-2"))

    decision = decide(new, Observed(services=created, stack=complete), NOW)

    assert summary(decision) == acts(Register("prod-1"), Register("prod-2"))
    assert statuses(decision) == [
        Status.SUCCEEDED, Status.IN_PROGRESS, Status.IN_PROGRESS,
    ]  # fmt: skip
    assert decision.operation.progress[0].target == "dev:1"


def test_an_empty_override_needs_no_change() -> None:
    new = operation("create", overrides={"dev": ServiceOverride()})

    assert summary(decide(new, observed(stack=COMPLETE), NOW)) == DONE


def test_waits_for_the_tasks() -> None:
    seen = observed(service(deployment("dev:2", "IN_PROGRESS"), desired=2), stack=COMPLETE)

    decision = decide(configuring(target="dev:2", sent=True), seen, NOW)

    assert summary(decision).decision == "Wait"
    assert summary(decision).text.startswith("DEV: rollout IN_PROGRESS")


def test_succeeds_when_the_tasks_run_and_keeps_the_task_definition_of_the_stack() -> None:
    seen = observed(service(deployment("dev:2"), desired=2), stack=COMPLETE)

    decision = decide(configuring(target="dev:2", sent=True), seen, NOW)

    assert summary(decision) == DONE
    assert statuses(decision) == [Status.SUCCEEDED]


def test_a_failed_rollout_undoes_the_create() -> None:
    rolled_back = service(deployment("dev:1"), failed_deployment("dev:2"), desired=2)

    decision = decide(
        configuring(target="dev:2", sent=True), observed(rolled_back, stack=COMPLETE), NOW
    )

    assert summary(decision) == UNDO
    assert decision.operation.reasons == ("DEV: tasks failed to start.",)


def test_the_undo_deregisters_task_definitions_after_the_stack() -> None:
    undoing = operation("create", rolling(), undoing=True, stack_id=STACK_ID, reasons=("because",))
    deleted = Observed(stack=stack("DELETE_COMPLETE"), orphans={"dev": ("dev:2",)})

    assert summary(decide(undoing, deleted, NOW)) == acts(Deregister("dev", "dev:2"))
    assert summary(decide(undoing, replace(deleted, orphans={}), NOW)).decision == "Fail"


def test_the_undo_deletes_a_stack_whose_creation_was_refused_but_took_effect() -> None:
    refused = operation("create", undoing=True, reasons=("a stack of this name exists",))

    decision = decide(refused, Observed(stack=stack("CREATE_IN_PROGRESS")), NOW)

    assert summary(decision) == UNDO
    assert decision.operation.details.stack_id == STACK_ID


def test_the_reasons_name_both_failed_services() -> None:
    services = [
        service(deployment(f"{name}:1"), failed_deployment(f"{name}:2", f"{name} fails"), name=name)
        for name in ("dev", "qa")
    ]
    parts = [part(name, target=f"{name}:2", sent=True) for name in ("dev", "qa")]
    both = operation("create", *parts, service=CONFIGURED, stack_id=STACK_ID)
    seen = observed(*services, stack=stack(outputs=outputs("dev", "qa")))

    assert decide(both, seen, NOW).operation.reasons == ("DEV: dev fails", "QA: qa fails")


def test_one_failed_service_ends_the_wait_for_the_other() -> None:
    services = [
        service(deployment("dev:1"), failed_deployment("dev:2")),
        service(deployment("qa:2", "IN_PROGRESS"), name="qa"),
    ]
    parts = [part(name, target=f"{name}:2", sent=True) for name in ("dev", "qa")]
    both = operation("create", *parts, service=CONFIGURED, stack_id=STACK_ID)
    seen = observed(*services, stack=stack(outputs=outputs("dev", "qa")))

    assert summary(decide(both, seen, NOW)) == UNDO


def test_without_settings_the_task_definition_of_the_stack_is_target_and_previous() -> None:
    decision = decide(NEW, Observed(stack=COMPLETE), NOW)

    assert decision.operation.progress == (
        part(
            status=Status.SUCCEEDED,
            url="http://dev",
            previous="dev:1",
            target="dev:1",
            desired_count=1,
        ),
    )


def test_records_the_url_of_each_environment() -> None:
    parts = (part("dev"), part("prod-1"), part("prod-2"))
    urls = {"ProductionUrl": "http://p", "TestUrl": "http://t"}
    complete = stack(outputs=outputs("dev", "prod-1", "prod-2") | urls)

    decision = decide(operation("create", *parts), Observed(stack=complete), NOW)

    assert [each.url for each in decision.operation.progress] == [
        "http://dev", "http://p", "http://t",
    ]  # fmt: skip
