"""Time, as an argument."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What tells the time and lets it pass."""

    def monotonic(self) -> float:
        """Return seconds since some moment; they never go back."""
        ...

    def now(self) -> datetime:
        """Return the time of day, with its zone."""
        ...

    def pause(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The clock of the machine."""

    def monotonic(self) -> float:
        """Return seconds since some moment; they never go back."""
        return time.monotonic()

    def now(self) -> datetime:
        """Return the time of day in UTC."""
        return datetime.now(UTC)

    def pause(self, seconds: float) -> None:
        """Wait; Ctrl-C ends it."""
        threading.Event().wait(seconds)
