"""Describes the machine of a measurement."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def describe() -> dict[str, Any]:
    """Return the number of cores, the Python version and the date; nothing identifies the owner."""
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
    }


def summary(machine: Mapping[str, Any]) -> str:
    """Return the result of `describe` as text; all benchmarks run on the laptop cloud."""
    return f"laptop cloud, {machine['cores']} cores, Python {machine['python']}, {machine['date']}"
