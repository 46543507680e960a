"""What AWS was seen to be, as far as an operation needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A CloudFormation stack as DescribeStacks gives it; `operation` is its operation tag."""

    id: str
    status: str
    operation: str | None = None
    reason: str | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One deployment of an ECS service.

    `state` is its rolloutState, `running` the number of its tasks that run, `updated_at` when ECS
    changed it last.
    """

    task_definition: str
    primary: bool
    state: str
    running: int = 0
    reason: str = ""
    failed_tasks: int = 0
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningService:
    """An ECS service as DescribeServices gives it.

    `stopped` says why tasks of a rollout that fails have stopped, where that was asked for;
    `messages` are ECS's own about the service, each with its time, the newest first.
    """

    name: str
    active: bool
    desired: int
    running: int
    pending: int
    deployments: tuple[Deployment, ...]
    stopped: tuple[str, ...] = ()
    messages: tuple[tuple[datetime, str], ...] = ()

    @property
    def primary(self) -> Deployment | None:
        """The deployment that ECS is moving the service to, or has."""
        return next((deployment for deployment in self.deployments if deployment.primary), None)

    def has(self, task_definition: str) -> bool:
        """Whether ECS lists a deployment of a task definition."""
        return any(each.task_definition == task_definition for each in self.deployments)

    def fails(self, task_definition: str) -> bool:
        """Whether the rollout of a task definition has failed, or tasks of it have."""
        primary = self.primary
        if primary is None or primary.task_definition != task_definition:
            return True
        return primary.state == "FAILED" or primary.failed_tasks > 0

    def failed(self, task_definition: str) -> Deployment | None:
        """Return the failed deployment of a task definition, while ECS still lists it."""
        return next(
            (
                deployment
                for deployment in self.deployments
                if deployment.task_definition == task_definition and deployment.state == "FAILED"
            ),
            None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What was seen in AWS, only as far as the operation needs it.

    `services` by service name; `registered` task definitions found by the operation's tag, by
    service name; `production` and `test` are the slots that the listeners forward to, `healthy`
    the number of healthy targets by service name. `leftovers` are the task definitions that are
    left of a stack that is gone, by service name. `template` are the bytes of the application
    template, where they were just read. `looked` is False right after the claim, when
    nothing can have been done yet.
    """

    looked: bool = True
    stack: Stack | None = None
    stack_failures: tuple[str, ...] = ()
    services: Mapping[str, RunningService] = field(default_factory=dict)
    registered: Mapping[str, str] = field(default_factory=dict)
    blueprints: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    production: str | None = None
    test: str | None = None
    healthy: Mapping[str, int] = field(default_factory=dict)
    leftovers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    template: bytes | None = None
