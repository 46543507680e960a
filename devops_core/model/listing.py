"""Pages of lists."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of a list. `next` is the key of its last item, None for the last page.

    A page can have fewer items than its limit, even none, before further pages.
    """

    items: tuple[T, ...]
    next: str | None = None


class OpenOperation(NamedTuple):
    """An operation in progress, from the index; `deadline` is None if it is not valid."""

    application: str
    id: str
    deadline: datetime | None

    @property
    def position(self) -> str:
        """The place in the order of the index: the oldest operation first."""
        return f"{self.id} {self.application}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSearch:
    """Filter of events: application, operation, `since` <= time < `until`; None matches all."""

    application: str | None = None
    operation: str | None = None
    since: datetime | None = None
    until: datetime | None = None
