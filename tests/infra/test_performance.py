"""The figures of docs/performance.md: they are those that were kept, and they meet the limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tools.bench import limits, page

RESULTS = page.load(page.RESULTS) or {}
SWAPS = page.load(page.SWAPS)


def test_the_tables_are_those_of_the_figures() -> None:
    text = page.PAGE.read_text()
    assert page.filled(text, RESULTS, SWAPS) == text


@pytest.mark.parametrize(
    ("broken", "section"),
    [
        (limits.calls_violations, RESULTS.get("calls")),
        (limits.cold_violations, RESULTS.get("cold")),
        (limits.swaps_violations, SWAPS),
        (limits.progressive_violations, (SWAPS or {}).get("progressive")),
    ],
    ids=["calls", "cold", "swaps", "progressive"],
)
def test_the_figures_meet_the_bars(broken: Callable[[Any], list[str]], section: Any) -> None:
    assert broken(section) == []


def test_the_figures_say_nothing_of_where_they_were_measured() -> None:
    assert set(RESULTS.get("machine", {})) == {"python", "cores", "date"}
