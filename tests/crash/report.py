"""What a case is, what came of it, and the tables that sum it up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Protocol, TypeVar

from tests.crash.kinds import Kind

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
        """Where it is counted in the table."""
        return "PAIR" if self.then else self.kind.value

    @property
    def faults(self) -> Mapping[int, Kind]:
        """The faults by the number of the call that they hit."""
        first = {self.call: self.kind}
        return first | {self.call + 1 + self.again: self.then} if self.then else first

    def arguments(self) -> str:
        """Return the arguments that run exactly this case."""
        first = f"--story {self.story} --kind {self.kind} --call {self.call}"
        return f"{first} --then {self.then} --again {self.again}" if self.then else first


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a case; every violation is one sentence, `at` names the calls that were hit."""

    case: Case
    violations: tuple[str, ...] = ()
    at: str = ""


class Half(Protocol):
    """One half of the matrix, as a package exposes it."""

    def cases(self, stories: Collection[str] = (), *, pairs: bool = True) -> Iterator[Case]:
        """Return the cases of these stories (of all, if none is named), in a fixed order."""

    def run(self, case: Case) -> Outcome:
        """Run one case from the start; raises nothing that the product is to blame for."""


def spread(cases: Sequence[T], wanted: int) -> list[T]:
    """Return `wanted` of the cases (or all), the same ones every time and evenly spread."""
    if wanted >= len(cases):
        return list(cases)
    return [cases[number * len(cases) // wanted] for number in range(wanted)]


def table(outcomes: Iterable[Outcome], *, markdown: bool = False) -> str:
    """Return the table story x fault: cases, and violations where there are any."""
    cases: Counter[tuple[str, str]] = Counter()
    broken: Counter[tuple[str, str]] = Counter()
    for outcome in outcomes:
        case = outcome.case
        for cell in _cells(case.story, case.column):
            cases[cell] += 1
            broken[cell] += bool(outcome.violations)
    stories = [*dict.fromkeys(story for story, _ in cases if story != _ALL), _ALL]
    kinds = [kind for kind in (*Kind, "PAIR", _ALL) if cases[_ALL, str(kind)]]
    rows = [["", *kinds]]
    rows += [
        [story, *(_shown(cases, broken, (story, kind)) for kind in kinds)] for story in stories
    ]
    return _markdown(rows) if markdown else _aligned(rows)


_ALL = "all"


def _cells(story: str, column: str) -> Iterator[tuple[str, str]]:
    yield from ((story, column), (story, _ALL), (_ALL, column), (_ALL, _ALL))


def _shown(
    cases: Counter[tuple[str, str]], broken: Counter[tuple[str, str]], cell: tuple[str, str]
) -> str:
    if not cases[cell]:
        return "-"
    return f"{cases[cell]} ({broken[cell]} broken)" if broken[cell] else str(cases[cell])


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    rule = ["---", *("---:" for _ in rows[0][1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (rows[0], rule, *rows[1:]))


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    # The names of the faults are wider than their numbers: a word a line.
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
