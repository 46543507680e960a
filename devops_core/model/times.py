"""Times as text."""

from __future__ import annotations

from datetime import UTC, datetime


def timestamp(time: datetime) -> str:
    """Return a time in ISO 8601 and UTC, with milliseconds: "2026-01-31T12:00:00.000Z"."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def time_text(time: datetime | None) -> str | None:
    """Return the timestamp of a time, None for None."""
    return timestamp(time) if time else None
