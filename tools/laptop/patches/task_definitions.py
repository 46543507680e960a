"""Amazon ECS: the containers of a task definition are checked; a list has only one family."""

from __future__ import annotations

from typing import Any

from ministack.services import ecs

from tools.laptop.container_rules import faults

_register_task_definition = ecs._register_task_definition


def apply() -> None:
    """Apply the corrections."""
    ecs._register_task_definition = register_task_definition
    ecs._ACTION_MAP["RegisterTaskDefinition"] = register_task_definition
    ecs._ACTION_MAP["ListTaskDefinitions"] = list_task_definitions


def register_task_definition(data: dict[str, Any]) -> Any:
    """Register a revision; refuse containers that ECS refuses.

    Gap: the emulator checks only that each container has a name and an image.
    """
    for fault in faults(data):
        return ecs.error_response_json("ClientException", fault, 400)
    return _register_task_definition(data)


def list_task_definitions(data: dict[str, Any]) -> Any:
    """List the revisions of a family.

    Gap: the emulator also lists the families that begin with `familyPrefix`. In ECS it is the full
    name of one family (ECS API, ListTaskDefinitions), and its revisions have the order of their
    numbers.
    """
    family, status = data.get("familyPrefix"), data.get("status", "ACTIVE")
    found = [
        each
        for each in ecs._task_defs.values()
        if family in (None, "", each["family"]) and each["status"] == status
    ]
    found.sort(
        key=lambda each: (each["family"], each["revision"]), reverse=data.get("sort") == "DESC"
    )
    first = int(data.get("nextToken") or 0)
    end = first + int(data.get("maxResults") or 100)
    listed: dict[str, Any] = {
        "taskDefinitionArns": [each["taskDefinitionArn"] for each in found[first:end]]
    }
    if end < len(found):
        listed["nextToken"] = str(end)
    return ecs.json_response(listed)
