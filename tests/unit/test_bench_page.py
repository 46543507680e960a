"""The bars of the benchmarks, and the tables that are made of their figures."""

from __future__ import annotations

from typing import Any

import pytest

from tools.bench import bars, machine, page
from tools.bench.cold.rows import ROWS

PAGE = "".join(
    f"# {name}\n<!-- {name} -->\nEMPTY\n<!-- end -->\n"
    for name in ("calls", "machine", "cold times", "warm times", "cold", "swaps")
)


def counted(**changes: tuple[int, int]) -> dict[str, Any]:
    pairs = dict(bars.CALLS) | changes
    return {
        name: {"Ours": {"calls": calls, "depth": depth}} for name, (calls, depth) in pairs.items()
    }


def cold(size: int = 1, peak: float = 1.0, **changes: float) -> dict[str, Any]:
    rows = {row.name: {"bar": row.bar, "ratio": row.bar, "ours": {"peak": peak}} for row in ROWS}
    for name, ratio in changes.items():
        rows[name]["ratio"] = ratio
    return {"rows": rows, "package": {"bytes": size}}


def swaps(count: int = bars.SWAPS, *, passed: bool = True, **changes: int) -> dict[str, Any]:
    """Two levels of load; the changes are those of the second."""
    first = {"concurrency": 1, "failed": 0, "stale": 0, "swaps": [{}]}
    second = first | {"swaps": [{}] * (count - 1)} | changes
    return {
        "levels": [first, second],
        "scenarios": [{"name": "one dies", "passed": passed, "failed": 0, "happened": ""}],
    }


def test_what_meets_the_bars_breaks_none() -> None:
    assert bars.broken({"calls": counted(), "cold": cold()}, swaps()) == []


@pytest.mark.parametrize(
    ("problems", "told"),
    [
        (bars.broken_calls(counted(swap=(10, 6))), "swap: calls 10, at most 9"),
        (bars.broken_calls(counted(swap=(9, 7))), "swap: depth 7, at most 6"),
        (bars.broken_cold(cold(health=0.66)), "cold starts: health: 0.66 of"),
        (bars.broken_cold(cold(size=2_000_001)), "cold starts: the package has 2000001 bytes"),
        (bars.broken_swaps(swaps(failed=1)), "concurrency 1: 1 failed"),
        (bars.broken_swaps(swaps(stale=2)), "concurrency 1: 0 failed, 2 stale"),
        (bars.broken_swaps(swaps(99)), "99, at least 100"),
        (bars.broken_swaps(swaps(passed=False)), "one dies"),
        (bars.broken_calls(None), "calls is missing"),
        (bars.broken_cold(None), "cold is missing"),
        (bars.broken_swaps(None), "swaps is missing"),
    ],
)
def test_a_bar_that_is_broken_is_told(problems: list[str], told: str) -> None:
    assert len(problems) == 1
    assert told in problems[0]


def test_memory_is_held_for_each_handler() -> None:
    assert len(bars.broken_cold(cold(peak=56.1))) == len(ROWS)
    assert bars.broken_cold(cold(peak=56.0)) == []


def test_what_is_not_measured_is_said_in_its_place() -> None:
    filled = page.filled(PAGE, {}, None)
    assert filled == PAGE.replace("EMPTY", "Not measured yet.")


def test_times_have_a_row_for_each_delay_and_a_share_of_each_other() -> None:
    cells = {"Ours": {"cold": 30}, "Bare": {"cold": 20, "cold ratio": 1.5}}
    lines = page.times({delay: dict.fromkeys(bars.CALLS, cells) for delay in ("0", "20")}, "cold")
    assert [line.replace(" ", "") for line in lines[:4]] == [
        "|cold,ms|added|thisservice|boto3script|",
        "|----------------------|----:|-----------:|-----------:|".replace(" ", ""),
        "|create|0ms|30|20(1.50)|",
        "|create|20ms|30|20(1.50)|",
    ]


def test_a_page_without_a_place_for_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for swaps"):
        page.filled(PAGE.replace("<!-- swaps -->", ""), {}, None)


def test_a_machine_is_told_by_what_bears_on_the_figures() -> None:
    on = {"python": "3.11.7", "cores": 2, "date": "2026-01-31"}
    assert machine.in_words(on) == "2 cores, Python 3.11.7, 2026-01-31"
    assert set(machine.described()) == set(on)
