"""Pauses of operations after throttled calls.

Without pauses, the workers of many operations would use up the rate of AWS with observations that
none of them can complete.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zlib import crc32

from devops_core.model.operation import Operation

# Maximum pause of an operation after throttled calls, in seconds; the first pause is at most 2 s.
_LONGEST_PAUSE = 32.0


def paused(operation: Operation, now: datetime) -> Operation:
    """Return a throttled operation with a pause before its next run.

    The pause doubles with each throttled run, and differs between operations.
    """
    throttles = operation.throttles + 1
    longest = min(2.0**throttles, _LONGEST_PAUSE)
    share = crc32(f"{operation.id}{throttles}".encode()) / 2**32
    pause = timedelta(milliseconds=int(longest * (1 + share) * 500))
    return replace(operation, paused_until=now + pause, throttles=throttles)


def without_pause(operation: Operation) -> Operation:
    """Return an operation after a run without throttled calls."""
    return replace(operation, paused_until=None, throttles=0)
