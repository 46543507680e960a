"""The ports: interfaces to AWS and to the clock. The adapters implement them, tests pass fakes.

Every method can raise `ThrottledError`, `UnreachableError` (the effect is unknown),
`AccessDeniedError` or `RefusedError`. The docstring of a method names its further errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from devops_core.ports.aws import (
        Containers,
        ImageRegistry,
        LoadBalancer,
        Logs,
        Monitoring,
        Scaling,
        SecretTags,
        Stacks,
        TemplateStore,
    )
    from devops_core.ports.notifications import Notifications, Outbox
    from devops_core.ports.tables import Listing, Tables
    from devops_core.settings import Settings

T = TypeVar("T")


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
