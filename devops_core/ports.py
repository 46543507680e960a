"""What the operations need from the world outside; the adapters fulfil it, tests bring fakes.

Every method may raise `ThrottledError`, `UnreachableError` (the effect is unknown),
`AccessDeniedError` or `RefusedError`; what else it raises is said there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from devops_core.model import Event, Inventory, Operation, Row, RunningService, Stack
from devops_core.settings import Settings, TemplateLocation

if TYPE_CHECKING:
    from devops_core.model import EventSearch, Page
    from devops_core.naming import Environment


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyRecord:
    """What an Idempotency-Key was used for; `expires_at` in epoch seconds."""

    key: str
    fingerprint: str
    application: str
    operation: str
    expires_at: int


class AlreadyClaimedError(Exception):
    """The Idempotency-Key of a claim is taken: `record` names its operation."""

    def __init__(self, record: IdempotencyRecord) -> None:
        super().__init__(record.operation)
        self.record = record


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One transaction that accepts an operation.

    `taken` are rows as they were seen, which become the operation's; `new` rows must not exist;
    `unchanged` rows must be free and as they were seen, and stay so.
    """

    operation: Operation
    event: Event
    taken: Sequence[Row] = ()
    new: Sequence[Row] = ()
    unchanged: Sequence[Row] = ()
    idempotency: IdempotencyRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """One transaction that ends an operation: its record, its rows, its last event.

    `events` are further new events that go with it; `event` has the key "END".
    """

    operation: Operation
    event: Event
    events: Sequence[Event] = ()
    kept: Sequence[Row] = ()
    removed: Sequence[Row] = ()


class Tables(Protocol):
    """Inventory rows, operation records, events."""

    def inventory(
        self, application: str, key: str | None = None
    ) -> tuple[Inventory, IdempotencyRecord | None]:
        """Return all rows of an application and what an Idempotency-Key stands for; consistent."""

    def reserved(self, application: str) -> str | None:
        """Return the application that has a name, in whatever case, or None; consistent."""

    def claim(self, claim: Claim) -> None:
        """Accept an operation, all or nothing.

        Raises BusyError (names the holder), AlreadyExistsError, ChangedMeanwhileError when a row
        is not as it was seen, AlreadyClaimedError for a used Idempotency-Key.
        """

    def operation(self, application: str, operation_id: str) -> Operation | None:
        """Return an operation as it stands, or None."""

    def save(self, operation: Operation, events: Sequence[Event] = ()) -> Operation:
        """Write an operation and new events if nobody wrote it since it was read.

        Returns it with its new revision; raises LostClaimError.
        """

    def close(self, closing: Closing) -> None:
        """End an operation, all or nothing; raises LostClaimError when it has moved on."""

    def correct(self, closing: Closing) -> None:
        """Write an operation that is over at once, all or nothing.

        `kept` rows are given with the revision that was seen. Raises ChangedMeanwhileError when
        one is not like that any more.
        """

    def note(self, event: Event) -> None:
        """Write an event that belongs to no operation."""

    def applications(self, limit: int) -> list[str]:
        """Return the applications whose turn it is to be checked, at most `limit`.

        Each call goes on where the one before has stopped; after the last it begins anew.
        """

    def open_operations(self) -> list[tuple[str, str]]:
        """Return `(application, operation id)` of the operations in progress, eventually."""

    def check(self) -> Mapping[str, str]:
        """Return what is wrong with each table that cannot be read, by table name."""


class Listing(Protocol):
    """What there is, page by page; every page has what was written before it was asked for.

    `limit` is the number of items of a page, at most 100; `after` is `Page.next` of the page
    before, InvalidRequestError when it is not of that list.
    """

    def applications(self, team: str | None, after: str | None, limit: int) -> Page[str]:
        """Return the names of all applications, or of those of a team, in alphabetical order."""

    def inventories(
        self, applications: Sequence[str], environments: Sequence[Environment]
    ) -> list[Inventory]:
        """Return the rows of applications, in their order, as far as environments are asked for."""

    def operations(self, application: str, after: str | None, limit: int) -> Page[Operation]:
        """Return the operations of an application, the newest first."""

    def events(self, search: EventSearch, after: str | None, limit: int) -> Page[Event]:
        """Return events, the newest first."""


