"""The bars of the benchmarks, and the tables that are made of their figures."""

from __future__ import annotations

from typing import Any

import pytest

from tools.bench import limits, machine, page
from tools.bench.cold.rows import ROWS

PAGE = "".join(
    f"# {name}\n<!-- {name} -->\nEMPTY\n<!-- end -->\n"
    for name in ("calls", "machine", "cold times", "warm times", "cold", "swaps")
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
    }


def test_what_meets_the_bars_breaks_none() -> None:
    assert limits.violations({"calls": counted(), "cold": cold()}, swaps()) == []


@pytest.mark.parametrize(
    ("problems", "told"),
    [
        (limits.calls_violations(counted(swap=(10, 6))), "swap: calls 10, at most 9"),
        (limits.calls_violations(counted(swap=(9, 7))), "swap: depth 7, at most 6"),
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
    ],
)
def test_a_bar_that_is_broken_is_told(problems: list[str], told: str) -> None:
    assert len(problems) == 1
    assert told in problems[0]


def test_memory_is_held_for_each_handler() -> None:
    assert len(limits.cold_violations(cold(peak=56.1))) == len(ROWS)
    assert limits.cold_violations(cold(peak=56.0)) == []


def test_what_is_not_measured_is_said_in_its_place() -> None:
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


def test_a_page_without_a_place_for_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks the mark of the table swaps"):
        page.filled(PAGE.replace("<!-- swaps -->", ""), {}, None)


def test_a_machine_is_told_by_what_bears_on_the_figures() -> None:
    on = {"python": "3.11.7", "cores": 2, "date": "2026-01-31"}
    assert machine.summary(on) == "laptop cloud, 2 cores, Python 3.11.7, 2026-01-31"
    assert set(machine.describe()) == set(on)
