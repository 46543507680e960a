"""Amazon ECS: a rollout depends on target health, and its messages are those of ECS."""

from __future__ import annotations

import json
import threading
from typing import Any

from ministack.services import alb, ecs

from tools.laptop.patches.load_balancers import prober, task_health
from tools.laptop.patches.restarts import Restarts
from tools.laptop.patches.task_secrets import require_access

STEADY_DELAY = 0.3  # seconds that a task must stay up; task programs start only when they listen
LISTED = 10.0  # seconds that a failed deployment stays in the list, like the draining of its tasks
POLL = 0.1  # seconds between two checks of a task's health
_TASKS_FAILED = "ECS deployment circuit breaker: tasks failed to start."
# The emulator's reasons for tasks that the scheduler of a service stops.
_SCHEDULER_REASONS = frozenset(
    {
        "Deployment capacity limit",
        "Deployment completed",
        "Service deleted",
        "Service scaling down",
        "Task definition updated",
    }
)

_create_service = ecs._create_service
_update_service = ecs._update_service
_schedule_completion = ecs._schedule_service_deployment_completion
_complete_deployment = ecs._complete_service_deployment
_record_failure = ecs._record_service_task_failure
_record_healthy = ecs._record_service_task_healthy
_make_deployment = ecs._make_deployment
_mark_task_stopped = ecs._mark_task_stopped
_reconcile = ecs._reconcile_service_tasks
_run_task = ecs._run_task
_start_task_worker = ecs._start_task_worker
_restarts = Restarts()
_locks: dict[str, threading.RLock] = {}


def apply(*, real_docker: bool) -> None:
    """Apply the corrections."""
    ecs._create_service = create_service
    ecs._ACTION_MAP["CreateService"] = create_service
    ecs._update_service = update_service
    ecs._ACTION_MAP["UpdateService"] = update_service
    ecs._schedule_service_deployment_completion = complete_when_healthy
    ecs._complete_service_deployment = complete_deployment
    ecs._record_service_task_failure = record_failure
    ecs._record_service_task_healthy = record_healthy
    ecs._make_deployment = make_deployment
    ecs._mark_task_stopped = mark_task_stopped
    ecs._reconcile_service_tasks = reconcile_serially
    ecs._run_task = run_task
    ecs._start_task_worker = start_task_worker
    if not real_docker:
        ecs._ECS_DEPLOYMENT_STEADY_DELAY = STEADY_DELAY


def create_service(data: dict[str, Any]) -> Any:
    """Create a service; refuse a target group that no load balancer uses.

    Gap: the emulator accepts such a group. ECS refuses it, so a template needs a DependsOn.
    """
    for balancer in data.get("loadBalancers") or []:
        arn = balancer.get("targetGroupArn")
        if arn in alb._tgs and arn not in prober.groups_in_use():
            message = (
                f"The target group with targetGroupArn {arn} does not have an associated "
                "load balancer."
            )
            return ecs.error_response_json("InvalidParameterException", message, 400)
    return _create_service(data)


def update_service(data: dict[str, Any]) -> Any:
    """Update a service; refuse an INACTIVE task definition, but not that of the service itself.

    Gap: the emulator accepts it. Source: ECS API, DeregisterTaskDefinition. It also accepts ECS
    Exec for tasks without a role (aws/aws-toolkit-jetbrains issue 3649).
    """
    definition = ecs._task_defs.get(ecs._resolve_td_key(data.get("taskDefinition") or ""))
    cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
    service = ecs._services.get(f"{cluster}/{data.get('service', '').rpartition('/')[2]}") or {}
    if (
        definition
        and definition["status"] == "INACTIVE"
        and definition["taskDefinitionArn"] != service.get("taskDefinition")
    ):
        return ecs.error_response_json("ClientException", "TaskDefinition is inactive", 400)
    executes = data.get("enableExecuteCommand", service.get("enableExecuteCommand"))
    if executes and definition and not definition.get("taskRoleArn"):
        message = "The service couldn't be updated because a valid taskRoleArn is not being used."
        return ecs.error_response_json("InvalidParameterException", message, 400)
    return _update_service(data)


def make_deployment(*args: Any, **kwargs: Any) -> Any:
    """Start every deployment with the state IN_PROGRESS.

    Gap: the first deployment of a new service is COMPLETED before a task has started. Its circuit
    breaker therefore never trips, and a crashing image is restarted forever.
    """
    deployment = _make_deployment(*args, **kwargs)
    deployment["rolloutState"] = "IN_PROGRESS"
    deployment["rolloutStateReason"] = f"ECS deployment {deployment['id']} in progress."
    return deployment


