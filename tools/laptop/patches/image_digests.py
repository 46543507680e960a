"""Amazon ECS: every container of a task reports the digest of its image."""

from __future__ import annotations

from typing import Any

from ministack.services import ecs

_attach_started_container = ecs._attach_started_container


def apply() -> None:
    """Apply the correction; only for tasks without a Docker engine."""
    ecs._attach_started_container = attach_started_container


def attach_started_container(task: Any, container: Any, index: int, *further: Any) -> bool:
    """Record a started container, and the digest of its image.

    Gap: the emulator reports only digests that a deployment of a service has resolved. ECS reports
    the one of each image that it has pulled (ECS API, Container, `imageDigest`).
    """
    attached: bool = _attach_started_container(task, container, index, *further)
    if attached:
        with ecs.resource_lock("ecs-task", task["taskArn"]):
            task["containers"][index]["imageDigest"] = container.image_digest
    return attached
