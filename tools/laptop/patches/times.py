"""Amazon ECS: times with milliseconds."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ministack.services import ecs


def apply() -> None:
    """Apply the correction."""
    ecs._ts_to_epoch = epoch


def epoch(value: Any) -> Any:
    """Convert an ISO time to seconds with a fraction; return any other value unchanged.

    Gap: the emulator drops the fraction. Without it, a change after a call may appear to be older
    than the call.
    """
    try:
        return datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp()
    except (AttributeError, ValueError):
        return value
