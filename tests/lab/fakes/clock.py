"""A clock whose time passes only by calls."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

# Crockford's base 32, the alphabet of a ULID.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_START = datetime(2025, 3, 1, 9, 0, tzinfo=UTC)


class FakeClock:
    """`ports.Clock`: `wait` and `pass_` advance it.

    `skew` is the difference between the clock of the worker and that of AWS. `sleep` replaces the
    passing of time in `wait`, if other workers run meanwhile.
    """

    def __init__(self) -> None:
        self.skew = timedelta()
        self.sleep: Callable[[float], None] | None = None
        self._now = _START
        self._ids = 0

    def now(self) -> datetime:
        """Return the time of the worker's clock."""
        return self._now + self.skew

    def right(self) -> datetime:
        """Return the time of AWS's clock."""
        return self._now

    def wait(self, seconds: float) -> None:
        """Advance the clock by seconds."""
        if self.sleep:
            self.sleep(seconds)
        else:
            self._now += timedelta(seconds=seconds)

    def pass_(self, **duration: float) -> None:
        """Advance the clock by the duration of a `timedelta` (minutes=5)."""
        self._now += timedelta(**duration)

    def new_id(self) -> str:
        """Return a ULID of the time in milliseconds and a counter instead of random bits."""
        self._ids += 1
        return _base32(int(self.now().timestamp() * 1000), 10) + _base32(self._ids, 16)


def _base32(number: int, length: int) -> str:
    digits = ""
    for _ in range(length):
        number, digit = divmod(number, 32)
        digits = _ALPHABET[digit] + digits
    return digits
