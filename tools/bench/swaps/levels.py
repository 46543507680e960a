"""Measures one level of load: requests without and with swaps, and the duration of each swap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tools.bench.swaps.load import Load, load
from tools.bench.swaps.production import Production
from tools.bench.swaps.records import (
    Swap,
    failed,
    first_responses,
    latencies,
    rates,
    stale,
)

BASELINE = 500  # requests on each port without swaps, for comparison
BETWEEN = 30  # requests on each port between two swaps


def measure(
    production: Production, concurrency: int, count: int, report: Callable[[str], None]
) -> dict[str, Any]:
    """Swap `count` times under the load of `concurrency` clients on each port.

    Returns:
        The figures of the level, times in ms; `swaps` has the figures of each swap.

    """
    with load(production.client, production.url, concurrency) as customers:
        customers.wait(BASELINE)
        swaps = swap_repeatedly(production, customers, count)
    return figures(concurrency, customers, swaps, report)


def swap_repeatedly(production: Production, customers: Load, count: int) -> list[Swap]:
    """Swap forth and back; wait for BETWEEN requests on each port after each swap."""
    swaps = []
    for _ in range(count):
        swaps.append(production.swap(production.idle))
        customers.wait(BETWEEN)
    return swaps


def figures(
    concurrency: int, customers: Load, swaps: list[Swap], report: Callable[[str], None]
) -> dict[str, Any]:
    """Return the figures of a level, and pass a line for each swap to `report`."""
    requests = customers.requests
    rows = [
        row(swap, first)
        for swap, first in zip(swaps, first_responses(requests, swaps), strict=True)
    ]
    for number, each in enumerate(rows, 1):
        report(line(number, each))
    baseline = [each for each in requests if customers.full_since <= each.begun < swaps[0].begun]
    swapping = [each for each in requests if each.begun >= swaps[0].begun]
    return {
        "concurrency": concurrency,
        "requests": len(requests),
        "failed": len(failed(requests)),
        "stale": len(stale(requests, swaps)),
        "rates": rounded(rates([*baseline, *swapping])),
        "latency": {"without": rounded(latencies(baseline)), "with": rounded(latencies(swapping))},
        "swaps": rows,
    }


def row(swap: Swap, first: float | None) -> dict[str, Any]:
    """Return the figures of one swap in ms; `firstAnswer` is None without such a response."""
    return {
        "version": swap.version,
        "switched": round(1000 * swap.until_switched, 1),
        "firstAnswer": None if first is None else round(1000 * first, 1),
        "answered": round(1000 * (swap.ended - swap.begun), 1),
    }


def line(number: int, each: dict[str, Any]) -> str:
    """Return the line of output for a swap."""
    first = "none" if each["firstAnswer"] is None else f"{each['firstAnswer']:.0f} ms"
    return (
        f"swap {number:3} to {each['version']}: switched {each['switched']:.0f} ms after the"
        f" request, first response from it {first}, swap completed {each['answered']:.0f} ms"
    )


def rounded(figures: dict[str, float]) -> dict[str, float]:
    """Return figures with one decimal."""
    return {name: round(value, 1) for name, value in figures.items()}
