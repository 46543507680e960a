from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from devops_cli import durations

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("45m", 2700), ("2h", 7200), ("3d", 259200), ("1w", 604800)]
)
def test_durations_have_a_unit(text: str, seconds: int) -> None:
    assert durations.parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "90", "h", "1.5h", "-1h", "2 h", "1y", "9999999s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        durations.parse_duration(text)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2h", "2026-01-31T10:00:00.000Z"),
        ("2026-01-30", "2026-01-30T00:00:00.000Z"),
        ("2026-01-30T08:00", "2026-01-30T08:00:00.000Z"),
        ("2026-01-30T08:00:00.5Z", "2026-01-30T08:00:00.500Z"),
        ("2026-01-30T08:00:00+02:00", "2026-01-30T06:00:00.000Z"),
    ],
)
def test_moments_are_sent_in_utc(text: str, moment: str) -> None:
    assert durations.parse_time(text, NOW) == moment


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-13-01", "999999w", "0001-01-01T00:00+05:00"]
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        durations.parse_time(text, NOW)


@pytest.mark.parametrize(
    ("seconds", "spoken"),
    [
        (-1, "0.0 s"),
        (4.24, "4.2 s"),
        (10, "10 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (185, "3 min 5 s"),
        (3600, "1 h"),
        (7320, "2 h 2 min"),
        (7201, "2 h"),
        (90000, "1 d 1 h"),
    ],
)
def test_durations_are_spoken_in_two_units_at_most(seconds: float, spoken: str) -> None:
    assert durations.format_duration(seconds) == spoken
