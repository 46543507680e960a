"""ECS: task definitions and services."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from devops_core import render
from devops_core.adapters.aws.errors import translated
from devops_core.errors import redact
from devops_core.model.observed import Deployment, RunningService, StoppedTask
from devops_core.naming import OPERATION_TAG

# Newest task definitions that `find` reads. An operation registers one in a family; the others
# allow for registrations by hand at the same time.
_MAX_NEWEST = 5
# Active task definitions that `registered` reads. Operations leave one in a family, more only after
# failed deregistrations.
_MAX_ACTIVE = 50
# ListTasks returns and DescribeTasks accepts at most 100 tasks (ECS API).
_MAX_TASKS = 100
_MAX_REASONS = 3
# ECS keeps a hundred messages of a service, the newest first (ECS API, Service).
_MAX_MESSAGES = 5
# The reason of tasks that ECS stopped after a change of the count or deployment: not a failure.
_SCALED_IN = "Scaling activity initiated by"
# The exit codes of containers that ended by themselves, or by SIGTERM or SIGKILL when ECS stopped
# their task (128 and the number of the signal).
_STOPPED_CODES = (None, 0, 137, 143)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class EcsContainers:
    """`ports.aws.Containers` over ECS."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @translated()
    def register(self, request: Mapping[str, Any]) -> str:
        """Register a task definition and return its ARN."""
        response = self._client.register_task_definition(**request)
        return str(response["taskDefinition"]["taskDefinitionArn"])

    @translated()
    def find(self, family: str, operation_id: str) -> str | None:
        """Return the newest task definition of a family with the tag of an operation, or None."""
        listed = self._client.list_task_definitions(
            familyPrefix=family, sort="DESC", maxResults=_MAX_NEWEST
        )
        arns = map(str, listed["taskDefinitionArns"])
        return next((arn for arn in arns if self._registering_operation(arn) == operation_id), None)

    @translated()
    def registered(self, family: str) -> tuple[str, ...]:
        """Return the active task definitions of a family that operations registered."""
        listed = self._client.list_task_definitions(
            familyPrefix=family, sort="DESC", maxResults=_MAX_ACTIVE
        )
        return tuple(
            str(arn) for arn in listed["taskDefinitionArns"] if self._registering_operation(arn)
        )

    def _registering_operation(self, task_definition: str) -> str | None:
        """Return the operation in the tag of a task definition, or None."""
        response = self._client.describe_task_definition(
            taskDefinition=task_definition, include=["TAGS"]
        )
        tags = {tag["key"]: tag["value"] for tag in response.get("tags", ())}
        return tags.get(OPERATION_TAG)

    @translated()
    def blueprint(self, task_definition: str) -> Mapping[str, Any]:
        """Return the input of the call that registered a task definition."""
        response = self._client.describe_task_definition(taskDefinition=task_definition)
        return render.blueprint(response["taskDefinition"])

    @translated()
    def active(self, task_definition: str) -> bool:
        """Return whether the status of a task definition is ACTIVE."""
        response = self._client.describe_task_definition(taskDefinition=task_definition)
        return bool(response["taskDefinition"]["status"] == "ACTIVE")

    @translated()
    def deregister(self, task_definition: str) -> None:
        """Deregister a task definition; its running tasks continue."""
        self._client.deregister_task_definition(taskDefinition=task_definition)

    @translated()
    def update(
        self,
        cluster: str,
        service: str,
        task_definition: str | None,
        desired_count: int | None,
        start_seconds: int | None = None,
        execute_command: bool | None = None,
    ) -> RunningService:
        """Change the members of a service that are not None; return the new state."""
        changes = {
            "taskDefinition": task_definition,
            "desiredCount": desired_count,
            "healthCheckGracePeriodSeconds": start_seconds,
            "enableExecuteCommand": execute_command,
        }
        response = self._client.update_service(
            cluster=cluster,
            service=service,
            **{name: value for name, value in changes.items() if value is not None},
        )
        return _running_service(response["service"])

    @translated()
    def services(self, cluster: str, names: Iterable[str]) -> dict[str, RunningService]:
        """Return the existing services by name, none if the cluster does not exist.

        A stack that was deleted by hand has neither cluster nor services.
        """
        requested = list(names)
        if not requested:
            return {}
        try:
            response = self._client.describe_services(cluster=cluster, services=requested)
        except self._client.exceptions.ClusterNotFoundException:
            return {}
        return {
            service["serviceName"]: _running_service(service) for service in response["services"]
        }

    @translated()
    def stopped(
        self, cluster: str, service: str, task_definition: str | None
    ) -> tuple[StoppedTask, ...]:
        """Return the newest failed tasks with up to three different reasons, the newest first."""
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
        found: dict[str, StoppedTask] = {}
        for task in newest_first:
            if reason := _stop_reason(task):
                found.setdefault(reason, _stopped_task(task, reason))
        return tuple(found.values())[:_MAX_REASONS]

    @translated()
    def digests(
        self, cluster: str, service: str, task_definition: str, container: str
    ) -> tuple[str, ...]:
        """Return the different digests of a container's image in the running tasks of a service.

        The primary deployment can share the service with tasks of others that still stop or start.
        """
        digests = {
            each.get("imageDigest", "")
            for task in self._running_tasks(cluster, service)
            if task["taskDefinitionArn"] == task_definition and task["lastStatus"] == "RUNNING"
            for each in task.get("containers", ())
            if each["name"] == container
        }
        return tuple(sorted(digests))

    def _running_tasks(self, cluster: str, service: str) -> Iterator[Mapping[str, Any]]:
        """Yield the tasks of a service that ECS does not stop."""
        following: dict[str, str] = {}
        while True:
            listed = self._client.list_tasks(
                cluster=cluster, serviceName=service, desiredStatus="RUNNING", **following
            )
            if arns := listed["taskArns"]:
                yield from self._client.describe_tasks(cluster=cluster, tasks=arns)["tasks"]
            if not listed.get("nextToken"):
                return
            following = {"nextToken": listed["nextToken"]}


