"""What a create asks of an application's services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSpec:
    """How an application's tasks run: port, health path, CPU units, memory in MiB, count.

    `warmup` are paths that are fetched from blue before it goes live.
    """

    container_port: int = 80
    health_check_path: str = "/health"
    cpu: int = 256
    memory: int = 512
    desired_count: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    warmup: tuple[str, ...] = ()

    @property
    def needs_configuring(self) -> bool:
        """Whether the services must be changed after the stack has made them.

        A CloudFormation parameter cannot hold a map, and the template leaves the task count to
        ECS (one), so that a later stack update does not undo a scaled service.
        """
        return bool(self.environment or self.secrets or self.desired_count != 1)
