"""Plans of updates: the new revision, the rollouts, and the changes that production lacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from devops_core.details.update import UpdateDetails
from devops_core.errors import (
    BusyError,
    InvalidRequestError,
    NotDeployableError,
    PreconditionFailedError,
)
from devops_core.kinds import specification_change, update
from devops_core.model.decisions import Plan
from devops_core.model.inventory import Application, Inventory, Row, RowStatus, Service
from devops_core.model.observed import Observed
from devops_core.model.specification import (
    ApplicationRecord,
    FixedSettings,
    RecordClaim,
    Revision,
    Specification,
)
from devops_core.naming import Environment
from devops_core.requests.update import UpdateRequest
from tests.lab.builders import ID, START, deployment, observed, operation, service

DEV, GREEN, BLUE = Environment.DEV, Environment.PROD_GREEN, Environment.PROD_BLUE
DOCUMENT: Mapping[str, Any] = {
    "email": "a@example.com",
    "service": {"environment": {"A": "1"}, "rolloutMinutes": 45},
    "overrides": {"prod": {"desiredCount": 1, "rolloutMinutes": 60}},
}
PRESENT = Specification(3, DOCUMENT)
RECORD = ApplicationRecord(PRESENT, 3, fixed=FixedSettings(8080, "/", "ARM64"))
APPLICATION = Application(name="MyApp", technical_team="Core", tags={"technicalTeam": "Core"})
NAMES = {DEV: "dev", GREEN: "prod-1", BLUE: "prod-2"}
# A patch that rolls out dev, and one that changes only production.
LEVEL: Mapping[str, Any] = {"overrides": {"dev": {"environment": {"LEVEL": "debug"}}}}
LIVE: Mapping[str, Any] = {"overrides": {"prod": {"environment": {"LIVE": "1"}}}}
COUNT: Mapping[str, Any] = {"overrides": {"prod": {"desiredCount": 3}}}


def container(value: str) -> dict[str, Any]:
    """Return a container with a value of the variable A."""
    variables = [{"name": "A", "value": value}]
    return {"name": "app", "image": "repo:1.0", "environment": variables}


def row(environment: Environment, **changes: Any) -> Row:
    """Return the row of an environment that runs the present settings."""
    name = NAMES[environment]
    running = Service(
        name=name,
        arn="arn",
        target_group="group",
        container="app",
        task_definition="old",
        registered="old",
        blueprint={
            "family": f"MyApp-{name}",
            "cpu": "256",
            "memory": "512",
            "containerDefinitions": [container("1")],
        },
        image="repo:1.0",
        digest="sha256:" + "0" * 64,
        version="1.0",
        spec=3,
        spec_hash=PRESENT.settings(environment).hash,
        owned=PRESENT.settings(environment).owned,
        desired_count=1,
    )
    return Row(
        application=APPLICATION,
        environment=environment,
        status=RowStatus.ACTIVE,
        service=replace(running, **changes),
    )


def inventory(*rows: Row, record: ApplicationRecord | None = RECORD) -> Inventory:
    """Return an inventory; `rows` replace those that run the present settings."""
    all_rows = {environment: row(environment) for environment in (DEV, BLUE, GREEN)}
    return Inventory(all_rows | {each.environment: each for each in rows}, record)


def seen(**changes: Any) -> Observed:
    """Return the running services, whose rollouts are complete."""
    return observed(*(service(deployment("old"), name=name) for name in NAMES.values()), **changes)


def planned(
    patch: Mapping[str, Any], *rows: Row, observation: Observed | None = None, **members: Any
) -> Plan:
    """Return the plan of a patch."""
    request = UpdateRequest("MyApp", patch, patch=True, **members)
    draft = operation("update", caller="alice")
    return update.KIND.plan(request, inventory(*rows), observation or seen(), draft)


def fields(plan: Plan) -> list[str]:
    return [each["field"] for each in plan.pending]


def test_a_new_revision_is_written_with_its_claim() -> None:
    plan = planned(LEVEL)
    overrides = {**DOCUMENT["overrides"], **LEVEL["overrides"]}
    specification = Specification(4, {**DOCUMENT, "overrides": overrides})
    assert plan.record == RecordClaim(
        RECORD,
        taken=True,
        new=ApplicationRecord(specification, 4, fixed=RECORD.fixed),
        revision=Revision(specification, ID, "alice", START),
    )
    assert plan.operation is not None
    assert (plan.operation.spec, plan.operation.details) == (4, UpdateDetails(3))
    assert [each["field"] for each in plan.changes] == ["overrides.dev"]
    assert not plan.operation.needs_approver
    assert (plan.observed, plan.pending) == (Observed(), ())


def test_an_update_rolls_out_the_environments_with_other_settings() -> None:
    plan = planned(LEVEL)
    assert plan.operation is not None
    (part,) = plan.operation.progress
    assert (part.environment, part.target, part.keeps_image) == (DEV, None, True)
    assert (part.image, part.version, part.previous) == ("repo:1.0", "1.0", "old")
    assert (plan.taken, plan.corrected) == ((row(DEV),), ())
    assert plan.operation.warnings == ()


def test_the_deadline_is_that_of_the_longest_rollout() -> None:
    plan = planned(LEVEL)
    assert plan.operation is not None
    assert plan.operation.deadline == START + timedelta(minutes=60)


def test_a_changed_count_keeps_the_task_definition() -> None:
    plan = planned({"overrides": {"dev": {"desiredCount": 2}}})
    assert plan.operation is not None
    (part,) = plan.operation.progress
    assert (part.target, part.desired_count) == ("old", 2)
    same = planned({"overrides": {"dev": {"desiredCount": 1}}})
    assert same.operation is not None
    assert same.operation.progress == ()


def test_an_update_without_changes_does_nothing_if_the_environments_run_them() -> None:
    plan = planned({})
    assert plan == Plan(
        None,
        seen(),
        message=(
            "revision 3 of the specification has these settings, and all environments except"
            " production run them"
        ),
    )


def test_an_update_without_changes_rolls_out_outdated_environments() -> None:
    plan = planned({}, row(DEV, spec=2, spec_hash="5e" * 32))
    assert plan.operation is not None
    assert [each.environment for each in plan.operation.progress] == [DEV]
    assert (plan.operation.spec, plan.operation.details) == (3, UpdateDetails(3))
    assert plan.record == RecordClaim(RECORD, taken=True)
    assert plan.changes == ()


def test_production_waits_for_its_next_release() -> None:
    plan = planned(LIVE)
    assert plan.operation is not None
    assert (plan.operation.progress, plan.taken) == ((), ())
    assert plan.operation.needs_approver
    assert fields(plan) == ["environment.LIVE"]
    assert plan.operation.details == UpdateDetails(3, ("environment",))


def test_only_the_count_of_production_changes_at_once() -> None:
    plan = planned(COUNT)
    assert plan.operation is not None
    parts = plan.operation.progress
    assert {each.environment for each in parts} == {GREEN, BLUE}
    assert {(each.target, each.desired_count, each.spec_hash) for each in parts} == {
        ("old", 3, None)
    }
    assert plan.operation.needs_approver
    assert plan.pending == ()


def test_slots_with_the_new_count_do_not_change() -> None:
    counted = replace(
        seen(), services={**seen().services, "prod-1": service(name="prod-1", desired=3)}
    )
    plan = planned(COUNT, observation=counted)
    assert plan.operation is not None
    assert [each.service for each in plan.operation.progress] == ["prod-2"]


def test_the_count_waits_with_other_changes_of_production() -> None:
    both = {"overrides": {"prod": {**COUNT["overrides"]["prod"], **LIVE["overrides"]["prod"]}}}
    plan = planned(both)
    assert plan.operation is not None
    assert plan.operation.progress == ()
    assert fields(plan) == ["desiredCount", "environment.LIVE"]


def test_pending_changes_include_those_of_earlier_revisions() -> None:
    first = Specification(1, {"email": "a@example.com", "service": {"environment": {"A": "0"}}})
    live = row(GREEN, spec=1, spec_hash=first.settings(GREEN).hash)
    found = planned(LEVEL, live, observation=seen(specifications={1: first}))
    assert "environment.A" in fields(found)
    unknown = planned(LIVE, row(GREEN, spec=None, spec_hash=None))
    assert unknown.pending == ()


def test_a_change_of_another_tool_is_overwritten_with_a_warning() -> None:
    recorded = row(DEV).service
    assert recorded is not None
    by_hand = {**recorded.blueprint, "containerDefinitions": [container("2")]}
    running = {**seen().services, "dev": service(deployment("by hand"), name="dev")}
    outside = replace(seen(), services=running, blueprints={"dev": by_hand})
    assert planned({}, observation=outside).operation is None
    plan = planned(LEVEL, observation=outside)
    assert plan.operation is not None
    (warning,) = plan.operation.warnings
    assert warning.startswith("DEV: OVERWRITTEN")
    assert [each.environment for each in plan.corrected] == [DEV]


def test_another_revision_than_the_expected_one_is_refused() -> None:
    assert planned(LEVEL, revision=3).operation is not None
    message = (
        "the specification of MyApp has revision 3, not 2: read it again, and repeat the change"
    )
    with pytest.raises(PreconditionFailedError) as refused:
        planned(LEVEL, revision=2)
    assert refused.value.message == message


def test_a_held_specification_is_busy() -> None:
    request = UpdateRequest("MyApp", LEVEL, patch=True)
    with pytest.raises(BusyError) as busy:
        specification_change.change(request, inventory(record=RECORD._replace(claim="01OTHER")))
    assert busy.value.message == (
        "the specification of MyApp is held by operation 01OTHER: wait for its end"
    )


def test_a_specification_that_was_removed_by_hand_cannot_change() -> None:
    with pytest.raises(NotDeployableError):
        specification_change.change(
            UpdateRequest("MyApp", LEVEL, patch=True), inventory(record=None)
        )


def test_an_environment_without_a_service_is_refused() -> None:
    broken = replace(row(DEV), service=None, status=RowStatus.CREATING)
    with pytest.raises(NotDeployableError) as refused:
        planned(LEVEL, broken)
    assert refused.value.message == (
        "DEV of MyApp is CREATING: delete the application, then create it again"
    )


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({"overrides": {"dev": {"memory": 4096}}}, "overrides.dev.memory"),
        ({"overrides": {"prod": {"memory": 4096}}}, "overrides.prod.memory"),
        ({"service": {"containerPort": 80}}, "service.containerPort"),
        ({"tags": {"technicalTeam": "Other"}}, "tags"),
        ({"applicationName": "Other"}, "applicationName"),
    ],
)
def test_the_whole_document_is_checked_with_the_present_sizes(
    content: Mapping[str, Any], field: str
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        planned(content)
    assert [each["field"] for each in refused.value.details["errors"]] == [field]


def test_a_put_replaces_the_whole_document() -> None:
    request = UpdateRequest("MyApp", {"email": "b@example.com"})
    found = specification_change.change(request, inventory())
    assert found.wanted == Specification(4, {"email": "b@example.com"})
    assert found.production


def test_the_limits_of_the_installation_count() -> None:
    with pytest.raises(InvalidRequestError) as refused:
        planned(COUNT, context={"max_vcpus": 1})
    assert [each["field"] for each in refused.value.details["errors"]] == ["service"]


def test_services_that_ecs_does_not_return_get_the_count() -> None:
    plan = planned(COUNT, observation=Observed())
    assert plan.operation is not None
    assert {each.environment for each in plan.operation.progress} == {GREEN, BLUE}
