"""EventBridge events that trigger the reconcile function."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# arn:...:stack/<name>/<id>, arn:...:service/<cluster>/<service>, arn:...:cluster/<name>
_RESOURCE = re.compile(
    r"arn:[^:]+:(?:cloudformation|ecs):[^:]*:\d*:(?:stack|service|cluster)/([^/]+)"
)


def changed_application(event: Mapping[str, Any]) -> str | None:
    """Return the application of an event, None for the schedule and for unknown events.

    Stack and cluster have the application's name. Sources: EventBridge event references of
    CloudFormation ("Stack Status Change": `detail.stack-id`) and Amazon ECS ("Deployment State
    Change": `resources`, "Task State Change": `detail.clusterArn`).
    """
    detail = event.get("detail") or {}
    arns = [detail.get("stack-id"), detail.get("clusterArn"), *(event.get("resources") or [])]
    found = (_RESOURCE.match(arn) for arn in arns if isinstance(arn, str))
    return next((match[1] for match in found if match), None)


def is_drift_check(event: Mapping[str, Any]) -> bool:
    """Return whether the schedule of the drift check sent the event (serverless.yml, its input)."""
    return event.get("detail-type") == "Drift check"


def is_stopped_task(event: Mapping[str, Any]) -> bool:
    """Return whether a task stopped. It can concern an operation, but it is not a sign of drift."""
    return event.get("detail-type") == "ECS Task State Change"
