"""What the benchmarks must show: the bars, and which are broken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tools.bench.cold import measurement
from tools.bench.swaps import tables

# Calls and depth of an operation until its answer, at most.
CALLS: Mapping[str, tuple[int, int]] = {
    "create": (4, 4),
    "deploy": (6, 5),
    "deploy three": (12, 5),
    "promote": (7, 5),
    "swap": (9, 6),
    "delete": (4, 4),
}
SWAPS = 100  # under load, at least


def broken(results: Mapping[str, Any], swaps: Mapping[str, Any] | None) -> list[str]:
    """Return what is not as it must be, in words."""
    return [
        *broken_calls(results.get("calls")),
        *broken_cold(results.get("cold")),
        *broken_swaps(swaps),
    ]


def broken_calls(calls: Mapping[str, Any] | None) -> list[str]:
    """Hold counts to their bars."""
    if calls is None:
        return ["the section calls is missing: run `make bench`"]
    found = []
    for operation, bars in CALLS.items():
        ours = calls[operation]["Ours"]
        for what, bar in zip(("calls", "depth"), bars, strict=True):
            if ours[what] > bar:
                found.append(f"{operation}: {what} {ours[what]}, at most {bar}")
    return found


def broken_cold(cold: Mapping[str, Any] | None) -> list[str]:
    """Hold the CPU and memory of cold starts, and the package, to their bars."""
    if cold is None:
        return ["the section cold is missing: run `make bench`"]
    return [f"cold starts: {each}" for each in measurement.missed(cold)]


def broken_swaps(swaps: Mapping[str, Any] | None) -> list[str]:
    """Hold swaps under load to their bars."""
    if swaps is None:
        return ["the section swaps is missing: run `make bench-swap`"]
    found = [f"swaps under load: {each}" for each in tables.broken(swaps)]
    done = sum(len(level["swaps"]) for level in swaps["levels"])
    if done < SWAPS:
        found.append(f"swaps under load: {done}, at least {SWAPS}")
    return found
