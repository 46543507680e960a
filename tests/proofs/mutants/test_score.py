"""The report of the mutation tests is correct and shows each unknown survivor."""

from __future__ import annotations

import ast
import tomllib

import pytest

from tests.proofs.mutants import ROOT
from tests.proofs.mutants.__main__ import SIZES
from tests.proofs.mutants.mutant import Change, Mutant, accepted_survivors, changed_lines
from tests.proofs.mutants.score import problems, score, table

MODULE = "devops_core.kinds.swap"
CHANGE = Change(MODULE, "_running", 'return "none" if idle else 0', "return None")


def _mutants(killed: int, *survivors: Change) -> list[Mutant]:
    dead = [Mutant(str(number), MODULE, "killed") for number in range(killed)]
    return [*dead, *(Mutant("alive", MODULE, "survived", change) for change in survivors)]


@pytest.mark.parametrize(
    ("verdict", "killed"),
    [("killed", 1), ("timeout", 1), ("segfault", 1), ("survived", 0), ("no tests", 0),
     ("suspicious", 0), ("not checked", 0)],
)  # fmt: skip
def test_a_failure_a_timeout_and_a_crash_kill_a_mutant(verdict: str, killed: int) -> None:
    assert score([Mutant("one", MODULE, verdict)]).killed == killed


def test_the_table_has_the_sums_by_module() -> None:
    other = Mutant("other", "devops_core.engine.finish", "killed")
    rows = table([*_mutants(2, CHANGE), other], {CHANGE}, markdown=True).splitlines()
    assert rows[0] == "| module | mutants | killed | survived | accepted | score |"
    assert rows[2:] == [
        "| kinds.swap | 3 | 2 | 1 | 1 | 66.7 % |",
        "| engine.finish | 1 | 1 | 0 | 0 | 100.0 % |",
        "| all | 4 | 3 | 1 | 1 | 75.0 % |",
    ]


def test_an_unknown_survivor_is_a_problem() -> None:
    assert list(problems(_mutants(99, CHANGE), {CHANGE})) == []
    (problem,) = problems(_mutants(99, CHANGE), set())
    entry = tomllib.loads(problem)["_running"]
    assert entry == [{"was": CHANGE.was, "now": [CHANGE.now], "why": ""}]


def test_a_low_score_is_a_problem_even_with_accepted_survivors() -> None:
    assert list(problems(_mutants(5, CHANGE), {CHANGE})) == [
        "the score is 83.3 %, the minimum is 85.0 %"
    ]


def test_a_change_has_only_the_changed_lines() -> None:
    before = ["def decide():", "    return (", "        one,", "        two,", "    )"]
    assert changed_lines(before, [*before[:2], "        None,", *before[3:]]) == ("one,", "None,")
    assert changed_lines(before, [*before[:2], *before[3:]]) == ("one,", "")


def _functions(module: str) -> set[str]:
    path = ROOT.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    tree = ast.parse(file.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_accepted_survivor_has_a_reason_and_a_function() -> None:
    for change, why in accepted_survivors().items():
        assert why, f"{change} needs a reason"
        assert change.function in _functions(change.module), f"{change} is out of date"


def test_the_sizes_are_documented() -> None:
    assert SIZES.is_documented("mutants")
