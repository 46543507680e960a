"""The matrix finds each bug that is planted, and nothing without a bug."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.planted import (
    Bug,
    OutdatedBugError,
    in_adapters,
    in_engine,
    in_scaling,
    in_swaps,
    plant,
    run_proof,
    run_with_bug,
)

_BUGS = (*in_engine.BUGS, *in_adapters.BUGS, *in_scaling.BUGS, *in_swaps.BUGS)


@pytest.mark.parametrize("bug", _BUGS, ids=lambda bug: bug.name)
def test_the_matrix_finds(bug: Bug) -> None:
    found = run_with_bug("tests.proofs.crash", bug)
    assert (found.returncode, found.stderr.count("Traceback")) == (1, 0), found.stderr
    half = bug.arguments[0]
    assert f"python -m tests.proofs.crash --bug {bug.name} {half} --story" in found.stdout


def test_the_matrix_finds_nothing_without_a_bug() -> None:
    found = run_proof("tests.proofs.crash", ["memory", "--single", "--story", "swap"])
    assert found.returncode == 0, found.stdout


def _faulty(original: Any, cloud: Any) -> None:
    """Have parameters that no function of the product has."""


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        ("devops_core.engine.reconcile:take_a_lease", "does not exist"),
        ("devops_core.adapters.ecs:EcsContainers.renamed", "does not exist"),
        ("devops_core.engine.reconcile:_take_lease", "has the parameters"),
    ],
)
def test_a_bug_must_be_adapted_to_a_changed_product(function: str, problem: str) -> None:
    with pytest.raises(OutdatedBugError, match=problem):
        plant(Bug(function, "", _faulty))


def _victim(divisor: int) -> float:
    return 1 / divisor


def _with_an_old_name(original: Any, divisor: int) -> Any:
    return original.renamed(divisor) if divisor else original(divisor)


def test_a_bug_with_an_old_name_ends_the_proof() -> None:
    plant(Bug(f"{__name__}:_victim", "", _with_an_old_name))
    with pytest.raises(OutdatedBugError, match="renamed"):
        _victim(1)
    with pytest.raises(ZeroDivisionError):
        _victim(0)
