"""On what something was measured."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def described() -> dict[str, Any]:
    """Return cores, Python and today, and nothing that tells whose machine it is."""
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
    }


def in_words(machine: Mapping[str, Any]) -> str:
    """Return what `described` has found as a part of a sentence."""
    return f"{machine['cores']} cores, Python {machine['python']}, {machine['date']}"
