"""One level of load: what customers meet without and with swaps, and what each swap takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tools.bench.swaps.load import Load, load
from tools.bench.swaps.production import Production
from tools.bench.swaps.records import (
    Swap,
    failed,
    first_answers,
    latencies,
    rates,
    stale,
)

CALM = 500  # requests on each port without swaps, to compare with
BETWEEN = 30  # requests on each port after a swap before the next


def measure(
    production: Production, concurrency: int, count: int, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Swap `count` times under the load of so many clients on each port.

    Returns:
        The figures of the level, times in ms; `swaps` has those of each swap.

    """
    with load(production.client, production.url, concurrency) as customers:
        customers.wait(CALM)
        swaps = swap_repeatedly(production, customers, count)
    return figures(concurrency, customers, swaps, tell)


def swap_repeatedly(production: Production, customers: Load, count: int) -> list[Swap]:
    """Swap there and back, each time when enough customers have met what the last one made."""
    swaps = []
    for _ in range(count):
        swaps.append(production.swap(production.idle))
        customers.wait(BETWEEN)
    return swaps


def figures(
    concurrency: int, customers: Load, swaps: list[Swap], tell: Callable[[str], None]
) -> dict[str, Any]:
    """Return what is to be said of a level, and tell of each swap."""
    requests = customers.requests
    rows = [
        row(swap, first) for swap, first in zip(swaps, first_answers(requests, swaps), strict=True)
    ]
    for number, each in enumerate(rows, 1):
        tell(line(number, each))
    calm = [each for each in requests if customers.full <= each.begun < swaps[0].begun]
    busy = [each for each in requests if each.begun >= swaps[0].begun]
    return {
        "concurrency": concurrency,
        "requests": len(requests),
        "failed": len(failed(requests)),
        "stale": len(stale(requests, swaps)),
        "rates": rounded(rates([*calm, *busy])),
        "latency": {"without": rounded(latencies(calm)), "with": rounded(latencies(busy))},
        "swaps": rows,
    }


def row(swap: Swap, first: float | None) -> dict[str, Any]:
    """Return the figures of one swap; `firstAnswer` is None if no customer came in between."""
    return {
        "version": swap.version,
        "switched": round(1000 * swap.until_switched, 1),
        "firstAnswer": None if first is None else round(1000 * first, 1),
        "answered": round(1000 * (swap.ended - swap.begun), 1),
    }


def line(number: int, each: dict[str, Any]) -> str:
    """Return what is printed of a swap."""
    first = "none" if each["firstAnswer"] is None else f"{each['firstAnswer']:.0f} ms"
    return (
        f"swap {number:3} to {each['version']}: switched {each['switched']:.0f} ms after the"
        f" request, first answer from it {first}, swap answered {each['answered']:.0f} ms"
    )


def rounded(figures: dict[str, float]) -> dict[str, float]:
    """Return figures with one digit after the point."""
    return {name: round(value, 1) for name, value in figures.items()}
