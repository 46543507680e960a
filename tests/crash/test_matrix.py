"""The crash matrix as far as every change must pass it; `make crash` runs the whole."""

from __future__ import annotations

from collections.abc import Iterable

from tests.crash import adapters, memory
from tests.crash.halves import run
from tests.crash.report import Case, spread

# Told with every pair of crashes; together they have every kind of step.
_PAIRS = ("deploy-one", "swap", "swap-back", "delete-fails", "abort-swap-switched")
# Cases through the adapters: each takes a third of a second.
_ADAPTERS = 150


def _broken(half: str, cases: Iterable[Case]) -> list[str]:
    return [
        f"{violation}: python -m tests.crash {half} {outcome.case.arguments()}"
        for outcome in run(half, list(cases))
        for violation in outcome.violations
    ]


def test_no_fault_at_any_call_breaks_a_promise() -> None:
    assert _broken("memory", memory.cases(pairs=False)) == []


def test_no_crash_of_a_recovery_breaks_a_promise() -> None:
    assert _broken("memory", (case for case in memory.cases(_PAIRS) if case.then)) == []


def test_no_fault_on_the_wire_breaks_a_promise() -> None:
    assert _broken("adapters", spread(list(adapters.cases(pairs=False)), _ADAPTERS)) == []
