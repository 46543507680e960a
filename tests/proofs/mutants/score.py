"""The score: how many of the mutants that were put to the tests have been killed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from tests.lab.report import as_columns, as_markdown
from tests.proofs.mutants.mutant import Change, Mutant

# The share of mutants that must be killed, in percent.
WANTED = 85.0
_ALL = "all"


@dataclass(frozen=True, slots=True)
class Score:
    """Mutants of a module, or of all: how many there were, and how many were killed."""

    mutants: int
    killed: int

    @property
    def percent(self) -> float:
        """Killed mutants of a hundred; nothing to kill is nothing missed."""
        return 100 * self.killed / self.mutants if self.mutants else 100.0


def score(mutants: Iterable[Mutant]) -> Score:
    """Return the score of mutants; what no test runs has not been killed."""
    verdicts = Counter(mutant.killed for mutant in mutants)
    return Score(verdicts.total(), verdicts[True])


def table(mutants: Sequence[Mutant], accepted: Collection[Change], *, markdown: bool) -> str:
    """Return the scores by module, and how many of the survivors are accepted."""
    rows = [["module", "mutants", "killed", "survived", "accepted", "score"]]
    for module in [*dict.fromkeys(mutant.module for mutant in mutants), _ALL]:
        some = [mutant for mutant in mutants if module in (mutant.module, _ALL)]
        known = sum(mutant.change in accepted for mutant in some)
        rows.append([module.removeprefix("devops_core."), *_cells(score(some), known)])
    return as_markdown(rows) if markdown else as_columns(rows)


def _cells(of: Score, known: int) -> list[str]:
    counts = (of.mutants, of.killed, of.mutants - of.killed, known)
    return [*map(str, counts), f"{of.percent:.1f} %"]


def problems(mutants: Sequence[Mutant], accepted: Collection[Change]) -> Iterator[str]:
    """Yield what must not be so; a survivor as its entry in the list would be."""
    percent = score(mutants).percent
    if percent < WANTED:
        yield f"the score is {percent:.1f} %, wanted is {WANTED} %"
    unknown = [mutant for mutant in mutants if mutant.change and mutant.change not in accepted]
    for mutant in unknown:
        assert mutant.change is not None
        yield f"# {mutant.module}: {mutant.verdict}\n{mutant.change.entry()}"
