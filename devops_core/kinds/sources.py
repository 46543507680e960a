"""The running releases that rollouts start from, also those that other tools deployed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from devops_core import render
from devops_core.access import matches
from devops_core.errors import NotDeployableError
from devops_core.model.inventory import Inventory, Row, Service, container_of
from devops_core.model.observed import Observed
from devops_core.model.outside_release import followed_service, outside_deployment
from devops_core.model.specification import EnvironmentSettings
from devops_core.naming import Environment, Image

# The path of the roles that the functions can pass to tasks (serverless/roles.js).
_PASSABLE_ROLE = ":role/devops-ecs/"
# The maximum of changed fields in a warning.
_MAX_FIELDS = 10
# Maximum age of an ECS response after an update, and maximum difference between two clocks.
ECS_DELAY = timedelta(seconds=30)


class Source(NamedTuple):
    """The row and the service that a rollout starts from.

    `corrected` means that another tool deployed its task definition, so that the row differs from
    the inventory. `warnings` describe the changes.
    """

    row: Row
    service: Service
    corrected: bool = False
    warnings: tuple[str, ...] = ()


def source(
    row: Row,
    service: Service,
    settings: EnvironmentSettings,
    inventory: Inventory,
    observed: Observed,
    now: datetime,
) -> Source:
    """Return the running release of a service, so that the next rollout keeps outside changes.

    `settings` are those of the next task definition, which overwrite outside changes. Raises
    NotDeployableError for a role that this task definition cannot have.
    """
    found = _running_source(row, service, settings, inventory, observed, now)
    _require_passable_roles(row.environment, found.service, settings, observed)
    ended = _ended_exec(row.environment, found.service, settings, observed)
    return found._replace(warnings=(*found.warnings, *ended))


def _running_source(
    row: Row,
    service: Service,
    settings: EnvironmentSettings,
    inventory: Inventory,
    observed: Observed,
    now: datetime,
) -> Source:
    deployment = outside_deployment(service, observed)
    changed, recorded = deployment and deployment.updated_at, row.updated_at
    # For a short time ECS can return a state from before the end of the last operation.
    young = recorded is not None and now < recorded + ECS_DELAY
    if deployment is None or (young and changed and recorded and changed < recorded):
        return Source(row, service)
    running = followed_service(service, deployment, inventory.rows.values(), observed)
    warnings = _outside_changes(row.environment, service, running, settings)
    return Source(replace(row, service=running), running, corrected=True, warnings=warnings)


def _require_passable_roles(
    environment: Environment, service: Service, settings: EnvironmentSettings, observed: Observed
) -> None:
    """Raise NotDeployableError for a role that the functions cannot pass to tasks.

    AWS would deny the registration, and also the return to the present task definition.
    """
    blueprint = service.blueprint
    roles = (blueprint.get("taskRoleArn"), blueprint.get("executionRoleArn"), settings.task_role)
    for role in filter(None, roles):
        if _PASSABLE_ROLE not in role and not matches(role, observed.task_roles):
            raise NotDeployableError(
                f"{environment} runs a task definition with {role}, which this service cannot pass"
                " to tasks: list the role for the team in taskroles of parameters.yml, or deploy a"
                " task definition with the roles of the application by hand"
            )


def _ended_exec(
    environment: Environment, service: Service, settings: EnvironmentSettings, observed: Observed
) -> tuple[str, ...]:
    """Return a warning if the rollout turns ECS Exec off, which could be on by hand."""
    running = observed.services.get(service.name)
    if running is None or not running.execute_command:
        return ()
    if observed.ecs_exec and "taskRoleArn" in _without_image(service, settings):
        return ()
    cause = (
        "the tasks have no task role" if observed.ecs_exec else "ecsexec in parameters.yml is off"
    )
    return (f"{environment}: OVERWRITTEN, because {cause}: the rollout turns off ECS Exec",)


def _outside_changes(
    environment: Environment, recorded: Service, running: Service, settings: EnvironmentSettings
) -> tuple[str, ...]:
    """Return warnings of the outside changes that a rollout keeps and overwrites, and of the image.

    Only the settings that the specification names are overwritten.
    """
    from devops_core.model.differences import differences

    before, after = (_without_image(each, None) for each in (recorded, running))
    changed = [each["field"] for each in differences(before, after)]
    restored = {each["field"] for each in differences(after, _without_image(running, settings))}
    kept = [field for field in changed if field not in restored]
    overwritten = [field for field in changed if field in restored]
    warnings = []
    if kept:
        warnings.append(f"keeps changes made outside of this service: {_listed(kept)}")
    if overwritten:
        warnings.append(
            f"OVERWRITTEN, because the specification names these settings: {_listed(overwritten)}"
        )
    if container_of(recorded.blueprint, recorded.container)["image"] != running.image:
        warnings.append(f"replaces {running.image}, which was deployed outside of this service")
    return tuple(f"{environment}: {warning}" for warning in warnings)


def _without_image(service: Service, settings: EnvironmentSettings | None) -> dict[str, Any]:
    """Return the task definition of a service with other settings, for comparisons."""
    definition = render.task_definition(
        service.blueprint, service.container, Image(""), {}, settings, service.owned
    )
    return render.blueprint(definition)


def _listed(fields: Sequence[str]) -> str:
    further = f" and {len(fields) - _MAX_FIELDS} more" if len(fields) > _MAX_FIELDS else ""
    return f"{', '.join(fields[:_MAX_FIELDS])}{further}"
