"""Operation ids are ULIDs (github.com/ulid/spec), which sort by time.

A ULID has 26 characters of Crockford's base 32: 48 bits for the milliseconds since 1970, then
80 random bits.
"""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime, timedelta

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_RANDOM_BYTES = 10


def new_operation_id(now: datetime) -> str:
    """Return a new id with the time `now`, which is cut to whole milliseconds."""
    return _ulid(now, os.urandom(_RANDOM_BYTES))


def derived_id(time: datetime, *names: str) -> str:
    """Return the same id for the same time and names, and another one for others."""
    content = hashlib.sha256("\n".join(names).encode()).digest()
    return _ulid(time, content[:_RANDOM_BYTES])


def _ulid(time: datetime, random: bytes) -> str:
    milliseconds = (time - _EPOCH) // _MILLISECOND
    number = int.from_bytes(milliseconds.to_bytes(6, "big") + random, "big")
    return "".join(_DIGITS[number >> bits & 31] for bits in range(125, -1, -5))


def operation_time(operation_id: str) -> datetime:
    """Return the time in an id; OverflowError if it is after the year 9999."""
    milliseconds = 0
    for character in operation_id[:10]:
        milliseconds = milliseconds * 32 + _DIGITS.index(character)
    return _EPOCH + milliseconds * _MILLISECOND