def complete_when_healthy(
    cluster: str, key: str, account: str, region: str, healthy_task: Any = None
) -> None:
    """Count a task as started only after the load balancer has found it healthy.

    Gap: a rollout completes one second after the start of its tasks.
    """
    if healthy_task is None:
        _schedule_completion(cluster, key, account, region)
        return

    def wait() -> None:
        pause = threading.Event()
        with ecs.request_scope(account, region):
            ecs._reconcile_service_tasks(cluster, key)  # the first task is up: start the others
            while is_running(healthy_task):
                service = ecs._services.get(key)
                if service is None or _state(service, healthy_task)[0] == "healthy":
                    _schedule_completion(cluster, key, account, region, healthy_task)
                    return
                pause.wait(POLL)

    ecs.spawn_background(wait, thread_name="task-health-gate")


def is_running(task: dict[str, Any]) -> bool:
    """Return whether a task is running and active."""
    return bool(ecs._task_is_active(task["taskArn"], task) and task["lastStatus"] == "RUNNING")


def unhealthy_group(service: dict[str, Any], task: dict[str, Any]) -> str:
    """Return the ARN of a target group that finds the task unhealthy, or ""."""
    state, group_arn = _state(service, task)
    return group_arn if state == "unhealthy" else ""


def _state(service: dict[str, Any], task: dict[str, Any]) -> tuple[str, str]:
    """Return the worst target state of a task and the ARN of that target group."""
    address = ecs._task_ip(task)
    states = {
        task_health(one["targetGroupArn"], address, int(one["containerPort"])).state: one[
            "targetGroupArn"
        ]
        for one in service.get("loadBalancers") or []
        if one.get("targetGroupArn")
    }
    worst = next((s for s in ("unhealthy", "initial", "unused") if s in states), "healthy")
    return worst, states.get(worst, "")


def complete_deployment(cluster: str, key: str, expected_deployment_id: Any = None) -> None:
    """Complete a deployment with the messages of ECS, and schedule the removal of failed ones.

    Gap: the emulator lists a deployment that was rolled back forever.
    """
    _complete_deployment(cluster, key, expected_deployment_id)
    service = ecs._services.get(key)
    if service is None:
        return
    with ecs.resource_lock("ecs-service", key):
        primary = ecs._primary_deployment(service)
        if not primary or primary["rolloutState"] != "COMPLETED":
            return
        verb = "circuit breaker: rollback to deploymentId" if primary.get("_rolled_back") else ""
        reason = f"ECS deployment {verb} {primary['id']} completed."
        primary["rolloutStateReason"] = " ".join(reason.split())
        add_event(service, f"(deployment {primary['id']}) deployment completed.")
        add_event(service, "has reached a steady state.")
        failed = [each for each in service["deployments"] if each["rolloutState"] == "FAILED"]
    if failed:
        forget = threading.Timer(LISTED, _forget, (service, key, failed))
        forget.daemon = True
        forget.start()


def _forget(service: dict[str, Any], key: str, failed: list[dict[str, Any]]) -> None:
    """Remove failed deployments without running tasks from the list."""
    with ecs.resource_lock("ecs-service", key):
        service["deployments"] = [
            each
            for each in service["deployments"]
            if each not in failed or each["status"] == "PRIMARY" or each.get("runningCount")
        ]


def record_failure(task: dict[str, Any], digest_resolution_failed: bool = False) -> None:
    """Count a failed task, and replace the emulator's messages about the circuit breaker.

    Gap: the emulator does not use the capacity that a failed task of a replaced deployment leaves,
    so the rollout that replaced it never starts its tasks.
    """
    key = _service_key(task)
    _restarts.failed(key)
    _record_failure(task, digest_resolution_failed)
    service = ecs._services.get(key)
    if service is None:
        return
    _rename_failures(service, key)
    primary = ecs._primary_deployment(service)
    if (
        primary
        and primary["rolloutState"] == "IN_PROGRESS"
        and ecs._deployment_for_task(service, task) is not primary
    ):
        ecs._reconcile_service_tasks(key.partition("/")[0], key)


