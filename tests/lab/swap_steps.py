"""The steps of a swap, computed from its policy as JSON without the product."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# The weight of a release that receives all requests, in percent.
ALL = 100


def weights(policy: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the weights of the new release, one after the other."""
    strategy = policy.get("strategy") or {}
    percent, kind = strategy.get("percent", 10), strategy.get("type")
    if kind == "canary":
        return (percent, ALL)
    return (*range(percent, ALL, percent), ALL) if kind == "linear" else (ALL,)


def approval(policy: Mapping[str, Any]) -> str | None:
    """Return the step before which a swap needs an approval ("shift" or "full"), None for none."""
    found = policy.get("approval", "off")
    return None if found == "off" else str(found["before"])


def needs_approval(policy: Mapping[str, Any], present: int, following: int) -> bool:
    """Return whether a change of the weight is the step that needs the approval."""
    point = approval(policy)
    return (point == "shift" and present == 0) or (point == "full" and following == ALL)
