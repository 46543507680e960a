"""The outbox in the tables, and EventBridge."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from devops_core.model.listing import Page
from devops_core.model.notification import Notification, OutboxKey
from devops_core.ports.notifications import Message
from tests.lab.fakes.tables import FakeTables
from tests.lab.fakes.wire import Port, Wire, outgoing


class FakeOutbox(Port, port="outbox"):
    """`ports.notifications.Outbox`; `page` is the limit of a page."""

    def __init__(self, wire: Wire, tables: FakeTables) -> None:
        super().__init__(wire)
        self._tables = tables
        self.page = 200

    @outgoing
    def due(self, now: datetime, after: str | None = None) -> Page[OutboxKey]:
        """Return a page of the notifications up to a time, the oldest first."""
        found = [key for key, each in self._tables.outbox.items() if each.time <= now]
        ordered = sorted(found, key=lambda key: key.position)
        later = [each for each in ordered if after is None or each.position > after]
        page = tuple(later[: self.page])
        return Page(page, page[-1].position if len(later) > len(page) else None)

    @outgoing
    def read(self, key: OutboxKey) -> Notification | None:
        """Return a notification."""
        return self._tables.outbox.get(key)

    @outgoing
    def remove(self, key: OutboxKey) -> None:
        """Remove a notification."""
        self._tables.outbox.pop(key, None)


class FakeNotifications(Port, port="notifications"):
    """`ports.notifications.Notifications`.

    `sent` has the accepted messages. `refused` has the error of each message that is not accepted,
    by its id.
    """

    def __init__(self, wire: Wire) -> None:
        super().__init__(wire)
        self.sent: list[Message] = []
        self.refused: dict[str, str] = {}

    @outgoing
    def send(self, messages: Sequence[Message]) -> list[str | None]:
        """Accept messages."""
        assert 1 <= len(messages) <= 10
        errors = [self.refused.get(each.detail["id"]) for each in messages]
        accepted = zip(messages, errors, strict=True)
        self.sent += [message for message, error in accepted if error is None]
        return errors
