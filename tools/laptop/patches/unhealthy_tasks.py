"""Amazon ECS: a service replaces a task that fails the health checks of its load balancer."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from ministack.services import ecs

from tools.laptop.patches.rollouts import is_running, unhealthy_group

GRACE = 0.5  # seconds that a task may be unhealthy; minutes on AWS
INTERVAL = 0.3  # seconds between two checks of all tasks
_LOG = logging.getLogger("laptop")


def apply() -> None:
    """Start a thread that watches the tasks of all services.

    Gap: the emulator never stops a task that fails the health checks of its load balancer.
    """
    threading.Thread(target=_watch, daemon=True, name="unhealthy-tasks").start()


def _watch() -> None:
    since: dict[str, float] = {}
    pause = threading.Event()
    while not pause.wait(INTERVAL):
        try:
            since = _check_tasks(since, time.monotonic())
        except Exception:  # noqa: BLE001 - any error of the emulator; the watch must continue
            _LOG.exception("the check for unhealthy tasks failed")


def _check_tasks(since: dict[str, float], now: float) -> dict[str, float]:
    """Replace the tasks that have been unhealthy for GRACE seconds.

    `since` and the result are the times (monotonic, s) since which tasks are unhealthy, by ARN.
    """
    still: dict[str, float] = {}
    for (account, region, arn), task in ecs._tasks.all_items():
        if not task.get("group", "").startswith("service:") or task["lastStatus"] != "RUNNING":
            continue
        with ecs.request_scope(account, region):
            service = ecs._services.get(_key(task))
            group = service and is_running(task) and unhealthy_group(service, task)
            if not service or not group:
                continue
            still[arn] = since.get(arn, now)
            if now - still[arn] >= GRACE:
                _replace(service, task, group)
    return still


def _replace(service: dict[str, Any], task: dict[str, Any], group_arn: str) -> None:
    reason = f"Task failed ELB health checks in (target-group {group_arn})"
    if not ecs._mark_task_stopped(task["taskArn"], task, reason, "ServiceSchedulerInitiated"):
        return
    name, task_id = service["serviceName"], task["taskArn"].rsplit("/", 1)[-1]
    message = (
        f"(service {name}) (task {task_id}) failed ELB health checks in (target-group {group_arn})"
    )
    event = {"id": ecs.new_uuid(), "createdAt": ecs._iso(), "message": message}
    service["events"].insert(0, event)
    ecs._cleanup_task_resources(task, ecs._get_docker())
    ecs._record_service_task_failure(task)


def _key(task: dict[str, Any]) -> str:
    cluster = ecs._cluster_name_from_arn(task["clusterArn"])
    return f"{cluster}/{task['group'].removeprefix('service:')}"
