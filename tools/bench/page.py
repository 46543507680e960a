"""docs/performance.md and what it is made from: its tables stand between marks."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.bench.bars import CALLS
from tools.bench.cold import cost_table
from tools.bench.machine import in_words
from tools.bench.markdown import table
from tools.bench.swaps.tables import render

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
    """Return what a file of results has, None if there is no such file."""
    if not path.exists():
        return None
    results: dict[str, Any] = json.loads(path.read_text())
    return results


def save(path: Path, results: Mapping[str, Any]) -> None:
    """Write the results of one benchmark, and into the page what both have found."""
    path.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    PAGE.write_text(filled(PAGE.read_text(), load(RESULTS) or {}, load(SWAPS)))


def filled(page: str, results: Mapping[str, Any], swaps: Mapping[str, Any] | None) -> str:
    """Return the page with the tables of these results."""
    for name, lines in sections(results, swaps).items():
        mark, end = f"<!-- {name} -->\n", "<!-- end -->"
        before, there, rest = page.partition(mark)
        _, ended, after = rest.partition(end)
        if not there or not ended:
            raise ValueError(f"{PAGE.name} has no place for {name}")
        page = "\n".join([before + mark.rstrip(), *lines, end + after])
    return page


def sections(
    results: Mapping[str, Any], swaps: Mapping[str, Any] | None
) -> dict[str, Sequence[str]]:
    """Return the lines of each table, and why there is none."""
    renders: Mapping[str, Callable[[], Sequence[str]]] = {
        "calls": lambda: calls(results["calls"]),
        "machine": lambda: [
            f"Medians of {results['rounds']} rounds, {in_words(results['machine'])}."
        ],
        "cold times": lambda: times(results["times"], "cold"),
        "warm times": lambda: times(results["times"], "warm"),
        "cold": lambda: cost_table.table(results["cold"]),
        "swaps": lambda: render(swaps or {}),
    }
    there = {"calls", "machine", "cold times", "warm times"} if "calls" in results else set()
    there |= {"cold"} if "cold" in results else set()
    there |= {"swaps"} if swaps else set()
    missing = ["Not measured yet."]
    return {name: render() if name in there else missing for name, render in renders.items()}


def calls(counted: Mapping[str, Any]) -> list[str]:
    """Return the table of calls and their depth."""
    rows = [
        [
            _NAMES.get(operation, operation),
            *(_pair(counted[operation].get(who)) for who in TITLES),
            "{} / {}".format(*bars),
        ]
        for operation, bars in CALLS.items()
    ]
    return table(["calls / in a row", *TITLES.values(), "bar"], rows)


def times(timed: Mapping[str, Any], mode: str) -> list[str]:
    """Return the table of times: ms, and in brackets this service's share of it."""
    found = [who for who in TITLES if any(mode in by.get(who, {}) for by in timed["0"].values())]
    rows = [
        [
            _NAMES.get(operation, operation),
            f"{delay} ms",
            *(_time(by[operation].get(who), mode) for who in found),
        ]
        for operation in CALLS
        for delay, by in timed.items()
    ]
    return table([f"{mode}, ms", "added", *(TITLES[who] for who in found)], rows)


def _pair(counted: Mapping[str, Any] | None) -> str:
    return f"{counted['calls']} / {counted['depth']}" if counted else "-"


def _time(cell: Mapping[str, Any] | None, mode: str) -> str:
    if not cell:
        return "-"
    ratio = cell.get(f"{mode} ratio")
    return f"{cell[mode]}" if ratio is None else f"{cell[mode]} ({ratio:.2f})"
