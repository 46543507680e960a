"""Lists that are too long for one answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list. `next` says after what the next part begins; None after the last.

    A page may have fewer items than were asked for, even none, and be followed by another.
    """

    items: tuple[T, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSearch:
    """Which events: of one application or of all, of one operation, `since` <= time < `until`."""

    application: str | None = None
    operation: str | None = None
    since: datetime | None = None
    until: datetime | None = None
