"""What an EventBridge event is about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# arn:...:stack/<name>/<id>, arn:...:service/<cluster>/<service>, arn:...:cluster/<name>
_RESOURCE = re.compile(
    r"arn:[^:]+:(?:cloudformation|ecs):[^:]*:\d*:(?:stack|service|cluster)/([^/]+)"
)


def application_of(event: Mapping[str, Any]) -> str | None:
    """Return the application's name, or None for the schedule and for what is not understood.

    Stack and cluster have the application's name. Sources: EventBridge event references of
    CloudFormation ("Stack Status Change": `detail.stack-id`) and Amazon ECS ("Deployment State
    Change": `resources`, "Task State Change": `detail.clusterArn`).
    """
    detail = event.get("detail") or {}
    arns = [detail.get("stack-id"), detail.get("clusterArn"), *(event.get("resources") or [])]
    found = (_RESOURCE.match(arn) for arn in arns if isinstance(arn, str))
    return next((match[1] for match in found if match), None)


def is_drift_check(event: Mapping[str, Any]) -> bool:
    """Whether it is the schedule that looks for drift (serverless.yml gives it this input)."""
    return event.get("detail-type") == "Drift check"
