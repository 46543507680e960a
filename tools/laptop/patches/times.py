"""Amazon ECS: times to the millisecond."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ministack.services import ecs


def apply() -> None:
    """Put the correction in place."""
    ecs._ts_to_epoch = epoch


def epoch(value: Any) -> Any:
    """Return an ISO time as seconds with their fraction, anything else as it is.

    Gap: the emulator cuts the fraction off; ECS tells milliseconds, and without them what changed
    after a call seems to have changed before it.
    """
    try:
        return datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp()
    except (AttributeError, ValueError):
        return value
