"""The table of the races."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tests.lab.report import as_columns, as_markdown
from tests.proofs.races.race import Outcome
from tests.proofs.races.races import RACES

_ALL = "all"
_BROKEN = "violations"


def table(outcomes: Iterable[Outcome], *, markdown: bool = False) -> str:
    """Return the table pair x preemptions with the numbers of interleavings and violations."""
    counts: Counter[tuple[str, str]] = Counter()
    for outcome in outcomes:
        for pair in (RACES[outcome.race].pair, _ALL):
            counts[pair, _ALL] += 1
            counts[pair, str(outcome.schedule.preemptions)] += 1
            counts[pair, _BROKEN] += bool(outcome.violations)
    columns = {_ALL: "interleavings"}
    numbers = sorted({column for _, column in counts} - {_ALL, _BROKEN})
    columns |= {number: f"{number}_preemptions" for number in numbers} | {_BROKEN: _BROKEN}
    pairs = [*dict.fromkeys(pair for pair, _ in counts if pair != _ALL), _ALL]
    head = ["", *columns.values()]
    rows = [[pair, *(str(counts[pair, column]) for column in columns)] for pair in pairs]
    if markdown:
        return as_markdown([[cell.replace("_", " ") for cell in head], *rows])
    return as_columns([head, *rows])
