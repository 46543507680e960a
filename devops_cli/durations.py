"""Durations (90s, 45m, 2h, 3d) and times (2026-01-31, 2026-01-31T12:00Z) on the command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import dropwhile

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"(\d{1,6})([smhdw])")


def parse_duration(text: str) -> timedelta:
    """Parse a duration such as 90s or 2h.

    Raises:
        ValueError: the text is not a duration.

    """
    found = _DURATION.fullmatch(text.strip())
    if not found:
        raise ValueError(
            f"{text!r} is not a duration: write a number and s, m, h, d or w, as in 30m"
        )
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def parse_minutes(text: str) -> int:
    """Parse a duration in whole minutes, such as 30m, 2h, or 90 without a unit.

    Raises:
        ValueError: the text is not a number of whole minutes.

    """
    bare = text.strip()
    minutes = parse_duration(f"{bare}m" if bare.isdecimal() else bare).total_seconds() / 60
    if not minutes.is_integer():
        raise ValueError(f"{text!r} is not a number of whole minutes: write it as in 30m or 2h")
    return int(minutes)


def parse_time(text: str, now: datetime) -> str:
    """Convert a duration or a time to the format of the service: ISO 8601 in UTC.

    A duration means that long before `now`. A date or time without a zone is UTC.

    Raises:
        ValueError: the text is neither a duration nor a time.

    """
    try:
        if _DURATION.fullmatch(text.strip()):
            then = now - parse_duration(text)
        else:
            then = datetime.fromisoformat(text.strip())
            then = then if then.tzinfo else then.replace(tzinfo=UTC)
        then = then.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text!r} is not a time: write an age, as in 2h, or a time, as in 2026-01-31T12:00:00Z"
        ) from None
    return then.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def format_duration(seconds: float) -> str:
    """Format a duration with at most two units: 4.2 s, 3 min 5 s, 1 d 1 h."""
    if seconds < 10:
        return f"{max(seconds, 0):.1f} s"
    left, counts = round(seconds), []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        counts.append((count, unit))
    shown = list(dropwhile(lambda each: not each[0], counts))[:2]
    return " ".join(f"{count} {unit}" for count, unit in shown if count)
