"""The limits of the benchmarks, and the tables of their figures."""

from __future__ import annotations

from typing import Any

import pytest

from tools.bench import limits, page
from tools.bench.cold.rows import ROWS

PAGE = "".join(
    f"# {name}\n<!-- {name} -->\nEMPTY\n<!-- end -->\n"
    for name in (
        "calls",
        "machine",
        "cold times",
        "warm times",
        "cold",
        "swaps",
        "progressive swaps",
    )
)


def counted(**changes: tuple[int, int]) -> dict[str, Any]:
    pairs = dict(limits.CALLS) | changes
    return {
        name: {"Ours": {"calls": calls, "depth": depth}} for name, (calls, depth) in pairs.items()
    }


def cold(size: int = 1, peak: float = 1.0, **changes: float) -> dict[str, Any]:
    rows = {
        row.name: {"limit": row.limit, "ratio": row.limit, "ours": {"peak": peak}} for row in ROWS
    }
    for name, ratio in changes.items():
        rows[name]["ratio"] = ratio
    return {"rows": rows, "package": {"bytes": size}}


def swaps(count: int = limits.SWAPS, *, passed: bool = True, **changes: int) -> dict[str, Any]:
    """Two levels of load; the changes are those of the second."""
    first = {"concurrency": 1, "failed": 0, "stale": 0, "swaps": [{}]}
    second = first | {"swaps": [{}] * (count - 1)} | changes
    return {
        "levels": [first, second],
        "scenarios": [{"name": "one dies", "passed": passed, "failed": 0, "result": ""}],
        "progressive": {"swaps": []},
    }


def test_figures_within_the_limits_are_not_violations() -> None:
    assert limits.violations({"calls": counted(), "cold": cold()}, swaps()) == []


@pytest.mark.parametrize(
    ("problems", "told"),
    [
        (limits.calls_violations(counted(swap=(11, 5))), "swap: calls 11, at most 10"),
        (limits.calls_violations(counted(swap=(10, 6))), "swap: depth 6, at most 5"),
        (limits.cold_violations(cold(health=0.66)), "cold starts: health: 0.66 of"),
        (
            limits.cold_violations(cold(size=2_000_001)),
            "cold starts: the package has 2000001 bytes",
        ),
        (limits.swaps_violations(swaps(failed=1)), "concurrency 1: 1 failed"),
        (limits.swaps_violations(swaps(stale=2)), "concurrency 1: 0 failed, 2 stale"),
        (limits.swaps_violations(swaps(99)), "99, at least 100"),
        (limits.swaps_violations(swaps(passed=False)), "one dies"),
        (limits.calls_violations(None), "calls is missing"),
        (limits.cold_violations(None), "cold is missing"),
        (limits.swaps_violations(None), "swaps is missing"),
        (limits.progressive_violations(None), "progressive is missing"),
    ],
)
def test_a_figure_above_its_limit_is_a_violation(problems: list[str], told: str) -> None:
    assert len(problems) == 1
    assert told in problems[0]


def test_each_handler_has_a_memory_limit() -> None:
    assert len(limits.cold_violations(cold(peak=56.1))) == len(ROWS)
    assert limits.cold_violations(cold(peak=56.0)) == []


def test_a_table_without_figures_says_so() -> None:
    filled = page.filled(PAGE, {}, None)
    assert filled == PAGE.replace("EMPTY", "Not measured yet.")


def test_times_have_a_row_for_each_delay_and_a_share_of_each_other() -> None:
    cells = {"Ours": {"cold": 30}, "Bare": {"cold": 20, "cold ratio": 1.5}}
    lines = page.times({delay: dict.fromkeys(limits.CALLS, cells) for delay in ("0", "20")}, "cold")
    assert [line.replace(" ", "") for line in lines[:4]] == [
        "|cold,ms|added|thisservice|boto3script|",
        "|----------------------|----:|-----------:|-----------:|".replace(" ", ""),
        "|create|0ms|30|20(1.50)|",
        "|create|20ms|30|20(1.50)|",
    ]
