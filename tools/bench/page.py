"""Generates the tables of docs/performance.md from stored results; comments mark their places."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.bench.cold import cost_table
from tools.bench.limits import CALLS
from tools.bench.machine import summary
from tools.bench.markdown import table
from tools.bench.swaps import progressive_tables, tables

DOCS = Path(__file__).parents[2] / "docs"
PAGE, RESULTS, SWAPS, PLOT = (
    DOCS / name
    for name in (
        "performance.md",
        "performance.json",
        "performance-swaps.json",
        "performance.svg",
    )
)

TITLES = {
    "Ours": "this service",
    "Bare": "boto3 script",
    "EcsDeploy": "ecs-deploy",
    "AwsCli": "AWS CLI",
}
_NAMES = {"deploy": "deploy, 1 environment", "deploy three": "deploy, 3 environments"}


def load(path: Path) -> dict[str, Any] | None:
    """Return the results in a file; None if the file does not exist."""
    if not path.exists():
        return None
    results: dict[str, Any] = json.loads(path.read_text())
    return results


def save(path: Path, results: Mapping[str, Any]) -> None:
    """Store the results of one benchmark, and update the tables of the page."""
    path.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    PAGE.write_text(filled(PAGE.read_text(), load(RESULTS) or {}, load(SWAPS)))


def filled(page: str, results: Mapping[str, Any], swaps: Mapping[str, Any] | None) -> str:
    """Return the page with the tables of these results.

    Raises:
        ValueError: the page lacks the mark of a table.

    """
    for name, lines in sections(results, swaps).items():
        mark, end = f"<!-- {name} -->\n", "<!-- end -->"
        before, found_mark, rest = page.partition(mark)
        _, found_end, after = rest.partition(end)
        if not found_mark or not found_end:
            raise ValueError(f"{PAGE.name} lacks the mark of the table {name}")
        page = "\n".join([before + mark.rstrip(), *lines, end + after])
    return page


def sections(
    results: Mapping[str, Any], swaps: Mapping[str, Any] | None
) -> dict[str, Sequence[str]]:
    """Return the lines of each table by name; a note for a table without results."""
    renders: Mapping[str, Callable[[], Sequence[str]]] = {
        "calls": lambda: calls(results["calls"]),
        "machine": lambda: [
            f"Medians of {results['rounds']} rounds: {summary(results['machine'])}."
        ],
        "cold times": lambda: times(results["times"], "cold"),
        "warm times": lambda: times(results["times"], "warm"),
        "cold": lambda: cost_table.table(results["cold"]),
        "swaps": lambda: tables.render(swaps or {}),
        "progressive swaps": lambda: progressive_tables.render((swaps or {})["progressive"]),
    }
    measured = {"calls", "machine", "cold times", "warm times"} if "calls" in results else set()
    measured |= {"cold"} if "cold" in results else set()
    measured |= {"swaps"} if "levels" in (swaps or {}) else set()
    measured |= {"progressive swaps"} if "progressive" in (swaps or {}) else set()
    missing = ["Not measured yet."]
    return {name: render() if name in measured else missing for name, render in renders.items()}


def calls(counted: Mapping[str, Any]) -> list[str]:
    """Return the table of the number of calls and of calls in a row, by operation and contender."""
    rows = [
        [
            _NAMES.get(operation, operation),
            *(_pair(counted[operation].get(name)) for name in TITLES),
            "{} / {}".format(*bars),
        ]
        for operation, bars in CALLS.items()
    ]
    return table(["calls / in a row", *TITLES.values(), "limit"], rows)


def times(timed: Mapping[str, Any], mode: str) -> list[str]:
    """Return the table of times in ms; in brackets the time of this service divided by it."""
    names = [
        name for name in TITLES if any(mode in times.get(name, {}) for times in timed["0"].values())
    ]
    rows = [
        [
            _NAMES.get(operation, operation),
            f"{delay} ms",
            *(_time(times[operation].get(name), mode) for name in names),
        ]
        for operation in CALLS
        for delay, times in timed.items()
    ]
    return table([f"{mode}, ms", "added", *(TITLES[name] for name in names)], rows)


def _pair(counted: Mapping[str, Any] | None) -> str:
    return f"{counted['calls']} / {counted['depth']}" if counted else "-"


def _time(cell: Mapping[str, Any] | None, mode: str) -> str:
    if not cell:
        return "-"
    ratio = cell.get(f"{mode} ratio")
    return f"{cell[mode]}" if ratio is None else f"{cell[mode]} ({ratio:.2f})"