def _running_service(service: Mapping[str, Any]) -> RunningService:
    return RunningService(
        name=service["serviceName"],
        active=service["status"] == "ACTIVE",
        desired=service["desiredCount"],
        running=service["runningCount"],
        pending=service["pendingCount"],
        deployments=tuple(map(_deployment, service.get("deployments", ()))),
        messages=tuple(map(_service_message, service.get("events", ())[:_MAX_MESSAGES])),
        containers={
            entry["targetGroupArn"]: entry["containerName"]
            for entry in service.get("loadBalancers", ())
            if "targetGroupArn" in entry
        },
        start_seconds=service.get("healthCheckGracePeriodSeconds", 0),
        execute_command=service.get("enableExecuteCommand", False),
    )


def _service_message(event: Mapping[str, Any]) -> tuple[datetime, str]:
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


def _stopped_task(task: Mapping[str, Any], reason: str) -> StoppedTask:
    failed = (
        container["name"]
        for container in task.get("containers", ())
        if container.get("exitCode") not in _STOPPED_CODES or container.get("reason")
    )
    return StoppedTask(
        id=task["taskArn"].rpartition("/")[2],
        task_definition=task["taskDefinitionArn"],
        reason=reason,
        failed=tuple(failed),
        started=task.get("stopCode") != "TaskFailedToStart",
    )


def _stop_reason(task: Mapping[str, Any]) -> str:
    """Return the reason of a stopped task; empty if it did not fail or has no reason."""
    stopped = task.get("stoppedReason", "")
    if not stopped or stopped.startswith(_SCALED_IN):
        return ""
    # If ECS stopped the task (failed health checks), the exit code is only that of the signal.
    exited = task.get("stopCode") != "ServiceSchedulerInitiated"
    containers = [
        f"container {container['name']}: {', '.join(facts)}"
        for container in task.get("containers", ())
        if (facts := list(_container_facts(container, stopped, exited=exited)))
    ]
    return redact(f"{stopped} ({'; '.join(containers)})" if containers else stopped)


def _container_facts(container: Mapping[str, Any], stopped: str, *, exited: bool) -> Iterator[str]:
    if exited and "exitCode" in container:
        yield f"exit code {container['exitCode']}"
    reason = container.get("reason", "")
    if reason and reason not in stopped:
        yield reason
