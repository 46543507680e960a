"""The clock of the command line. It is passed as an argument, so that tests can replace it."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """A source of time that can also wait."""

    def monotonic(self) -> float:
        """Return the seconds of a monotonic clock; only differences have a meaning."""
        ...

    def now(self) -> datetime:
        """Return the current time, with a zone."""
        ...

    def pause(self, seconds: float) -> None:
        """Wait for a number of seconds."""
        ...


class SystemClock:
    """The clock of the machine."""

    def monotonic(self) -> float:
        """Return the seconds of a monotonic clock; only differences have a meaning."""
        return time.monotonic()

    def now(self) -> datetime:
        """Return the current time in UTC."""
        return datetime.now(UTC)

    def pause(self, seconds: float) -> None:
        """Wait for a number of seconds; Ctrl-C interrupts the wait."""
        threading.Event().wait(seconds)
