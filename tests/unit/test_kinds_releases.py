"""Rollouts of a specification: the next task definition of a service, and its row at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from devops_core import kinds
from devops_core.errors import NotDeployableError
from devops_core.model.decisions import State
from devops_core.model.inventory import Application, Inventory, Row, RowStatus, Service
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation, Progress, Status
from devops_core.model.specification import ApplicationRecord, Specification
from devops_core.naming import Environment
from tests.lab.builders import BEFORE, DIGEST, NOW, operation, rolling

DEPLOY = kinds.load("deploy")
APPLICATION = Application(name="MyApp", technical_team="Core")
SETTINGS = {"environment": {"COLOUR": "red"}, "command": ["serve"], "cpu": 512, "memory": 1024}
DOCUMENT = {"email": "a@example.com", "service": SETTINGS, "overrides": {"qa": {"cpu": 1024}}}
SPECIFICATION = Specification(3, DOCUMENT)
WANTED = SPECIFICATION.settings(Environment.DEV)
RUNNING = Service(
    name="dev",
    arn="arn",
    target_group="group",
    container="app",
    task_definition="old",
    registered="old",
    blueprint={
        "family": "MyApp-dev",
        "cpu": "256",
        "memory": "512",
        "taskRoleArn": "arn:role",
        "containerDefinitions": [
            {
                "name": "app",
                "image": "repo:1.0",
                "environment": [
                    {"name": "SIZE", "value": "1"},
                    {"name": "BY_HAND", "value": "2"},
                ],
            }
        ],
    },
    image="repo:1.0",
    digest="sha256:" + "0" * 64,
    version="1.0",
    deployed_at=BEFORE,
    deployed_by="another",
    spec=2,
    spec_hash="5e" * 32,
    owned=("environment.SIZE", "taskRole"),
)
PART = rolling(spec_hash=WANTED.hash, desired_count=None)


def state(
    part: Progress = PART, service: Service = RUNNING, *, record: bool = True, **changes: Any
) -> State:
    """Return a deploy of revision 3 to dev."""
    row = Row(
        application=APPLICATION,
        environment=Environment.DEV,
        status=RowStatus.ACTIVE,
        claim="an operation",
        service=service,
    )
    known = ApplicationRecord(SPECIFICATION, 4) if record else None
    current: Operation = operation("deploy", part, **{"spec": 3, **changes})
    return State(current, Inventory({row.environment: row}, known), Observed())


def definition(of: State) -> Mapping[str, Any]:
    assert DEPLOY.task_definition is not None
    (part,) = of.operation.progress
    return DEPLOY.task_definition(of, part, {"devops:operation": of.operation.id})


def released(of: State) -> Service:
    """Return the service in the row after the end of an operation."""
    changes = DEPLOY.rows(of, list(of.inventory.rows.values()), NOW, keep_rows=False)
    (row,) = changes.kept
    assert (changes.removed, changes.ends_application, changes.stack) == ((), False, None)
    assert row.service is not None
    return row.service


def ended(status: Status = Status.SUCCEEDED, **changes: Any) -> Progress:
    return replace(PART, status=status, **changes)


def test_the_next_task_definition_has_the_settings_of_the_named_revision() -> None:
    found = definition(state())

    (container,) = found["containerDefinitions"]
    assert container == {
        "name": "app",
        "image": f"repo@{DIGEST}",
        "environment": [{"name": "BY_HAND", "value": "2"}, {"name": "COLOUR", "value": "red"}],
        "command": ["serve"],
    }
    assert (found["cpu"], found["memory"]) == ("512", "1024")
    assert "taskRoleArn" not in found
    assert {"key": "devops:spec", "value": WANTED.hash} in found["tags"]


def test_a_rollout_without_settings_keeps_those_of_the_running_release() -> None:
    """An operation of the version before specifications has none."""
    found = definition(state(replace(PART, spec_hash=None), spec=None))

    (container,) = found["containerDefinitions"]
    before = RUNNING.blueprint["containerDefinitions"][0]
    assert container == {**before, "image": f"repo@{DIGEST}"}
    assert (found["cpu"], found["taskRoleArn"]) == ("256", "arn:role")
    assert [tag["key"] for tag in found["tags"]] == ["devops:operation"]


def test_a_task_definition_needs_the_specification() -> None:
    with pytest.raises(
        NotDeployableError, match="the specification of the application is not on recor"
    ):
        definition(state(record=False))


def test_the_row_records_the_settings_that_the_next_rollout_removes() -> None:
    found = released(state(ended()))

    assert (found.spec, found.spec_hash, found.owned) == (
        3, WANTED.hash, ("environment.COLOUR", "command"),
    )  # fmt: skip
    assert (found.task_definition, found.registered, found.version) == ("new", "new", "1.1")
    (container,) = found.blueprint["containerDefinitions"]
    assert container["command"] == ["serve"]
    assert "tags" not in found.blueprint


def test_a_release_that_already_runs_the_settings_records_the_newer_revision() -> None:
    """Another revision can have the same settings in this environment."""
    same = replace(RUNNING, spec_hash=WANTED.hash, owned=WANTED.owned)
    found = released(state(ended(target="old"), same))

    assert found == replace(same, spec=3)


def test_a_release_whose_tasks_all_ran_can_be_promoted_although_its_scaling_failed() -> None:
    parts = ended(Status.FAILED, reason="no scaling", unrestored=True, completed=True)
    found = released(state(parts))

    assert (found.task_definition, found.unverified) == ("new", None)


@pytest.mark.parametrize("sent", [False, True])
def test_a_failed_rollout_keeps_the_task_count_that_ecs_has_accepted(sent: bool) -> None:
    """Neither the return to a task definition nor that of ECS changes the count."""
    found = released(state(ended(Status.FAILED, sent=sent, desired_count=4)))

    assert found == (replace(RUNNING, desired_count=4) if sent else RUNNING)


@pytest.mark.parametrize("unrestored", [False, True])
def test_a_failed_rollout_keeps_the_settings_of_the_release_that_runs(unrestored: bool) -> None:
    """A service that cannot return to its previous task definition runs the new settings."""
    found = released(state(ended(Status.FAILED, reason="crashed", unrestored=unrestored)))

    if not unrestored:
        assert found == RUNNING
        return
    assert (found.spec, found.spec_hash, found.owned) == (3, WANTED.hash, WANTED.owned)
    assert (found.task_definition, found.unverified) == ("new", "its rollout did not complete")


def test_the_settings_of_another_environment_do_not_count() -> None:
    assert SPECIFICATION.settings(Environment.QA).hash != WANTED.hash
    assert released(state(ended())).spec_hash == WANTED.hash
