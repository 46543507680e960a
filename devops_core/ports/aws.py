"""The ports of AWS services; `devops_core.ports` describes their common errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from devops_core.model.listeners import ListenerRules
from devops_core.model.observed import RunningService, Stack, StoppedTask
from devops_core.settings import TemplateLocation

if TYPE_CHECKING:
    from devops_core.model.scaling import ScalableTarget
    from devops_core.model.secret import Secret
    from devops_core.model.stack_change import ChangeSet
    from devops_core.model.traffic import Traffic


class Stacks(Protocol):
    """CloudFormation."""

    def create(self, request: Mapping[str, Any]) -> str:
        """Create a stack with the input of `render.stack` and return its id."""

    def parameters(self, template: Mapping[str, str]) -> Mapping[str, bool]:
        """Return the parameters of a template and whether each has a default.

        `template` has the member of `render.stack` with the template or its URL.
        """

    def unprotect(self, stack_id: str) -> None:
        """Disable the termination protection of a stack; no error if it cannot be changed."""

    def delete(self, stack_id: str, token: str) -> None:
        """Start the deletion of a stack; no error if it does not exist."""

    def describe(self, name_or_id: str) -> Stack | None:
        """Return a stack, None if it does not exist; an id also finds a deleted stack."""

    def template(self, stack_id: str) -> str:
        """Return the template of a stack as it was sent, before its transforms."""

    def create_change_set(self, request: Mapping[str, Any]) -> None:
        """Create a change set with the input of `render.change_set`; no error if it exists."""

    def change_set(self, stack_id: str, name: str) -> ChangeSet | None:
        """Return a change set with all its changes, None if it does not exist."""

    def change_set_failures(self, stack_id: str, change_set_id: str) -> tuple[str, ...]:
        """Return the failures of resources in the validation of a change set and in its hooks."""

    def execute_change_set(self, stack_id: str, name: str, token: str) -> None:
        """Start the update of a stack by a change set."""

    def delete_change_set(self, stack_id: str, name: str) -> None:
        """Delete a change set; no error if it does not exist."""

    def continue_rollback(self, stack_id: str, token: str) -> None:
        """Continue the rollback of a stack whose status is UPDATE_ROLLBACK_FAILED."""

    def failures(self, stack_id: str, token: str) -> tuple[str, ...]:
        """Return the failures of resources in calls with `token`, the first failure first."""

    def undeleted(self, stack_id: str, token: str) -> tuple[str, ...]:
        """Return the resources that calls with `token` could not delete, with the reasons."""


class Containers(Protocol):
    """ECS."""

    def register(self, request: Mapping[str, Any]) -> str:
        """Register a task definition with the input of `render.task_definition`; return its ARN."""

    def find(self, family: str, operation_id: str) -> str | None:
        """Return the newest task definition of a family with an operation's tag."""

    def registered(self, family: str) -> tuple[str, ...]:
        """Return the active task definitions of a family that operations registered."""

    def blueprint(self, task_definition: str) -> Mapping[str, Any]:
        """Return the registration input of a task definition."""

    def active(self, task_definition: str) -> bool:
        """Return whether a service can be updated to a task definition: its status is ACTIVE."""

    def deregister(self, task_definition: str) -> None:
        """Deregister a task definition; its running tasks continue."""

    def update(
        self,
        cluster: str,
        service: str,
        task_definition: str | None,
        desired_count: int | None,
        start_seconds: int | None = None,
        execute_command: bool | None = None,
    ) -> RunningService:
        """Update the members of a service that are not None, and return the service.

        `start_seconds` is its grace period for health checks, `execute_command` turns ECS Exec on
        or off for new tasks; it starts no deployment by itself (ECS API, UpdateService).
        """

    def services(self, cluster: str, names: Iterable[str]) -> dict[str, RunningService]:
        """Return the existing services by name.

        At most ten names (ECS API, DescribeServices).
        """

    def stopped(
        self, cluster: str, service: str, task_definition: str | None
    ) -> tuple[StoppedTask, ...]:
        """Return the failed tasks of a task definition (None: of any), the newest first.

        Their reasons differ. ECS returns stopped tasks for about an hour (ECS API, DescribeTasks).
        """

    def digests(
        self, cluster: str, service: str, task_definition: str, container: str
    ) -> tuple[str, ...]:
        """Return the different digests of a container's image in the running tasks of a service.

        Only tasks of the task definition count. A task that reports no digest adds an empty text.
        """


