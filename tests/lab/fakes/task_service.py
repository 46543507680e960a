"""One ECS service and its rollouts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from devops_core.model.observed import Deployment, RunningService

# The number of failed tasks before the circuit breaker acts (ECS Developer Guide, "How the Amazon
# ECS deployment circuit breaker detects failures": at least three).
_ATTEMPTS = 3

OK, CRASH, HANG = "ok", "crash", "hang"


@dataclass(slots=True)
class FakeDeployment:
    """One deployment; for a rollback, `back_to` is the id of the deployment that it restores."""

    id: str
    task_definition: str
    updated_at: datetime
    primary: bool = True
    state: str = "IN_PROGRESS"
    reason: str = ""
    failed_tasks: int = 0
    started: bool = False
    back_to: str | None = None


@dataclass(slots=True)
class FakeService:
    """An ECS service behind a target group.

    The tasks of a `sick` service have no healthy target. Without `starts`, its stopped
    tasks have failed before the start of their containers. A deleted service is not `active`, but
    ECS still describes it. `stopped` has the reason of stopped tasks by task definition, `failed`
    their containers with another exit code than 0; None for all, because the signal that ends the
    others is an exit code too. Like a new service of CloudFormation, it has one task and a complete
    rollout.
    """

    name: str
    target_group: str
    container: str = "app"
    desired: int = 1
    running: int = 1
    active: bool = True
    sick: bool = False
    starts: bool = True
    deployments: list[FakeDeployment] = field(default_factory=list)
    stopped: dict[str, str] = field(default_factory=dict)
    failed: tuple[str, ...] | None = None
    messages: list[tuple[datetime, str]] = field(default_factory=list)
    made: int = 0
    start_seconds: int = 60
    execute_command: bool = False

    @property
    def primary(self) -> FakeDeployment:
        """The primary deployment."""
        return next(deployment for deployment in self.deployments if deployment.primary)

    @property
    def healthy(self) -> int:
        """The number of healthy targets behind its target group."""
        return 0 if self.sick else self.running

    def deploy(self, task_definition: str, now: datetime, back_to: str | None = None) -> None:
        """Start a deployment, unless the service has this task definition."""
        if self.deployments and self.primary.task_definition == task_definition:
            return
        self.made += 1
        before = [each for each in self.deployments if each.state != "FAILED" or back_to]
        for deployment in before:
            deployment.primary = False
        reason = (
            f"ECS deployment circuit breaker: rolling back to deploymentId {back_to}."
            if back_to
            else f"ECS deployment ecs-svc/{self.made:019d} in progress."
        )
        new = FakeDeployment(
            f"ecs-svc/{self.made:019d}", task_definition, now, reason=reason, back_to=back_to
        )
        self.deployments = [new, *before]
        self._add_message(now, f"has started {self.desired} tasks.")

    def complete(self, now: datetime) -> None:
        """Complete the rollout: all tasks belong to the primary deployment."""
        done = self.primary
        done.state, done.updated_at = "COMPLETED", now
        done.reason = (
            f"ECS deployment circuit breaker: rollback to deploymentId {done.back_to} completed."
            if done.back_to
            else f"ECS deployment {done.id} completed."
        )
        self.deployments, self.running = [done], self.desired
        self._add_message(now, "has reached a steady state.")

    def advance(self, behaviour: str, now: datetime) -> None:
        """Advance by one phase, depending on the behaviour of the primary deployment's image."""
        primary = self.primary
        if primary.state != "IN_PROGRESS":
            self.running = self.desired
        elif behaviour == CRASH:
            self._crash(primary, now)
        elif behaviour == OK and primary.started:
            self.complete(now)
        elif behaviour == OK:
            primary.started = True

    def _crash(self, primary: FakeDeployment, now: datetime) -> None:
        primary.failed_tasks += 1
        self.stopped[primary.task_definition] = (
            "Essential container in task exited (container app: exit code 1)"
        )
        if primary.failed_tasks < _ATTEMPTS:
            return
        primary.state, primary.updated_at = "FAILED", now
        primary.reason = "ECS deployment circuit breaker: tasks failed to start."
        completed = [each for each in self.deployments if each.state == "COMPLETED"]
        if completed:
            self.deploy(completed[0].task_definition, now, back_to=completed[0].id)

    def _add_message(self, now: datetime, text: str) -> None:
        self.messages.insert(0, (now, f"(service {self.name}) {text}"))

    def shown(self) -> RunningService:
        """Return the service in the form of DescribeServices."""
        return RunningService(
            name=self.name,
            active=self.active,
            desired=self.desired,
            running=self.running,
            pending=max(0, self.desired - self.running),
            deployments=tuple(
                Deployment(
                    task_definition=each.task_definition,
                    primary=each.primary,
                    state=each.state,
                    reason=each.reason,
                    running=self.running if each.state == "COMPLETED" else 0,
                    failed_tasks=each.failed_tasks,
                    updated_at=each.updated_at,
                )
                for each in self.deployments
            ),
            messages=tuple(self.messages[:5]),
            containers={self.target_group: self.container},
            start_seconds=self.start_seconds,
            execute_command=self.execute_command,
        )
