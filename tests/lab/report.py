"""Cases, their outcomes, and the tables of a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product, zip_longest
from typing import TypeVar

from tests.lab.faults import Kind

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Case:
    """A fault at outgoing call number `call` of a story, counted from 0.

    A pair has a second crash, `then`, at call number `again` of the recovery from the first.
    """

    story: str
    kind: Kind
    call: int
    then: Kind | None = None
    again: int = 0

    @property
    def column(self) -> str:
        """The column of the table that counts the case."""
        return _PAIR if self.then else self.kind.value

    @property
    def operation(self) -> str:
        """The operation of the story: the first word of its name."""
        return self.story.partition("-")[0]

    @property
    def faults(self) -> Mapping[int, Kind]:
        """The faults by the number of their call."""
        first = {self.call: self.kind}
        return first | {self.call + 1 + self.again: self.then} if self.then else first

    def arguments(self) -> str:
        """Return the command-line arguments that run only this case."""
        first = f"--story {self.story} --kind {self.kind} --call {self.call}"
        return f"{first} --then {self.then} --again {self.again}" if self.then else first


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a case: a sentence for each violation; `at` names the calls with faults."""

    case: Case
    violations: tuple[str, ...] = ()
    at: str = ""


def spread(cases: Sequence[T], wanted: int) -> list[T]:
    """Return `wanted` evenly spread cases, or all, the same ones every time."""
    if wanted >= len(cases):
        return list(cases)
    return [cases[number * len(cases) // wanted] for number in range(wanted)]


def table(outcomes: Iterable[Outcome]) -> str:
    """Return the table story x fault with the numbers of cases and violations."""
    counted = _Counted(outcomes, lambda case: case.story)
    kinds = [kind for kind in (*_KINDS, _ALL) if counted.cases[_ALL, kind]]
    rows = [["", *kinds]]
    rows += [[row, *(counted.shown(row, kind) for kind in kinds)] for row in counted.rows]
    return as_columns(rows)


def markdown(outcomes: Iterable[Outcome]) -> str:
    """Return the table fault x operation for a page of the documentation."""
    counted = _Counted(outcomes, lambda case: case.operation)
    rows = [["Fault", *counted.rows]]
    for kind in (*_KINDS, _ALL):
        if counted.cases[_ALL, kind]:
            name = kind.replace("_", " ").lower()
            rows.append([name, *(counted.shown(operation, kind) for operation in counted.rows)])
    return as_markdown(rows)


def coverage(cases: Collection[Case]) -> str:
    """Return a sentence with the number of cases among all calls x faults."""
    singles = [case for case in cases if not case.then]
    calls = len({(case.story, case.call) for case in singles})
    rest = calls * len(Kind) - len(singles)
    return (
        f"{calls} outgoing calls x {len(Kind)} faults: {len(singles)} cases (the other {rest}"
        f" equal one of these), and {len(cases) - len(singles)} pairs of crashes"
    )


_ALL, _PAIR = "all", "PAIR"
_KINDS = (*(kind.value for kind in Kind), _PAIR)


class _Counted:
    """Cases and broken cases by row and column; `row` returns the row of a case."""

    def __init__(self, outcomes: Iterable[Outcome], row: Callable[[Case], str]) -> None:
        self.cases: Counter[tuple[str, str]] = Counter()
        self._broken: Counter[tuple[str, str]] = Counter()
        for outcome in outcomes:
            for cell in product((row(outcome.case), _ALL), (outcome.case.column, _ALL)):
                self.cases[cell] += 1
                self._broken[cell] += bool(outcome.violations)

    @property
    def rows(self) -> list[str]:
        """The rows in their first order, the sum last."""
        return [*dict.fromkeys(name for name, _ in self.cases if name != _ALL), _ALL]

    def shown(self, row: str, column: str) -> str:
        """Return the text of a cell."""
        cases, broken = self.cases[row, column], self._broken[row, column]
        if not cases:
            return "-"
        return f"{cases} ({broken} broken)" if broken else str(cases)


def as_markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as a table in Markdown; the first row is the header."""
    rule = ["---", *("---:" for _ in rows[0][1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (rows[0], rule, *rows[1:]))


def as_columns(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as columns for a terminal; the first row is the header."""
    # The names of faults are wider than their numbers: each word has its line.
    head = list(zip_longest(*(cell.split("_") for cell in rows[0]), fillvalue=""))
    lines = [*head, *rows[1:]]
    widths = [max(len(row[column]) for row in lines) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in lines
    )
