"""The ports of notifications; `devops_core.ports` describes their common errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from devops_core.model.listing import Page
    from devops_core.model.notification import Notification, OutboxKey


class Message(NamedTuple):
    """An event for EventBridge: `title` is its detail-type, `detail` its JSON content."""

    title: str
    time: datetime
    detail: Mapping[str, Any]


class Outbox(Protocol):
    """The notifications that are not sent. The transactions of `Tables` write them."""

    def due(self, now: datetime, after: str | None = None) -> Page[OutboxKey]:
        """Return a page of notifications up to `now`, the oldest first; eventually consistent.

        `after` is `Page.next` of the previous page.
        """

    def read(self, key: OutboxKey) -> Notification | None:
        """Return a notification, None if it was removed; consistent."""

    def remove(self, key: OutboxKey) -> None:
        """Remove a notification; no error if it does not exist."""


class Notifications(Protocol):
    """EventBridge."""

    def send(self, messages: Sequence[Message]) -> list[str | None]:
        """Send at most ten messages; return the error of each one, None if it was accepted."""
