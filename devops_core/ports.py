"""The ports: interfaces to AWS and to the clock. The adapters implement them, tests pass fakes.

Every method can raise `ThrottledError`, `UnreachableError` (the effect is unknown),
`AccessDeniedError` or `RefusedError`. The docstring of a method names its further errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from devops_core.model.claims import Claim, Closing, IdempotencyRecord
from devops_core.model.inventory import Inventory
from devops_core.model.listeners import ListenerRules
from devops_core.model.observed import RunningService, Stack, StoppedTask
from devops_core.model.operation import Event, Operation
from devops_core.settings import Settings, TemplateLocation

if TYPE_CHECKING:
    from devops_core.model.listing import EventSearch, OpenOperation, Page
    from devops_core.model.scaling import ScalableTarget
    from devops_core.model.secret import Secret
    from devops_core.model.specification import Revision
    from devops_core.model.stack_change import ChangeSet
    from devops_core.model.traffic import Traffic
    from devops_core.naming import Environment
    from devops_core.notification_ports import Notifications, Outbox

T = TypeVar("T")


class Tables(Protocol):
    """Inventory rows, specifications, operation records, events."""

    def inventory(
        self, application: str, key: str | None = None, revision: int | None = None
    ) -> tuple[Inventory, IdempotencyRecord | None]:
        """Return all rows of an application and the record of an Idempotency-Key; consistent.

        The inventory has a revision of the specification, None means the present one. Without this
        revision it has no specification.
        """

    def reserved(self, application: str) -> str | None:
        """Return the application with a name, in any case, or None; consistent."""

    def claim(self, claim: Claim) -> None:
        """Accept an operation, all or nothing.

        Raises BusyError (names the holder), AlreadyExistsError, ChangedMeanwhileError for a row of
        another revision, AlreadyClaimedError for a used Idempotency-Key.
        """

    def revisions(self, application: str, numbers: Sequence[int]) -> Mapping[int, Revision]:
        """Return stored revisions of a specification by number, at most 100; consistent."""

    def remove_revisions(self, application: str, operation_id: str) -> None:
        """Delete all stored revisions of a specification whose record an operation holds.

        An operation that does not hold the record removes nothing.
        """

    def operation(self, application: str, operation_id: str) -> Operation | None:
        """Return the record of an operation, or None; consistent."""

    def save(
        self,
        operation: Operation,
        events: Sequence[Event] = (),
        idempotency: IdempotencyRecord | None = None,
    ) -> Operation:
        """Write an operation, new events and a used key, and return it with its new revision.

        Raises LostClaimError if the record has another revision than `operation`,
        AlreadyClaimedError for a used Idempotency-Key.
        """

    def close(self, closing: Closing) -> None:
        """End an operation, all or nothing; LostClaimError if its record has another revision."""

    def correct(self, closing: Closing) -> None:
        """Write an operation that has ended already, all or nothing.

        Raises ChangedMeanwhileError if a `kept` row has another revision.
        """

    def count_refusal(self, event: Event) -> None:
        """Write the event of a refused call, or add its count to the stored event.

        The stored event keeps its first time, and gets the last time and the reason of this call.
        """

    def applications(self, limit: int) -> list[str]:
        """Return the next applications of the drift check, at most `limit`.

        Each call continues after the last one; after the last application it starts again.
        """

    def open_operations(self, after: str | None = None) -> Page[OpenOperation]:
        """Return a page of the open operations, the oldest first; eventually consistent.

        `after` is `Page.next` of the previous page, the position of its last operation.
        """

    def sweep_position(self) -> str | None:
        """Return the position at which the last run of the schedule stopped, None for the start.

        Any text can be stored, also a position of an operation that no longer exists.
        """

    def save_sweep_position(self, position: str) -> None:
        """Write the position after which the next run of the schedule continues."""

    def begin_wait(self) -> tuple[str, int]:
        """Count a call that begins to wait; return its window and the number of waiting calls.

        The number includes this call, and calls that have crashed within the last minute.
        """

    def end_wait(self, window: str) -> None:
        """Count the end of a waiting call that began in a window."""

    def check(self) -> Mapping[str, str]:
        """Return the problem of each unreadable table by table name."""


class Listing(Protocol):
    """Lists in pages, by consistent reads.

    `limit` is the number of items of a page, at most 100. `after` is `Page.next` of the previous
    page; InvalidRequestError if it belongs to another list.
    """

    def applications(self, team: str | None, after: str | None, limit: int) -> Page[str]:
        """Return the names of all applications, or of a team's, in alphabetical order."""

    def inventories(
        self, applications: Sequence[str], environments: Sequence[Environment]
    ) -> list[Inventory]:
        """Return the rows of applications in the given environments, in the given order."""

    def operations(self, application: str, after: str | None, limit: int) -> Page[Operation]:
        """Return the operations of an application, the newest first."""

    def events(self, search: EventSearch, after: str | None, limit: int) -> Page[Event]:
        """Return events, the newest first."""


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


class Web(Protocol):
    """Pages of the applications."""

    def get(self, url: str) -> int:
        """Return the HTTP status of a page; UnreachableError without a response in time."""


class Clock(Protocol):
    """The time."""

    def now(self) -> datetime:
        """Return the present time, aware and in UTC."""

    def wait(self, seconds: float) -> None:
        """Wait."""


class Cloud(Protocol):
    """All ports together. The first access to a port creates its adapter."""

    @property
    def settings(self) -> Settings: ...  # noqa: D102
    @property
    def clock(self) -> Clock: ...  # noqa: D102
    @property
    def tables(self) -> Tables: ...  # noqa: D102
    @property
    def listing(self) -> Listing: ...  # noqa: D102
    @property
    def outbox(self) -> Outbox: ...  # noqa: D102
    @property
    def notifications(self) -> Notifications: ...  # noqa: D102
    @property
    def stacks(self) -> Stacks: ...  # noqa: D102
    @property
    def containers(self) -> Containers: ...  # noqa: D102
    @property
    def scaling(self) -> Scaling: ...  # noqa: D102
    @property
    def logs(self) -> Logs: ...  # noqa: D102
    @property
    def load_balancer(self) -> LoadBalancer: ...  # noqa: D102
    @property
    def monitoring(self) -> Monitoring: ...  # noqa: D102
    @property
    def images(self) -> ImageRegistry: ...  # noqa: D102
    @property
    def templates(self) -> TemplateStore: ...  # noqa: D102
    @property
    def secret_tags(self) -> SecretTags: ...  # noqa: D102
    @property
    def web(self) -> Web: ...  # noqa: D102

    def log(self, message: str, **facts: Any) -> None:
        """Write one structured line to the function's log; it never raises an error."""

    def new_id(self) -> str:
        """Return a new operation id, a ULID, which sorts by time."""

    def gather(self, calls: Sequence[Callable[[], Any]]) -> list[Any]:
        """Make independent calls at the same time and return their results in order.

        All calls have ended before the first error is raised.
        """

    def work_off(self, calls: Iterable[Callable[[], T]], workers: int, until: datetime) -> list[T]:
        """Make calls in their order, some at the same time; return the results of ended calls.

        A call that has not ended at the time `until` is abandoned: it sends no further requests
        to AWS, as after a crash. An error of a call is raised after the other calls have ended.
        """
