"""Objects that exist once in the emulator's process: container engine, registry and clock.

Only code that runs in the emulator's process may import this module.
"""

from __future__ import annotations

import os
from functools import cache

from ministack.services import ecr, ecs

from tools.laptop.addresses import Addresses
from tools.laptop.clock import Clock
from tools.laptop.containers import Engine
from tools.laptop.patches.images import import_upstream
from tools.laptop.registry import Registry

DEFAULT_PORT = 80  # port of a container whose definition has no port mapping


@cache
def engine() -> Engine:
    """Return the engine that runs the tasks of this emulator."""
    return Engine(Addresses(int(os.environ["GATEWAY_PORT"])), container_port)


@cache
def registry() -> Registry:
    """Return the registry that resolves image references."""
    return Registry(ecr, import_upstream)


@cache
def clock() -> Clock:
    """Return the clock of this laptop cloud."""
    return Clock.from_environment(os.environ)


def container_port(task_arn: str, container: str) -> int:
    """Return the port of a container, from its task definition.

    MiniStack does not pass it to Docker, because tasks with awsvpc have no port bindings.
    """
    _, _, _, region, account, _ = task_arn.split(":", 5)
    task = ecs._tasks.get_scoped(account, region, task_arn) or {}
    key = task.get("taskDefinitionArn", "").rsplit("/", 1)[-1]
    definition = ecs._task_defs.get_scoped(account, region, key) or {}
    for each in definition.get("containerDefinitions", []):
        if each["name"] == container and each.get("portMappings"):
            return int(each["portMappings"][0]["containerPort"])
    return DEFAULT_PORT
