"""ECS: task definitions and services."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from devops_core import render
from devops_core.adapters.aws.errors import translated
from devops_core.errors import redact
from devops_core.model import Deployment, RunningService
from devops_core.naming import OPERATION_TAG

# An operation registers one task definition in a family and nobody else should meanwhile; some
# more are looked at in case somebody did.
_MAX_LOOKS = 5
# Operations leave one active task definition in a family; more only if they could not clean up.
_MAX_LEFT = 50
# DescribeTasks takes as many, ListTasks gives as many (ECS API); the newest three reasons tell.
_MAX_TASKS = 100
_MAX_REASONS = 3
# ECS keeps a hundred messages of a service, the newest first (ECS API, Service).
_MAX_MESSAGES = 5
# Tasks that were stopped because the service became smaller or moved on did not fail.
_SCALED_IN = "Scaling activity initiated by"
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class EcsContainers:
    """`ports.Containers` over ECS."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @translated()
    def register(self, request: Mapping[str, Any]) -> str:
        """Register a task definition and return its ARN."""
        answer = self._client.register_task_definition(**request)
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    @translated()
    def find(self, family: str, operation_id: str) -> str | None:
        """Return the newest task definition of a family that carries an operation's tag."""
        listed = self._client.list_task_definitions(
            familyPrefix=family, sort="DESC", maxResults=_MAX_LOOKS
        )
        arns = map(str, listed["taskDefinitionArns"])
        return next((arn for arn in arns if self._operation(arn) == operation_id), None)

    @translated()
    def registered(self, family: str) -> tuple[str, ...]:
        """Return the active task definitions of a family that operations have registered."""
        listed = self._client.list_task_definitions(
            familyPrefix=family, sort="DESC", maxResults=_MAX_LEFT
        )
        return tuple(str(arn) for arn in listed["taskDefinitionArns"] if self._operation(arn))

    def _operation(self, task_definition: str) -> str | None:
        """Return the operation that a task definition's tag names."""
        answer = self._client.describe_task_definition(
            taskDefinition=task_definition, include=["TAGS"]
        )
        tags = {tag["key"]: tag["value"] for tag in answer.get("tags", ())}
        return tags.get(OPERATION_TAG)

    @translated()
    def blueprint(self, task_definition: str) -> Mapping[str, Any]:
        """Return what a task definition was registered with."""
        answer = self._client.describe_task_definition(taskDefinition=task_definition)
        return render.blueprint(answer["taskDefinition"])

    @translated()
    def retire(self, task_definition: str) -> None:
        """Deregister a task definition; tasks that run it go on."""
        self._client.deregister_task_definition(taskDefinition=task_definition)

    @translated()
    def update(
        self, cluster: str, service: str, task_definition: str | None, desired_count: int | None
    ) -> RunningService:
        """Give a service a task definition or a task count and return it as it is then."""
        changes = {"taskDefinition": task_definition, "desiredCount": desired_count}
        answer = self._client.update_service(
            cluster=cluster,
            service=service,
            **{name: value for name, value in changes.items() if value is not None},
        )
        return _running(answer["service"])

    @translated()
    def services(self, cluster: str, names: Iterable[str]) -> dict[str, RunningService]:
        """Return services by name; one that does not exist is missing from the answer.

        Without its cluster none exists: a stack that was deleted by hand takes both away.
        """
        wanted = list(names)
        if not wanted:
            return {}
        try:
            answer = self._client.describe_services(cluster=cluster, services=wanted)
        except self._client.exceptions.ClusterNotFoundException:
            return {}
        return {service["serviceName"]: _running(service) for service in answer["services"]}

    @translated()
    def stopped(self, cluster: str, service: str, task_definition: str | None) -> tuple[str, ...]:
        """Return up to three different reasons why tasks of a service stopped."""
        listed = self._client.list_tasks(
            cluster=cluster, serviceName=service, desiredStatus="STOPPED"
        )["taskArns"]
        if not listed:
            return ()
        described = self._client.describe_tasks(cluster=cluster, tasks=listed[:_MAX_TASKS])
        newest_first = sorted(
            (
                task
                for task in described["tasks"]
                if task_definition in (None, task["taskDefinitionArn"])
            ),
            key=lambda task: task.get("stoppedAt", _LONG_AGO),
            reverse=True,
        )
        reasons = dict.fromkeys(filter(None, map(_reason, newest_first)))
        return tuple(reasons)[:_MAX_REASONS]


def _running(service: Mapping[str, Any]) -> RunningService:
    return RunningService(
        name=service["serviceName"],
        active=service["status"] == "ACTIVE",
        desired=service["desiredCount"],
        running=service["runningCount"],
        pending=service["pendingCount"],
        deployments=tuple(map(_deployment, service.get("deployments", ()))),
        messages=tuple(map(_message, service.get("events", ())[:_MAX_MESSAGES])),
    )


def _message(event: Mapping[str, Any]) -> tuple[datetime, str]:
    return event["createdAt"].astimezone(UTC), redact(event["message"])


def _deployment(deployment: Mapping[str, Any]) -> Deployment:
    updated = deployment.get("updatedAt")
    return Deployment(
        task_definition=deployment["taskDefinition"],
        primary=deployment["status"] == "PRIMARY",
        state=deployment.get("rolloutState", "IN_PROGRESS"),
        running=deployment.get("runningCount", 0),
        reason=redact(deployment.get("rolloutStateReason", "")),
        failed_tasks=deployment.get("failedTasks", 0),
        updated_at=updated.astimezone(UTC) if updated else None,
    )


def _reason(task: Mapping[str, Any]) -> str:
    """Return why a task stopped; empty when it did not fail or nothing is known."""
    stopped = task.get("stoppedReason", "")
    if not stopped or stopped.startswith(_SCALED_IN):
        return ""
    # A task that ECS stopped (failed health checks) ends with the exit code of the signal.
    by_itself = task.get("stopCode") != "ServiceSchedulerInitiated"
    containers = [
        f"container {container['name']}: {', '.join(facts)}"
        for container in task.get("containers", ())
        if (facts := list(_facts(container, stopped, by_itself=by_itself)))
    ]
    return redact(f"{stopped} ({'; '.join(containers)})" if containers else stopped)


def _facts(container: Mapping[str, Any], stopped: str, *, by_itself: bool) -> Iterator[str]:
    if by_itself and "exitCode" in container:
        yield f"exit code {container['exitCode']}"
    reason = container.get("reason", "")
    if reason and reason not in stopped:
        yield reason
