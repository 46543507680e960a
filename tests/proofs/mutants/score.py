"""The score: the share of killed mutants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from tests.lab.report import as_columns, as_markdown
from tests.proofs.mutants.mutant import Change, Mutant

# The minimum share of killed mutants, in percent.
MINIMUM = 85.0
_ALL = "all"


@dataclass(frozen=True, slots=True)
class Score:
    """The numbers of mutants and of killed mutants, of a module or of all modules."""

    mutants: int
    killed: int

    @property
    def percent(self) -> float:
        """The share of killed mutants in percent; without mutants it is 100."""
        return 100 * self.killed / self.mutants if self.mutants else 100.0


def score(mutants: Iterable[Mutant]) -> Score:
    """Return the score of mutants; a mutant without a test is not killed."""
    verdicts = Counter(mutant.killed for mutant in mutants)
    return Score(verdicts.total(), verdicts[True])


def table(mutants: Sequence[Mutant], accepted: Collection[Change], *, markdown: bool) -> str:
    """Return the table of the scores by module, with the number of accepted survivors."""
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
    """Yield the problems; for an unknown survivor its entry in the list of accepted survivors."""
    percent = score(mutants).percent
    if percent < MINIMUM:
        yield f"the score is {percent:.1f} %, the minimum is {MINIMUM} %"
    unknown = [mutant for mutant in mutants if mutant.change and mutant.change not in accepted]
    for mutant in unknown:
        assert mutant.change is not None
        yield f"# {mutant.module}: {mutant.verdict}\n{mutant.change.entry()}"
