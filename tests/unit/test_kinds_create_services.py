"""Create, after its stack is complete: variables, task counts and the state of the services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from devops_core import kinds
from devops_core.model.decisions import Plan
from devops_core.model.inventory import Inventory
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation, Status
from devops_core.model.specification import (
    ApplicationRecord,
    FixedSettings,
    RecordClaim,
    Revision,
    Specification,
)
from devops_core.model.steps import DeleteStack, Deregister, Register, UpdateService
from devops_core.naming import Environment
from devops_core.requests.create import CreateRequest
from tests.lab.builders import (
    CONFIGURED,
    DONE,
    ID,
    NOW,
    STACK_ID,
    START,
    TEMPLATE,
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
CONFIGURING = operation("create", part(desired_count=2), stack_id=STACK_ID, **CONFIGURED)
COMPLETE = stack(outputs=outputs("dev"))
SLOTS = ("prod-1", "prod-2")
ALL = ("dev", *SLOTS)
FIXED = FixedSettings(container_port=8080)
BOTH: Mapping[str, Any] = {"registers": ("dev", "qa"), "configures": ("dev", "qa")}
UNDO = acts(DeleteStack(f"{ID}-undo"))


def configuring(**changes: Any) -> Operation:
    return operation("create", part(desired_count=2, **changes), stack_id=STACK_ID, **CONFIGURED)


def test_registers_settings_that_no_template_parameter_holds() -> None:
    seen = observed(service(deployment("dev:1")), stack=COMPLETE)

    decision = decide(CONFIGURING, seen, NOW)

    assert summary(decision) == acts(Register("dev"))
    assert decision.operation.progress[0].previous == "dev:1"


def test_updates_the_service_with_task_definition_and_count() -> None:
    seen = observed(service(deployment("dev:1")), stack=COMPLETE, registered={"dev": "dev:2"})

    assert summary(decide(CONFIGURING, seen, NOW)) == acts(UpdateService("dev", "dev:2", 2))


def test_sets_the_count_alone_without_other_settings() -> None:
    counted = operation("create", part(desired_count=3), configures=("dev",))
    seen = observed(service(deployment("dev:1")), stack=COMPLETE)

    assert summary(decide(counted, seen, NOW)) == acts(UpdateService("dev", "dev:1", 3))


def test_sets_the_grace_period_of_a_service() -> None:
    slow = operation("create", part(desired_count=1, start_seconds=300), configures=("dev",))
    seen = observed(service(deployment("dev:1")), stack=COMPLETE)

    assert summary(decide(slow, seen, NOW)) == acts(UpdateService("dev", "dev:1", 1, 300))


def test_changes_only_the_services_with_settings_of_their_own() -> None:
    parts = (part(), part("prod-1"), part("prod-2"))
    new = operation("create", *parts, registers=SLOTS, configures=SLOTS)
    created = {name: service(deployment(f"{name}:1")) for name in ("dev", "prod-1", "prod-2")}
    complete = stack(outputs=outputs("dev", "prod-1", "prod-2"))

    decision = decide(new, Observed(services=created, stack=complete), NOW)

    assert summary(decision) == acts(Register("prod-1"), Register("prod-2"))
    assert statuses(decision) == [
        Status.SUCCEEDED, Status.IN_PROGRESS, Status.IN_PROGRESS,
    ]  # fmt: skip
    assert decision.operation.progress[0].target == "dev:1"


PLANS: list[tuple[str, dict[str, Any], tuple[str, ...], tuple[str, ...]]] = [
    ("no settings", {}, (), ()),
    ("only parameters of the template", {"service": {"cpu": 512, "memory": 1024,
     "startSeconds": 5}}, (), ()),
    ("settings of a swap and of the operation", {"service": {"warmup": ["/"],
     "rolloutMinutes": 60}}, (), ()),
    ("a task count", {"service": {"desiredCount": 2}}, (), ALL),
    ("the usual task count", {"service": {"desiredCount": 1}}, (), ()),
    ("variables", {"service": {"environment": {"A": "1"}}}, ALL, ALL),
    ("secrets", {"service": {"secrets": {"A": "arn"}}}, ALL, ALL),
    ("a command", {"service": {"command": ["serve"]}}, ALL, ALL),
    ("a time for the stop", {"service": {"stopSeconds": 0}}, ALL, ALL),
    ("a task role", {"service": {"taskRole": "arn"}}, ALL, ALL),
    ("a storage", {"service": {"ephemeralStorageGiB": 21}}, ALL, ALL),
    ("limits", {"service": {"ulimits": {"nofile": {"soft": 5, "hard": 9}}}}, ALL, ALL),
    ("sidecars", {"service": {"sidecars": [{"name": "a", "image": "a/b:1"}]}}, ALL, ALL),
    ("an empty override", {"overrides": {"dev": {}}}, (), ()),
    ("variables of one environment", {"overrides": {"dev": {"environment": {"A": "1"}}}},
     ("dev",), ("dev",)),
    ("secrets of production", {"overrides": {"prod": {"secrets": {"A": "arn"}}}}, SLOTS, SLOTS),
    ("removed variables", {"overrides": {"dev": {"unset": ["A"]}}}, ("dev",), ("dev",)),
    ("another number of CPU units", {"overrides": {"dev": {"cpu": 512}}}, ("dev",), ("dev",)),
    ("another memory", {"overrides": {"dev": {"memory": 1024}}}, ("dev",), ("dev",)),
    ("the size of the template", {"overrides": {"dev": {"cpu": 256, "memory": 512}}}, (), ()),
    ("the general size", {"service": {"cpu": 512, "memory": 1024},
     "overrides": {"dev": {"cpu": 512, "memory": 1024}}}, (), ()),
    ("another task count", {"overrides": {"prod": {"desiredCount": 3}}}, (), SLOTS),
    ("another start", {"overrides": {"dev": {"startSeconds": 0}}}, (), ("dev",)),
    ("the start of the template", {"overrides": {"dev": {"startSeconds": 60}}}, (), ()),
    ("the general start", {"service": {"startSeconds": 5},
     "overrides": {"dev": {"startSeconds": 5}}}, (), ()),
]  # fmt: skip


def planned(document: dict[str, Any]) -> Plan:
    """Return the plan of a create with the environment dev."""
    specification = Specification(1, {"email": "a@example.com", **document})
    request = CreateRequest("MyApp", {"technicalTeam": "Core"}, specification, FIXED)
    seen = Observed(template=TEMPLATE)
    return kinds.load("create").plan(request, Inventory({}), seen, operation("create"))


@pytest.mark.parametrize(
    ("document", "registers", "configures"),
    [case[1:] for case in PLANS],
    ids=[case[0] for case in PLANS],
)
def test_plans_the_services_that_the_parameters_of_the_stack_cannot_configure(
    document: dict[str, Any], registers: tuple[str, ...], configures: tuple[str, ...]
) -> None:
    create = planned(document).operation
    assert create is not None
    assert (create.details.registers, create.details.configures) == (registers, configures)


def test_plans_each_service_with_its_effective_settings() -> None:
    document = {
        "service": {"desiredCount": 2, "startSeconds": 5, "rolloutMinutes": 40},
        "overrides": {"prod": {"startSeconds": 9, "rolloutMinutes": 50, "cpu": 512}},
    }
    specification = Specification(1, {"email": "a@example.com", **document})
    create = planned(document).operation
    assert create is not None

    assert create.progress == tuple(
        part(
            name,
            desired_count=2,
            start_seconds=start,
            spec_hash=specification.settings(environment).hash,
        )
        for name, environment, start in (
            ("dev", Environment.DEV, 5),
            ("prod-1", Environment.PROD_GREEN, 9),
            ("prod-2", Environment.PROD_BLUE, 9),
        )
    )
    assert (create.spec, create.details.template) == (1, TEMPLATE)
    # The stack has the services' first rollout, and the longest limit counts for both.
    assert create.deadline == START + timedelta(minutes=2 * 50)


def test_the_plan_stores_the_first_revision_in_a_record_that_the_create_holds() -> None:
    plan = planned({"service": {"cpu": 512, "memory": 1024}})
    specification = Specification(
        1, {"email": "a@example.com", "service": {"cpu": 512, "memory": 1024}}
    )

    assert plan.record == RecordClaim(
        seen=None,
        taken=True,
        new=ApplicationRecord(specification, 1, FIXED),
        revision=Revision(specification, ID, "someone", START),
    )


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
    both = operation("create", *parts, stack_id=STACK_ID, **BOTH)
    seen = observed(*services, stack=stack(outputs=outputs("dev", "qa")))

    assert decide(both, seen, NOW).operation.reasons == ("DEV: dev fails", "QA: qa fails")


def test_one_failed_service_ends_the_wait_for_the_other() -> None:
    services = [
        service(deployment("dev:1"), failed_deployment("dev:2")),
        service(deployment("qa:2", "IN_PROGRESS"), name="qa"),
    ]
    parts = [part(name, target=f"{name}:2", sent=True) for name in ("dev", "qa")]
    both = operation("create", *parts, stack_id=STACK_ID, **BOTH)
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