def _rename_failures(service: dict[str, Any], key: str) -> None:
    with ecs.resource_lock("ecs-service", key):
        primary = ecs._primary_deployment(service)
        for each in service["deployments"]:
            if each["rolloutState"] == "FAILED" and each["rolloutStateReason"] != _TASKS_FAILED:
                each["rolloutStateReason"] = _TASKS_FAILED
                _rename_events(service, each, primary)


def _rename_events(service: dict[str, Any], failed: dict[str, Any], primary: Any) -> None:
    name = service["serviceName"]
    rolled_back = primary is not None and primary is not failed
    if rolled_back:
        primary["_rolled_back"] = True
        primary["rolloutStateReason"] = (
            f"ECS deployment circuit breaker: rolling back to deploymentId {primary['id']}."
        )
    for event in service["events"][: 2 if rolled_back else 1]:
        if "rolled back" in event["message"]:
            event["message"] = f"(service {name}) rolling back to deployment {primary['id']}."
        elif "deployment failed" in event["message"]:
            event["message"] = (
                f"(service {name}) (deployment {failed['id']}) deployment failed: tasks failed "
                "to start."
            )


def record_healthy(key: str, task: dict[str, Any]) -> None:
    """Count a healthy task, and reset the restart delay of its service."""
    _restarts.recovered(key)
    _record_healthy(key, task)


def mark_task_stopped(arn: str, task: Any, reason: str, code: str, exit_code: Any = None) -> Any:
    """Stop a task with the reason and the stop code of ECS.

    Gap: the emulator stops the tasks of a replaced or rolled back deployment, and those of a
    smaller or deleted service, like a user, with own texts. ECS names the scheduler (ECS API,
    Task, `stopCode`), and the deployment in the text.
    """
    if code == "EssentialContainerExited":
        reason = "Essential container in task exited"
    elif code == "UserInitiated" and reason in _SCHEDULER_REASONS:
        service = ecs._services.get(_service_key(task)) or {}
        deployment = ecs._primary_deployment(service) or {}
        reason = f"Scaling activity initiated by (deployment {deployment.get('id', '')})"
        code = "ServiceSchedulerInitiated"
    return _mark_task_stopped(arn, task, reason, code, exit_code)


def reconcile_serially(cluster: str, key: str) -> None:
    """Reconcile a service in only one thread at a time.

    Gap: two concurrent reconciliations both start the missing task.
    """
    with _locks.setdefault(key, threading.RLock()):
        _reconcile(cluster, key)


def run_task(data: dict[str, Any]) -> Any:
    """Start tasks; for a service, propagate its tags and add an event for each task.

    Gap: the emulator ignores propagateTags, and adds no event for the start of a task.
    """
    group = data.get("group", "")
    if not group.startswith("service:"):
        return _run_task(data)
    service = ecs._services.get(f"{data['cluster']}/{group.removeprefix('service:')}") or {}
    response = _run_task({**data, "tags": _propagated_tags(service)})
    for task in json.loads(response[2]).get("tasks", []):
        add_event(service, f"has started 1 tasks: (task {task['taskArn'].rpartition('/')[2]}).")
    return response


def add_event(service: dict[str, Any], text: str) -> None:
    """Add an event to a service, with the prefix that ECS uses."""
    if service:
        message = f"(service {service['serviceName']}) {text}"
        event = {"id": ecs.new_uuid(), "createdAt": ecs._iso(), "message": message}
        service["events"].insert(0, event)


def _propagated_tags(service: dict[str, Any]) -> list[dict[str, str]]:
    source = {
        "SERVICE": service.get("serviceArn"),
        "TASK_DEFINITION": service.get("taskDefinition"),
    }.get(service.get("propagateTags", ""))
    return list(ecs._tags.get(source, [])) if source else []


def start_task_worker(task: dict[str, Any], definition: dict[str, Any], *args: Any) -> None:
    """Start a task with the permissions of its execution role, with a delay after failures.

    Gap: the emulator restarts a crashing task at once. The scheduler of ECS throttles it.
    """
    _restarts.wait(_service_key(task), lambda: ecs._task_is_active(task["taskArn"], task))
    require_access(definition)
    _start_task_worker(task, definition, *args)


def _service_key(task: dict[str, Any]) -> str:
    cluster = ecs._cluster_name_from_arn(task.get("clusterArn", ""))
    return f"{cluster}/{task.get('group', '').removeprefix('service:')}"
