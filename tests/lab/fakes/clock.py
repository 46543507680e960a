"""Time that passes only when somebody waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

# Crockford's base 32, the alphabet of a ULID.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_START = datetime(2025, 3, 1, 9, 0, tzinfo=UTC)


class FakeClock:
    """`ports.Clock`: tests move it with `wait`, or `pass_` for longer times.

    `skew` is how far the clock of the worker that asks is ahead; AWS's own clock is right.
    """

    def __init__(self) -> None:
        self.skew = timedelta()
        self._now = _START
        self._ids = 0

    def now(self) -> datetime:
        """Return the time as the worker has it."""
        return self._now + self.skew

    def right(self) -> datetime:
        """Return the time as AWS has it."""
        return self._now

    def wait(self, seconds: float) -> None:
        """Let seconds pass."""
        self._now += timedelta(seconds=seconds)

    def pass_(self, **duration: float) -> None:
        """Let time pass, given as for `timedelta` (minutes=5)."""
        self._now += timedelta(**duration)

    def new_id(self) -> str:
        """Return a ULID: the time in milliseconds, then a counter in place of chance."""
        self._ids += 1
        return _base32(int(self.now().timestamp() * 1000), 10) + _base32(self._ids, 16)


def _base32(number: int, length: int) -> str:
    digits = ""
    for _ in range(length):
        number, digit = divmod(number, 32)
        digits = _ALPHABET[digit] + digits
    return digits
