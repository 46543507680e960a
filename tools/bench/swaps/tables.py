"""Formats the results as tables, and checks them against the limits; pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from typing import Any

from tools.bench.machine import summary
from tools.bench.markdown import table

Results = Mapping[str, Any]
TIMES = {
    "switched": "until switched",
    "firstAnswer": "until first response",
    "answered": "until end",
}


def render(results: Results) -> list[str]:
    """Return the results of `tools.bench.swaps` as lines of Markdown: load, times and scenarios."""
    return [
        f"Measured: {summary(results['machine'])}.",
        "",
        *_load(results["levels"]),
        "",
        *_times(results["levels"]),
        "",
        *_scenarios(results),
    ]


def violations(results: Results) -> list[str]:
    """Return a message for each level with failed or stale requests, and each failed scenario."""
    levels = [
        f"concurrency {level['concurrency']}: {level['failed']} failed, {level['stale']} stale"
        for level in results["levels"]
        if level["failed"] or level["stale"]
    ]
    scenarios = [
        f"{each['name']}: {each['failed']} failed, {each['result']}"
        for each in results["scenarios"]
        if not each["passed"]
    ]
    return levels + scenarios


def _load(levels: Iterable[Results]) -> list[str]:
    head = (
        "clients per port", "swaps", "requests", "per second", "in flight", "failed", "stale",
        "latency without swaps, ms: median, p99", "with swaps",
    )  # fmt: skip
    return table(head, map(_level, levels))


def _level(level: Results) -> list[str]:
    counts = (level["concurrency"], len(level["swaps"]), level["requests"])
    rates = (round(level["rates"]["perSecond"]), round(level["rates"]["inFlight"]))
    errors = (level["failed"], level["stale"])
    latency = [
        f"{level['latency'][when]['median']:.1f}, {level['latency'][when]['p99']:.0f}"
        for when in ("without", "with")
    ]
    return [*(f"{count:,}" for count in (*counts, *rates, *errors)), *latency]


def _times(levels: Iterable[Results]) -> list[str]:
    head = ("clients per port", "swap", *(f"{title}, ms" for title in TIMES.values()))
    rows = []
    for level in levels:
        swaps = level["swaps"]
        forth = [each for each in swaps if each["version"] == swaps[0]["version"]]
        back = [each for each in swaps if each["version"] != swaps[0]["version"]]
        for name, selected in (("forth", forth), ("back", back)):
            if selected:
                spans = (_span(each[time] for each in selected) for time in TIMES)
                rows.append([str(level["concurrency"]), name, *spans])
    return table(head, rows)


def _span(values: Iterable[float | None]) -> str:
    """Return the median and the maximum of the known values; empty without one."""
    known = [value for value in values if value is not None]
    return f"{statistics.median(known):.0f} (at most {max(known):.0f})" if known else ""


def _scenarios(results: Results) -> list[str]:
    head = ("scenario", "result", "customers' requests", "failed")
    rows = [
        [each["name"], each["result"], f"{each['requests']:,}", str(each["failed"])]
        for each in results["scenarios"]
    ]
    return table(head, rows)
