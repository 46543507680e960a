"""Observations of rollouts, shared by deploy, promote and create."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from devops_core.access import matches
from devops_core.errors import AwsError, ForbiddenError, RefusedError
from devops_core.model.container_log import ContainerLog, bounded, container_log
from devops_core.model.inventory import Inventory, Service
from devops_core.model.observed import Observed, RunningService, StoppedTask
from devops_core.model.operation import Operation, Status
from devops_core.model.outside_release import outside_deployment
from devops_core.naming import Environment, environment_name, family
from devops_core.ports import Cloud
from devops_core.ports.aws import Containers

if TYPE_CHECKING:
    from devops_core.model.specification import Specification


def with_outside_blueprints(
    cloud: Cloud, observed: Observed, services: Iterable[Service]
) -> Observed:
    """Return the observation with the task definitions that other tools deployed."""
    outside = {
        service.name: deployment.task_definition
        for service in services
        if (deployment := outside_deployment(service, observed))
    }
    blueprints = cloud.gather(
        [partial(cloud.containers.blueprint, arn) for arn in outside.values()]
    )
    return replace(observed, blueprints=dict(zip(outside, blueprints, strict=True)))


def task_roles(
    cloud: Cloud, inventory: Inventory, environments: Iterable[Environment]
) -> tuple[str, ...]:
    """Return the patterns of the roles that the team can give to its tasks.

    ForbiddenError if the specification names another role for one of the environments.
    """
    access, application = cloud.settings.access, inventory.application
    if application is None:
        return ()
    allowed = access.task_roles_of(application.technical_team)
    require_roles(
        "roll out",
        application.name,
        application.technical_team,
        inventory.specification,
        environments,
        allowed,
    )
    return allowed


def require_roles(
    action: str,
    application: str,
    team: str,
    specification: Specification,
    environments: Iterable[Environment],
    allowed: tuple[str, ...],
) -> None:
    """Raise ForbiddenError unless the task role of each environment matches an allowed pattern.

    `action` is a verb for the message.
    """
    refused = [
        each
        for each in environments
        if (role := specification.settings(each).task_role) and not matches(role, allowed)
    ]
    if not refused:
        return
    fields = sorted({_role_field(specification, each) for each in refused})
    remedy = (
        f"must be a role of the team {team}: an admin of the installation can add the role to"
        " taskroles in parameters.yml"
    )
    raise ForbiddenError(
        f"not allowed to {action} {application}: {', '.join(fields)} must name a role that"
        f" taskroles in parameters.yml lists for the team {team}",
        errors=[{"field": field, "message": remedy} for field in fields],
    )


def _role_field(specification: Specification, environment: Environment) -> str:
    """Return the field of a specification that has the task role of an environment."""
    name = environment_name(environment)
    override = specification.document.get("overrides", {}).get(name, {})
    return f"overrides.{name}.taskRole" if "taskRole" in override else "service.taskRole"


def during(cloud: Cloud, operation: Operation, inventory: Inventory) -> Observed:
    """Return the services of an operation and its unrecorded task definitions."""
    names = [part.service for part in operation.progress]
    unrecorded = [part.service for part in operation.progress if part.target is None]
    containers = cloud.containers
    services, *found = cloud.gather(
        [
            partial(containers.services, operation.application, names),
            *(
                partial(containers.find, family(operation.application, name), operation.id)
                for name in unrecorded
            ),
        ]
    )
    registered = {name: arn for name, arn in zip(unrecorded, found, strict=True) if arn}
    explained = _with_stop_reasons(cloud, operation, services, registered)
    return Observed(
        services={name: explained.get(name) for name in names},
        registered=registered,
        digests=_reported_digests(cloud, operation, inventory, services, registered),
        previous_active=_previous_active(cloud, operation, services, registered),
    )


def _previous_active(
    cloud: Cloud,
    operation: Operation,
    services: Mapping[str, RunningService],
    registered: Mapping[str, str],
) -> dict[str, bool]:
    """Return whether the previous task definitions are ACTIVE, for services to roll back."""
    ends = operation.aborted_by is not None or operation.overdue(cloud.clock.now())
    previous = {
        part.service: part.previous
        for part in operation.progress
        if part.status is Status.IN_PROGRESS and part.previous and part.service in services
        if (primary := services[part.service].primary)
        if primary.task_definition == (part.target or registered.get(part.service))
        if primary.task_definition != part.previous and (ends or primary.state == "FAILED")
    }
    checks = [partial(_active, cloud, operation, arn) for arn in previous.values()]
    return dict(zip(previous, cloud.gather(checks), strict=True))


def _reported_digests(
    cloud: Cloud,
    operation: Operation,
    inventory: Inventory,
    services: Mapping[str, RunningService],
    registered: Mapping[str, str],
) -> dict[str, tuple[str, ...]]:
    """Return the digests that the tasks of complete rollouts report, for images without a digest.

    Only ECS knows them for images that are not in this account's ECR.
    """
    containers = {row.service.name: row.service.container for row in inventory.rows.values()
                  if row.service}  # fmt: skip
    targets = {
        part.service: target
        for part in operation.progress
        if part.status is Status.IN_PROGRESS and part.image and part.digest is None
        if not part.keeps_image
        if (target := part.target or registered.get(part.service)) and part.service in services
        if services[part.service].desired and services[part.service].completed(target)
    }
    reads = [
        partial(_digests, cloud, operation, name, target, containers[name])
        for name, target in targets.items()
    ]
    return dict(zip(targets, cloud.gather(reads), strict=True))


def _digests(
    cloud: Cloud, operation: Operation, service: str, task_definition: str, container: str
) -> tuple[str, ...]:
    """Return the digests that tasks report; after the deadline or an abort, none after an error."""
    try:
        return cloud.containers.digests(operation.application, service, task_definition, container)
    except AwsError:
        if operation.aborted_by or operation.overdue(cloud.clock.now()):
            return ()
        raise


def _active(cloud: Cloud, operation: Operation, task_definition: str) -> bool:
    """Return whether a task definition is ACTIVE, and not deleted.

    After the deadline the rollback does not wait for this check. ECS refuses an INACTIVE one.
    """
    try:
        return cloud.containers.active(task_definition)
    except RefusedError:
        return False
    except AwsError:
        if operation.overdue(cloud.clock.now()):
            return True
        raise


def _with_stop_reasons(
    cloud: Cloud,
    operation: Operation,
    services: Mapping[str, RunningService],
    registered: Mapping[str, str],
) -> dict[str, RunningService]:
    """Return the services; those with a failing rollout have the stop reasons of their tasks.

    Those with a failed rollout also have the log of a container, unless a reason is on record.
    """
    failing = {
        part.service: target
        for part in operation.progress
        if part.status is Status.IN_PROGRESS and part.service in services
        if (target := part.target or registered.get(part.service))
        # ECS may have accepted the update, but the worker crashed before recording it.
        if part.sent or services[part.service].has(target)
        if services[part.service].fails(target)
    }
    stopped = cloud.gather(
        [
            partial(stopped_tasks, cloud.containers, operation.application, name, target)
            for name, target in failing.items()
        ]
    )
    tasks = dict(zip(failing, stopped, strict=True))
    over = operation.aborted_by is not None or operation.overdue(cloud.clock.now())
    # A rollout in progress can still succeed, and its record has the log from then on.
    unrecorded = {
        name: (tasks[name][0], next(iter(services[name].containers.values()), None))
        for name, target in failing.items()
        if tasks[name] and operation.part(name).reason is None
        if over or services[name].ended(target)
    }
    logs = failed_logs(cloud, operation, unrecorded)
    explained = {
        name: replace(
            services[name], stopped=tuple(task.reason for task in found), log=logs.get(name)
        )
        for name, found in tasks.items()
    }
    return {**services, **explained}


def stopped_tasks(
    containers: Containers, application: str, service: str, task_definition: str | None
) -> tuple[StoppedTask, ...]:
    """Return the failed tasks, none after an AWS error: an operation can end without."""
    try:
        return containers.stopped(application, service, task_definition)
    except AwsError:
        return ()


def failed_logs(
    cloud: Cloud, operation: Operation, tasks: Mapping[str, tuple[StoppedTask, str | None]]
) -> dict[str, ContainerLog]:
    """Return the logs of failed tasks by service, with their last lines if they can be read.

    `tasks` has a task, and the name of the application's container if it is known.
    """
    reads = [
        partial(_failed_log, cloud, operation, task, container)
        for task, container in tasks.values()
    ]
    logs = zip(tasks, cloud.gather(reads), strict=True)
    return {name: log for name, log in logs if log}


def _first_with_port(task_definition: Mapping[str, Any]) -> str:
    """Return the first container with a port, by default the first one."""
    containers = task_definition["containerDefinitions"]
    with_port = (each for each in containers if each.get("portMappings"))
    return str(next(with_port, containers[0])["name"])


def _failed_log(
    cloud: Cloud, operation: Operation, task: StoppedTask, container: str | None
) -> ContainerLog | None:
    """Return the log of the container that failed; after an AWS error, without its lines.

    A failed container ends its whole task, so the other containers have the exit codes of signals.
    """
    if not task.started:
        return None
    try:
        definition = cloud.containers.blueprint(task.task_definition)
    except AwsError:
        return None
    own = container or _first_with_port(definition)
    failed = own if own in task.failed else next(iter(task.failed), own)
    log = container_log(definition, failed, task.id)
    if log is None or not log.belongs_to(operation.application):
        return log
    if not cloud.settings.container_logs:
        return log
    try:
        lines = cloud.logs.tail(log.group, log.stream)
    except AwsError:
        return log
    return log._replace(lines=bounded(lines, len(operation.progress)))
