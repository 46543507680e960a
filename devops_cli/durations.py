"""Durations and moments as people write them: 90s, 45m, 2h, 3d; 2026-01-31, 2026-01-31T12:00Z."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import dropwhile

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"(\d{1,6})([smhdw])")


def duration(text: str) -> timedelta:
    """Return the duration that a text like 90s or 2h stands for.

    Raises:
        ValueError: it stands for none.

    """
    found = _DURATION.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text!r} is no duration: write a number and s, m, h, d or w, as in 30m")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def moment(text: str, now: datetime) -> str:
    """Return the moment that a text stands for as the service takes it: UTC, ISO 8601.

    A duration is that long before `now`. A date or time without a zone is UTC.

    Raises:
        ValueError: it stands for none.

    """
    try:
        if _DURATION.fullmatch(text.strip()):
            then = now - duration(text)
        else:
            then = datetime.fromisoformat(text.strip())
            then = then if then.tzinfo else then.replace(tzinfo=UTC)
        then = then.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text!r} is no time: write how long ago, as in 2h, or 2026-01-31T12:00:00Z"
        ) from None
    return then.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def spoken(seconds: float) -> str:
    """Return a duration in the two largest of its units that are not zero: 4.2 s, 3 min 5 s."""
    if seconds < 10:
        return f"{max(seconds, 0):.1f} s"
    left, counts = round(seconds), []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        counts.append((count, unit))
    shown = list(dropwhile(lambda each: not each[0], counts))[:2]
    return " ".join(f"{count} {unit}" for count, unit in shown if count)
