"""Amazon ECS: a task whose process has ended is marked as stopped at once."""

from __future__ import annotations

from typing import Any

from ministack.services import ecs

_watch_task_lifecycle = ecs._watch_task_lifecycle


def apply() -> None:
    """Wait for the end of every task process; only for tasks without a Docker engine."""
    ecs._watch_task_lifecycle = watch_task_and_wait


def watch_task_and_wait(task: dict[str, Any], engine: Any, account: str, region: str) -> None:
    """Watch a task, and also wait for the end of each of its containers.

    Gap: the emulator polls ten times a second, and until then reports an ended task as running. The
    agent of ECS receives an event from its container engine.
    """

    def wait(container: Any) -> None:
        container.wait()
        with ecs.request_scope(account, region):
            ecs._maybe_mark_stopped(task, engine)

    for each in list(task.get("_docker_ids") or []):
        container = engine.containers.get(each)
        ecs.spawn_background(lambda it=container: wait(it), thread_name="task-end")
    _watch_task_lifecycle(task, engine, account, region)
