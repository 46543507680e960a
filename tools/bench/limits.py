"""The limits of the benchmarks, and the checks of results against them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tools.bench.cold import measurement
from tools.bench.swaps import progressive_tables, tables

# Maximum number of AWS calls before the response, and of calls in a row (depth), by operation.
CALLS: Mapping[str, tuple[int, int]] = {
    "create": (4, 4),
    "deploy": (7, 5),
    "deploy three": (11, 5),
    "promote": (8, 5),
    "swap": (10, 5),
    "delete": (5, 5),
}
SWAPS = 100  # minimum number of swaps under load


def violations(results: Mapping[str, Any], swaps: Mapping[str, Any] | None) -> list[str]:
    """Return a message for each limit that the results exceed."""
    return [
        *calls_violations(results.get("calls")),
        *cold_violations(results.get("cold")),
        *swaps_violations(swaps),
        *progressive_violations((swaps or {}).get("progressive")),
    ]


def calls_violations(calls: Mapping[str, Any] | None) -> list[str]:
    """Return the violations in the section `calls`."""
    if calls is None:
        return ["the section calls is missing: run `make bench`"]
    found = []
    for operation, limits in CALLS.items():
        ours = calls[operation]["Ours"]
        for figure, limit in zip(("calls", "depth"), limits, strict=True):
            if ours[figure] > limit:
                found.append(f"{operation}: {figure} {ours[figure]}, at most {limit}")
    return found


def cold_violations(cold: Mapping[str, Any] | None) -> list[str]:
    """Return the violations in the section `cold`: CPU and memory, and the size of the package."""
    if cold is None:
        return ["the section cold is missing: run `make bench`"]
    return [f"cold starts: {each}" for each in measurement.violations(cold)]


def swaps_violations(swaps: Mapping[str, Any] | None) -> list[str]:
    """Return the violations of the swaps under load."""
    if swaps is None:
        return ["the section swaps is missing: run `make bench-swap`"]
    found = [f"swaps under load: {each}" for each in tables.violations(swaps)]
    done = sum(len(level["swaps"]) for level in swaps["levels"])
    if done < SWAPS:
        found.append(f"swaps under load: {done}, at least {SWAPS}")
    return found


def progressive_violations(progressive: Mapping[str, Any] | None) -> list[str]:
    """Return the violations of the progressive swaps."""
    if progressive is None:
        return ["the section progressive is missing: run `make bench-swap`"]
    return [f"progressive swaps: {each}" for each in progressive_tables.violations(progressive)]
