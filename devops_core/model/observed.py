"""The observed state of AWS: stacks, ECS services, listeners."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from devops_core.model.swap_policy import ALL

if TYPE_CHECKING:
    from devops_core.model.container_log import ContainerLog
    from devops_core.model.listeners import Listener, ListenerRules
    from devops_core.model.operation import Operation
    from devops_core.model.scaling import ScalableTarget
    from devops_core.model.specification import Specification
    from devops_core.model.stack_change import ChangeSet, StackChange
    from devops_core.model.template import Template
    from devops_core.model.traffic import Monitored
    from devops_core.naming import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A CloudFormation stack of DescribeStacks; `operation` is the value of its operation tag."""

    id: str
    status: str
    operation: str | None = None
    reason: str | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One deployment of an ECS service.

    `state` is its rolloutState, `running` its number of running tasks, `updated_at` the time of
    its last change.
    """

    task_definition: str
    primary: bool
    state: str
    running: int = 0
    reason: str = ""
    failed_tasks: int = 0
    updated_at: datetime | None = None


class StoppedTask(NamedTuple):
    """A stopped task of ECS: the reason, and the containers that failed; all if it did not start.

    `started` is whether its containers were started, so that they can have logs.
    """

    id: str
    task_definition: str
    reason: str
    failed: tuple[str, ...] = ()
    started: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningService:
    """An ECS service of DescribeServices.

    `stopped` has the stop reasons of the tasks of a failing rollout, if they were read, and `log`
    the log of the container that failed last. `messages` are the service events of ECS with their
    times, the newest first. `containers` has the name of the container behind each target group.
    `start_seconds` is its grace period for health checks, `execute_command` whether ECS Exec is on.
    """

    name: str
    active: bool
    desired: int
    running: int
    pending: int
    deployments: tuple[Deployment, ...]
    stopped: tuple[str, ...] = ()
    log: ContainerLog | None = None
    messages: tuple[tuple[datetime, str], ...] = ()
    containers: Mapping[str, str] = field(default_factory=dict)
    start_seconds: int = 0
    execute_command: bool = False

    @property
    def primary(self) -> Deployment | None:
        """The deployment that ECS rolls out or has rolled out."""
        return next((deployment for deployment in self.deployments if deployment.primary), None)

    def has(self, task_definition: str) -> bool:
        """Return whether ECS lists a deployment of a task definition."""
        return any(each.task_definition == task_definition for each in self.deployments)

    def fails(self, task_definition: str) -> bool:
        """Return whether the rollout of a task definition, or one of its tasks, has failed."""
        return self.ended(task_definition) or any(
            each.primary and each.failed_tasks > 0 for each in self.deployments
        )

    def ended(self, task_definition: str) -> bool:
        """Return whether the rollout of a task definition has failed: ECS does not continue it."""
        primary = self.primary
        return (
            primary is None
            or primary.task_definition != task_definition
            or primary.state == "FAILED"
        )

    def completed(self, task_definition: str) -> bool:
        """Return whether the rollout of a task definition is complete with all tasks."""
        primary = self.primary
        return (
            primary is not None
            and primary.task_definition == task_definition
            and primary.state == "COMPLETED"
            and self.running >= self.desired
        )

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
    """The observed state of AWS, limited to the parts that an operation needs.

    `services` has the observed services by name, None for a service that does not exist; an absent
    name was not observed. `registered` has the task definitions with the operation's tag by
    service, `digests` the different digests that the running tasks of a complete rollout report
    (`Containers.digests`), `previous_active` whether the task definition to return to is ACTIVE by
    service, and `blueprints` the registration inputs of task definitions by service. `production`
    and `test` are the slots behind the listeners, `listeners` the rules of the observed listeners,
    `listener_problems` the reasons of the listeners against a promote and a swap, `healthy` the
    number of healthy targets by service.
    `orphans` has the task definitions that remain after the stack was deleted, by service.
    `image` is the requested image with its digest, `template` and `template_content` are the
    application template and its bytes, if they were read. `containers` has the name of the
    application's container by service, `contract_faults` the faults of a complete stack. `logs`
    has the logs of containers that failed during the creation of a stack, by service.
    `change_set` is the one of the operation, None if it does not exist, `rollback_failures` are
    those of a continued rollback of the stack, `undeleted` the resources that an update or its
    rollback could not delete. `specifications` has
    revisions that are not the present one, by number, `task_roles` the patterns of the roles that
    the team of the application can give to its tasks. `sidecar_digests` has the digests of images
    that a new revision names, by their references. `scalable_targets` has the observed ones by
    service. `secret_keys` are the customer managed keys of secrets that the installation has,
    `ecs_exec` is whether its rollouts turn on ECS Exec. `upgrade` is the change of the stack to the
    newest template, None for no change. `shares` has the percentage of the customers' requests that
    each slot receives, if the production listener forwards to both. `monitored` is the result of a
    check of CloudWatch, None without a check. `problem` is the reason why the services of a
    swap that customers use, or their targets, could not be read. `holder` is the swap that holds
    the rows of production.
    """

    stack: Stack | None = None
    stack_failures: tuple[str, ...] = ()
    rollback_failures: tuple[str, ...] = ()
    undeleted: tuple[str, ...] = ()
    change_set: ChangeSet | None = None
    services: Mapping[str, RunningService | None] = field(default_factory=dict)
    registered: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    previous_active: Mapping[str, bool] = field(default_factory=dict)
    blueprints: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    production: str | None = None
    test: str | None = None
    listeners: Mapping[Listener, ListenerRules] = field(default_factory=dict)
    listener_problems: tuple[str, ...] = ()
    healthy: Mapping[str, int] = field(default_factory=dict)
    orphans: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    image: Image | None = None
    template: Template | None = None
    template_content: bytes | None = None
    containers: Mapping[str, str] = field(default_factory=dict)
    contract_faults: tuple[str, ...] = ()
    logs: Mapping[str, ContainerLog] = field(default_factory=dict)
    specifications: Mapping[int, Specification] = field(default_factory=dict)
    task_roles: tuple[str, ...] = ()
    sidecar_digests: Mapping[str, str] = field(default_factory=dict)
    scalable_targets: Mapping[str, ScalableTarget] = field(default_factory=dict)
    secret_keys: tuple[str, ...] = ()
    ecs_exec: bool = False
    upgrade: StackChange | None = None
    shares: Mapping[str, int | None] = field(default_factory=dict)
    monitored: Monitored | None = None
    problem: str = ""
    holder: Operation | None = None

    def share_of(self, slot: str) -> int | None:
        """Return the percentage of the customers' requests that a slot receives.

        None if the production listener does not forward to the slots alone, by whole percentages.
        """
        if self.production is None:
            return self.shares.get(slot)
        return ALL if self.production == slot else 0

    def require_image(self) -> Image:
        """Return the observed image; ValueError without one."""
        if self.image is None:
            raise ValueError("the image was not observed")
        return self.image
