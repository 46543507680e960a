"""The settings of an application's services at its creation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

# ECS's circuit breaker ends nearly every failed rollout before this limit.
DEFAULT_ROLLOUT_MINUTES = 30


class ServiceOverride(NamedTuple):
    """The settings of the tasks of one environment. `secrets` are in addition to the general ones.

    A secret replaces the general one of the same variable.
    """

    secrets: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSpec:
    """Settings of an application's tasks: port, health path, CPU units, memory in MiB, count.

    `start_seconds` is the time after a task's start in which ECS ignores failed health checks.
    `architecture` is the one of the images. `rollout_minutes` is the time limit of a rollout.
    `warmup` lists the paths that a swap fetches from the idle slot before the switch.
    """

    container_port: int = 80
    health_check_path: str = "/health"
    cpu: int = 256
    memory: int = 512
    architecture: str = "X86_64"
    desired_count: int = 1
    start_seconds: int = 60
    rollout_minutes: int = DEFAULT_ROLLOUT_MINUTES
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    warmup: tuple[str, ...] = ()

    def overridden(self, override: ServiceOverride) -> ServiceSpec:
        """Return the effective settings of an environment."""
        return replace(self, secrets={**self.secrets, **override.secrets})

    @property
    def needs_configuring(self) -> bool:
        """Whether the create must change the services after the stack exists.

        A CloudFormation parameter cannot hold a map. The template sets no task count, so that a
        later stack update does not undo the scaling of a service.
        """
        return bool(self.environment or self.secrets or self.desired_count != 1)


def secret_arns(values: Iterable[str]) -> list[str]:
    """Return the sorted ARNs of the secrets themselves, each once.

    ECS allows `:json-key:stage:version` after the ARN of a Secrets Manager secret, IAM does not.
    """
    return sorted({secret_arn(value) for value in values})


def secret_arn(value_from: str) -> str:
    """Return the ARN of a secret, without a key, a stage and a version."""
    parts = value_from.split(":")
    return ":".join(parts[:7]) if parts[2] == "secretsmanager" else value_from
