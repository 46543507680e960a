"""The translation of a task definition without its containers: size, role, storage, platform."""

from __future__ import annotations

import re
from typing import Any

from devops_cli.translation import limits, members, task_members
from devops_cli.translation.facts import SERVICE, Note, Object

_ARCHITECTURE = "X86_64"
# ECS API, RegisterTaskDefinition: `cpu` and `memory` can have units.
_WITH_UNIT = re.compile(r"([0-9]*\.?[0-9]+)\s*(vcpu|gb)", re.IGNORECASE)
_UNIT = 1024


def task(definition: Object, notes: list[Note]) -> dict[str, Any]:
    """Return the settings of the task; its notes are added to `notes`."""
    notes += members.notes(task_members.TASK_DEFINITION, definition, "", SERVICE)
    platform = definition.get("runtimePlatform", {})
    notes += members.notes(task_members.RUNTIME_PLATFORM, platform, "runtimePlatform", SERVICE)
    cpu, memory = _size(definition, notes)
    found = {
        "architecture": platform.get("cpuArchitecture", _ARCHITECTURE),
        "cpu": cpu,
        "memory": memory,
        "taskRole": definition.get("taskRoleArn") or None,
        "ephemeralStorageGiB": definition.get("ephemeralStorage", {}).get("sizeInGiB"),
    }
    if found["taskRole"]:
        remedy = (
            "add it to taskroles in parameters.yml, with the team (docs/install.md). A role that"
            " can do too much in dev belongs only to overrides.prod"
        )
        reason = "the installation must allow this role"
        notes.append(Note("taskRoleArn", (*SERVICE, "taskRole"), reason, remedy))
    return {name: value for name, value in found.items() if value is not None}


def _size(definition: Object, notes: list[Note]) -> tuple[int, int]:
    """Return the CPU units and the MiB of the smallest size of Fargate that has enough of both."""
    containers = definition["containerDefinitions"]
    cpu = _number(definition.get("cpu")) or sum(each.get("cpu", 0) for each in containers)
    memory = _number(definition.get("memory")) or sum(
        each.get("memory") or each.get("memoryReservation", 0) for each in containers
    )
    offered = [(units, mib) for units, all_ in limits.sizes().items() for mib in all_]
    if (cpu, memory) in offered:
        return cpu, memory
    enough = [each for each in offered if each[0] >= cpu and each[1] >= memory]
    chosen = "next larger" if enough else "largest"
    needed = f"{cpu} CPU units and {memory} MiB"
    origin = "of the task" if "cpu" in definition else "of all containers"
    notes.append(
        Note(
            "cpu, memory",
            (*SERVICE, "cpu"),
            f"Fargate does not offer {needed} {origin}; the file has the {chosen} size",
            "measure the use of CPU and memory, and choose the size",
        )
    )
    return (enough or offered[-1:])[0]


def _number(text: Any) -> int:
    """Return CPU units or MiB, 0 without a valid number."""
    words = str(text or 0).strip()
    if found := _WITH_UNIT.fullmatch(words):
        return int(float(found[1]) * _UNIT)
    return int(words) if re.fullmatch("[0-9]{1,9}", words) else 0
