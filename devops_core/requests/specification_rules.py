"""The rules of a whole specification: its size, and the effective settings of each environment."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from devops_core.model.specification import (
    DEFAULT_ROLLOUT_MINUTES,
    merged_settings,
    named_environments,
    secret_arns,
    secret_fields,
)
from devops_core.naming import SLOTS, environment_name
from devops_core.requests import container_rules, schema
from devops_core.requests.specification import document_of
from devops_core.requests.task_settings import FARGATE_SIZES, MAX_SECRET_BYTES

# UTF-8 bytes of a document: the maximum of a task definition (Amazon ECS service quotas, "Task
# definition size limit"), which contains its largest parts.
MAX_DOCUMENT_BYTES = 64 * 1024
# UTF-8 bytes of the variables, secrets, command, logs and sidecars of an environment as JSON in its
# task definition. ECS does not document how it measures the size; its error message compares bytes
# with 65,536 (awsdocs/amazon-ecs-developer-guide, pull request 149). The other 4 KiB are for
# everything else: cloudformation/application.yml with the longest names needs less than half of
# them.
MAX_SETTINGS_BYTES = 60 * 1024
# The size of the tasks of a new application (cloudformation/application.yml).
DEFAULT_SIZE = (256, 512)


def document_faults(data: Mapping[str, Any], context: Mapping[str, Any]) -> Iterator[schema.Fault]:
    """Yield the faults of a whole specification: its size, and the settings of each environment.

    `sizes` has the present CPU units and memory by environment, for settings without a size.
    `max_vcpus` is the installation's limit of vCPUs for an application, None without a limit.
    """
    document, fixed = document_of(data)
    size = len(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode())
    if size > MAX_DOCUMENT_BYTES:
        yield "body", f"has {size} bytes as a specification: at most {MAX_DOCUMENT_BYTES}"
    sizes = context.get("sizes", {})
    service = _without_faulty_maps(document.get("service", {}))
    # The stack of a new application has the size of `service`, and an override can name a part of
    # the size.
    if not sizes or {"cpu", "memory"} <= service.keys():
        origins = _size_origins({}, service, present=bool(sizes))
        faults = size_faults(service, DEFAULT_SIZE, origins)
        yield from ((f"service.{field}", text) for field, text in faults)
    # The environments of a faulty document, and their settings, are not known.
    if any(data.get(name, {}) is None for name in ("environments", "service", "overrides")):
        return
    port = context.get("fixed", fixed).container_port
    overrides = document.get("overrides", {})
    environments = named_environments(document.get("environments", {}))
    existing = [*map(environment_name, environments), "prod"]
    for name in overrides:
        if name not in existing:
            yield f"overrides.{name}", "is not an environment of the application"
    effective = {}
    for name in existing:
        override = overrides.get(name, {})
        if override is None:
            continue
        override = _without_faulty_maps(override)
        merged = merged_settings({"service": service, "overrides": {name: override}}, name)
        effective[name] = merged
        found = [
            *_size_faults(name, merged, override, service, sizes),
            *_effective_faults(merged),
            *container_rules.container_faults(merged, port),
        ]
        for field, message in found:
            yield owner(name, field, override), message
    yield from _large_settings(effective, overrides)
    yield from _vcpu_faults(effective, sizes, context.get("max_vcpus"))


def _large_settings(
    effective: Mapping[str, Mapping[str, Any]], overrides: Mapping[str, Mapping[str, Any]]
) -> Iterator[schema.Fault]:
    """Yield the faults of settings that do not fit into a task definition, at the largest member.

    `effective` has the effective settings by environment.
    """
    totals: dict[str, list[str]] = {}
    for name, merged in effective.items():
        needed = settings_bytes(merged)
        total = sum(needed.values())
        if total > MAX_SETTINGS_BYTES:
            field = max(needed, key=lambda member: needed[member])
            owner = f"overrides.{name}" if field in overrides.get(name, {}) else "service"
            totals.setdefault(f"{owner}.{field}", []).append(f"{total} in {name}")
    for field, found in totals.items():
        message = (
            "must be smaller: variables, secrets, command and sidecars of an environment need at"
            f" most {MAX_SETTINGS_BYTES} bytes in its task definition, not {', '.join(found)}"
        )
        yield field, message


def _vcpu_faults(
    effective: Mapping[str, Mapping[str, Any]],
    sizes: Mapping[str, tuple[int, int]],
    limit: int | None,
) -> Iterator[schema.Fault]:
    """Yield the fault of environments that need more vCPUs than a limit, None without a limit."""
    vcpus = {}
    for name, merged in effective.items():
        services = len(SLOTS) if name == "prod" else 1
        # Faulty numbers are None.
        cpu = (merged.get("cpu", sizes.get(name, DEFAULT_SIZE)[0]) or 0) / 1024
        vcpus[name] = services * most_tasks(merged) * cpu
    needed = sum(vcpus.values())
    if limit is not None and needed > limit:
        parts = ", ".join(f"{name} {number:g}" for name, number in vcpus.items())
        message = (
            f"must need at most {limit} vCPUs in this installation, not {needed:g}: {parts} (both"
            " slots)"
        )
        yield "service", message


def most_tasks(merged: Mapping[str, Any]) -> int:
    """Return the largest number of tasks of a service; faulty numbers are None."""
    scaling = merged.get("scaling") or {}
    return scaling.get("max") or merged.get("desiredCount", 1) or 0


# The members of an override that can cause a fault of an effective setting.
_CAUSES: Mapping[str, frozenset[str]] = {
    "memory": frozenset({"cpu", "memory"}),
    "startSeconds": frozenset({"startSeconds", "rolloutMinutes"}),
    "secrets": frozenset({"secrets", "sidecars", "logs", "registryCredentials"}),
    "dependsOn": frozenset({"dependsOn", "sidecars"}),
    "logs": frozenset({"logs", "sidecars"}),
    "sidecars": frozenset({"sidecars", "cpu", "memory", "logs"}),
}


def owner(environment: str, field: str, override: Mapping[str, Any]) -> str:
    """Return the path of the member that causes a fault of an effective setting."""
    own = override.keys() & _CAUSES[field.partition(".")[0]]
    return f"overrides.{environment}.{field}" if own else f"service.{field}"


def _without_faulty_maps(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with empty values instead of faulty maps and lists of names."""
    maps = ("environment", "secrets", "unset")
    return {
        name: {} if value is None and name in maps else value for name, value in settings.items()
    }