class Stacks(Protocol):
    """CloudFormation."""

    def create(self, request: Mapping[str, Any]) -> str:
        """Create a stack from `render.stack`'s answer and return its id."""

    def parameters(self, template: str) -> Mapping[str, bool]:
        """Return the parameters of a template and whether each has a default."""

    def delete(self, stack_id: str, token: str) -> None:
        """Start to delete a stack; no error when it is gone."""

    def describe(self, name_or_id: str) -> Stack | None:
        """Return a stack, or None when there is none; by id also when it is deleted."""

    def failures(self, stack_id: str, token: str) -> tuple[str, ...]:
        """Return why resources failed in calls that carried `token`, the first failure first."""


class Containers(Protocol):
    """ECS."""

    def register(self, request: Mapping[str, Any]) -> str:
        """Register a task definition from `render.task_definition`'s answer; return its ARN."""

    def find(self, family: str, operation_id: str) -> str | None:
        """Return the newest task definition of a family that carries an operation's tag."""

    def registered(self, family: str) -> tuple[str, ...]:
        """Return the active task definitions of a family that operations have registered."""

    def blueprint(self, task_definition: str) -> Mapping[str, Any]:
        """Return what a task definition was registered with."""

    def deregister(self, task_definition: str) -> None:
        """Deregister a task definition; tasks that run it go on."""

    def update(
        self, cluster: str, service: str, task_definition: str | None, desired_count: int | None
    ) -> RunningService:
        """Give a service a task definition or a task count and return it as it is then."""

    def services(self, cluster: str, names: Iterable[str]) -> dict[str, RunningService]:
        """Return services by name; one that does not exist is missing from the answer.

        At most ten names (ECS API, DescribeServices).
        """

    def stopped(self, cluster: str, service: str, task_definition: str | None) -> tuple[str, ...]:
        """Return why tasks of a task definition (None: of any) stopped, the newest reason first.

        ECS tells of stopped tasks for about an hour (ECS API, DescribeTasks).
        """


class LoadBalancer(Protocol):
    """ALB listeners and target groups."""

    def forwards_to(self, listeners: Sequence[str]) -> list[str | None]:
        """Return the target group that each listener forwards to, None if it is not exactly one."""

    def switch(self, listener: str, target_group: str) -> None:
        """Make a listener forward to one target group, whatever it did before."""

    def healthy(self, target_group: str) -> int:
        """Return the number of healthy targets."""


class ImageRegistry(Protocol):
    """ECR of this account and region."""

    def digest(self, repository: str, *, tag: str | None, digest: str | None) -> str:
        """Return the digest of an image; raises ImageNotFoundError naming repository and tag."""


class TemplateStore(Protocol):
    """The S3 object that holds the application template."""

    def read(self, location: TemplateLocation, version: str | None) -> tuple[bytes, str | None]:
        """Return a template's bytes and version; `version` None means the newest."""

    def check(self, bucket: str, location: TemplateLocation) -> Mapping[str, str]:
        """Return what is wrong with the bucket and the template, by `bucket` or `template`."""


class Web(Protocol):
    """Pages of the applications."""

    def get(self, url: str) -> int:
        """Return the HTTP status of a page; UnreachableError when it does not answer in time."""


class Clock(Protocol):
    """Time, which tests bring along."""

    def now(self) -> datetime:
        """Return the time, aware and in UTC."""

    def wait(self, seconds: float) -> None:
        """Let the time pass."""


class Cloud(Protocol):
    """Everything outside at once. Adapters are made when they are first asked for."""

    @property
    def settings(self) -> Settings: ...  # noqa: D102
    @property
    def clock(self) -> Clock: ...  # noqa: D102
    @property
    def tables(self) -> Tables: ...  # noqa: D102
    @property
    def listing(self) -> Listing: ...  # noqa: D102
    @property
    def stacks(self) -> Stacks: ...  # noqa: D102
    @property
    def containers(self) -> Containers: ...  # noqa: D102
    @property
    def load_balancer(self) -> LoadBalancer: ...  # noqa: D102
    @property
    def images(self) -> ImageRegistry: ...  # noqa: D102
    @property
    def templates(self) -> TemplateStore: ...  # noqa: D102
    @property
    def web(self) -> Web: ...  # noqa: D102

    def log(self, message: str, **facts: Any) -> None:
        """Write one structured line to the function's log; it never fails."""

    def new_id(self) -> str:
        """Return a new ULID: sorts by time."""

    def gather(self, calls: Sequence[Callable[[], Any]]) -> list[Any]:
        """Make calls that do not need each other at the same time; answers in their order.

        All are finished before the first error is raised.
        """
