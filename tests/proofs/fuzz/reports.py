"""The numbers of calls and responses in the reports of schemathesis.

Its summary has no responses of sequences; therefore they are counted from its events.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tools.contract.document import operations

SUMMARY, EVENTS = "summary.json", "events.ndjson"


def cases(directory: Path) -> int:
    """Return the number of generated cases."""
    counted: int = json.loads((directory / SUMMARY).read_text())["test_cases"]["generated"]
    return counted


def responses(directory: Path) -> Counter[tuple[str, int]]:
    """Return the number of responses by route and status."""
    seen: Counter[tuple[str, int]] = Counter()
    for recorder in _recorders(directory):
        for number, interaction in recorder.get("interactions", {}).items():
            case, response = recorder["cases"][number]["value"], interaction.get("response")
            if response:
                seen[f"{case['method']} {case['path']}", response["status_code"]] += 1
    return seen


def _recorders(directory: Path) -> Iterator[dict[str, Any]]:
    with (directory / EVENTS).open() as events:
        for line in events:
            yield json.loads(line).get("ScenarioFinished", {}).get("recorder", {})


def table(seen: Mapping[tuple[str, int], int]) -> list[str]:
    """Return a table: the statuses of each route of the document, then all other routes."""
    by_route: dict[str, list[str]] = {each.route: [] for each in operations().values()}
    others = 0
    for (route, status), count in sorted(seen.items()):
        if route in by_route:
            by_route[route].append(f"{status}: {count}")
        else:
            others += count
    lines = [f"  {route:52} {', '.join(counted)}" for route, counted in by_route.items()]
    return [*lines, f"  {'other methods':52} {others}"]


def without_success(seen: Mapping[tuple[str, int], int]) -> list[str]:
    """Return the routes without a successful response; such a run shows little about them."""
    successful = {route for route, status in seen if status < 300}
    return [each.route for each in operations().values() if each.route not in successful]