def _size_origins(
    override: Mapping[str, Any], service: Mapping[str, Any], *, present: bool
) -> dict[str, str]:
    """Return the origins of the parts of a size that the faulty settings do not name.

    These are the settings of the override, or of `service` if the override names no part.
    `present` is whether tasks run with a size.
    """
    members = ("cpu", "memory")
    named = override if override.keys() & set(members) else service
    general = "of the running tasks" if present else "the default"
    return {
        each: f" (from service.{each})" if each in service else f" ({general})"
        for each in members
        if each not in named
    }


def _size_faults(
    name: str,
    merged: Mapping[str, Any],
    override: Mapping[str, Any],
    service: Mapping[str, Any],
    sizes: Mapping[str, tuple[int, int]],
) -> Iterator[schema.Fault]:
    """Yield the fault of the size of an environment with present `sizes`.

    An environment that an update adds has the size of the stack (`kinds.stack_plan`).
    """
    if not sizes or name in sizes or {"cpu", "memory"} <= merged.keys():
        origins = _size_origins(override, service, present=name in sizes)
        size = sizes.get(name, DEFAULT_SIZE)
        yield from size_faults(merged, size, origins)
        yield from container_rules.size_faults(merged, size)


def size_faults(
    settings: Mapping[str, Any], present: tuple[int, int], origins: Mapping[str, str]
) -> Iterator[schema.Fault]:
    """Yield the fault of the memory of settings, for tasks with a present size.

    `origins` has texts for inherited values.
    """
    cpu, memory = settings.get("cpu", present[0]), settings.get("memory", present[1])
    named = settings.keys() & {"cpu", "memory"}
    # A faulty number is None. A custom template can have other sizes.
    sizes = FARGATE_SIZES.get(cpu) if named and memory is not None else None
    if sizes and memory not in sizes:
        allowed = ", ".join(map(str, sizes))
        of_cpu, of_memory = origins.get("cpu", ""), origins.get("memory", "")
        yield (
            "memory",
            f"must be one of {allowed} MiB for {cpu} CPU units{of_cpu}, not {memory}{of_memory}",
        )


def _effective_faults(merged: Mapping[str, Any]) -> Iterator[schema.Fault]:
    """Yield the faults of the effective settings of an environment, except those of its size."""
    start, minutes = (
        merged.get("startSeconds"),
        merged.get("rolloutMinutes", DEFAULT_ROLLOUT_MINUTES),
    )
    # Faulty numbers are None.
    if start is not None and minutes is not None and start >= minutes * 60:
        yield "startSeconds", f"must be shorter than rolloutMinutes: less than {minutes * 60}"
    size = len(",".join(secret_arns(secret_fields(merged).values())))
    if size > MAX_SECRET_BYTES:
        yield (
            "secrets",
            (
                f"must have ARNs of at most {MAX_SECRET_BYTES} bytes together for an environment,"
                f" not {size}"
            ),
        )


def settings_bytes(merged: Mapping[str, Any]) -> dict[str, int]:
    """Return the bytes that effective settings need in a task definition, by member.

    Faulty values are None, and need nothing.
    """
    pairs = {
        member: [
            {"name": name, key: value}
            for name, value in merged[member].items()
            if value is not None
        ]
        for member, key in (("environment", "value"), ("secrets", "valueFrom"))
    }
    members = {
        **pairs,
        "command": merged.get("command") or [],
        **{name: merged[name] for name in ("logs", "sidecars") if merged.get(name)},
    }
    return {
        name: len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
        for name, value in members.items()
    }