class Scaling(Protocol):
    """Application Auto Scaling of ECS services.

    ThrottledError also for a change of the same scalable target at the same time, and for a target
    that was registered so recently that its policies are refused.
    """

    def apply(
        self,
        cluster: str,
        service: str,
        scaling: Mapping[str, int],
        *,
        label: str | None,
        scales_in: bool,
    ) -> None:
        """Register the scalable target of a service with exactly the policies of `scaling`.

        It ends `set_minimum`. `label` is `LoadBalancer.resource_label`, which requests need.
        `scales_in` allows or suspends scale-in.
        """

    def remove(self, cluster: str, service: str) -> None:
        """Deregister a scalable target with its policies; no error if it does not exist."""

    def set_minimum(
        self, cluster: str, service: str, scaling: Mapping[str, int], minimum: int, until: datetime
    ) -> None:
        """Set the smallest number of tasks until a time, which restores that of `scaling`.

        No error if the scalable target does not exist.
        """

    def allow_scale_in(self, cluster: str, service: str, *, allowed: bool) -> None:
        """Allow or suspend scale-in; no error if the scalable target does not exist."""

    def targets(self, cluster: str, services: Sequence[str]) -> dict[str, ScalableTarget]:
        """Return the scalable targets of at most 50 services, by service."""


class Logs(Protocol):
    """CloudWatch Logs."""

    def tail(self, group: str, stream: str) -> tuple[str, ...]:
        """Return the last lines of a log stream, at most `container_log.MAX_LINES`.

        The oldest is the first. The call has a short time limit and no repetition, because an
        operation can end without the lines. RefusedError for a missing group or stream.
        """


class LoadBalancer(Protocol):
    """ALB listeners and target groups."""

    def rules(self, listener: str) -> ListenerRules:
        """Return the rules of a listener."""

    def switch(
        self, listener: str, actions: Sequence[Mapping[str, Any]], weights: Mapping[str, int]
    ) -> None:
        """Distribute the requests of a listener to target groups by weights from 0 to 999.

        `actions` are the present default actions; all except the forward action remain.
        RefusedError if none of them forwards.
        """

    def healthy(self, target_group: str) -> int:
        """Return the number of healthy targets."""

    def resource_label(self, target_group: str) -> str:
        """Return the names of a target group and its load balancer for metrics of its requests.

        RefusedError for a target group without a load balancer.
        """


class Monitoring(Protocol):
    """CloudWatch alarms, and the metrics of target groups."""

    def alarms(self, names: Sequence[str]) -> Mapping[str, str]:
        """Return the states of alarms of any type by name: OK, ALARM, INSUFFICIENT_DATA.

        At most 100 names. An alarm that does not exist is absent.
        """

    def traffic(
        self, listener: str, target_groups: Sequence[str], start: datetime, end: datetime
    ) -> Traffic:
        """Return the whole minutes from `start` to `end` of each target group behind a listener.

        Both times are whole minutes. A minute without data points has no requests. The ARN of the
        listener contains the name of its load balancer.
        """


class ImageRegistry(Protocol):
    """ECR of this account and region."""

    def digest(
        self, repository: str, *, tag: str | None, digest: str | None, expires: bool
    ) -> str | None:
        """Return the digest of an image; ImageNotFoundError names the repository and the tag.

        NotDeployableError if a `tag` and a `digest` identify different images. Without a tag it
        returns `digest` for an image that a pull-through cache imports at its first pull, and None
        without a digest.
        `expires` is whether the repository loses images without a tag, as that of an application
        does (cloudformation/application.yml). Then NotDeployableError refuses such an image.
        """

    def tags(self, repository_arn: str) -> Mapping[str, str] | None:
        """Return the tags of a repository, None if it does not exist."""


class TemplateStore(Protocol):
    """The S3 object that holds the application template."""

    def read(self, location: TemplateLocation, version: str | None) -> tuple[bytes, str | None]:
        """Return a template's bytes and version; `version` None reads the newest."""

    def check(self, bucket: str, location: TemplateLocation) -> Mapping[str, str]:
        """Return the problems of the bucket and of the template, by `bucket` or `template`."""


class SecretTags(Protocol):
    """Tags of secrets and parameters of this account and region."""

    def tags(self, secret: Secret) -> Mapping[str, str]:
        """Return the tags of a secret or a parameter; empty if it does not exist."""
