"""The CI size of the state machine: the same sequences in each run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import hypothesis
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.stateful import run_state_machine_as_test

from devops_core.details.swap import SwapDetails
from devops_core.model.operation import Operation, Status
from tests.proofs.stateful.__main__ import CI_EXAMPLES, CI_STEPS, SEED, SIZES, settings
from tests.proofs.stateful.machine import Service, Stacks
from tests.proofs.stateful.swap_machine import Swaps

# The number of sequences that update stacks; the others are those of the CI size.
_STACKS = 200
# The number of sequences with progressive swaps, and the minimum of swaps that end each way.
_SWAPS, _OF_EACH_END = 200, 3
# The minimum of their updates that take each way.
_OF_EACH_WAY = 30


def test_no_sequence_violates_a_promise(tmp_path: Path) -> None:
    # The directory for the caches of Hypothesis; the settings store no examples.
    set_hypothesis_home_dir(tmp_path)
    machine = hypothesis.seed(SEED)(Service)
    run_state_machine_as_test(machine, settings=settings(CI_EXAMPLES, CI_STEPS))


class Counted(Stacks):
    """Counts the updates of stacks of all sequences, by the way that they take."""

    ways: ClassVar[Counter[str]] = Counter()

    def teardown(self) -> None:
        super().teardown()
        for operation in self.simulation.changes:
            executed = operation.details.executed_at is not None
            self.ways["executed"] += executed
            self.ways["aborted"] += operation.aborted_by is not None
            self.ways["failed"] += executed and not operation.details.changed
            self.ways["upgrade"] += operation.kind == "upgrade"
            self.ways["secrets"] += bool(operation.details.stack.permitted)
            self.ways["environments"] += bool(
                operation.details.stack.added or operation.details.stack.removed
            )


def test_no_sequence_with_updates_of_stacks_violates_a_promise(tmp_path: Path) -> None:
    set_hypothesis_home_dir(tmp_path)
    machine = hypothesis.seed(SEED)(Counted)
    run_state_machine_as_test(machine, settings=settings(_STACKS, CI_STEPS))
    assert {way: count for way, count in Counted.ways.items() if count < _OF_EACH_WAY} == {}
    assert len(Counted.ways) == 6


class CountedSwaps(Swaps):
    """Counts the swaps of all sequences by their ends."""

    ends: ClassVar[Counter[str]] = Counter()

    def teardown(self) -> None:
        super().teardown()
        for operation in self.simulation.cloud.tables.operations.values():
            if operation.kind == "swap" and operation.details.policy.progressive:
                self.ends.update(_ends(operation))


def _ends(operation: Operation) -> Iterator[str]:
    details: SwapDetails = operation.details
    if operation.status is Status.SUCCEEDED:
        yield "succeeded"
        yield from ("approved",) if details.approved_by else ()
        yield from ("finished",) if details.finished_by else ()
    if operation.aborted_by and details.shifted_at:
        yield "aborted"
    reasons = "; ".join(operation.reasons)
    for end, part in (
        ("alarm", "is in the state ALARM"),
        ("judge", "failed too often"),
        ("expired", "not approved within"),
        ("unreadable", "checks in a row had no result"),
        ("outside", "was changed outside of the service"),
        ("forced", "ended by force"),
    ):
        yield from (end,) if part in reasons else ()


def test_no_sequence_with_progressive_swaps_violates_a_promise(tmp_path: Path) -> None:
    set_hypothesis_home_dir(tmp_path)
    machine = hypothesis.seed(SEED)(CountedSwaps)
    run_state_machine_as_test(machine, settings=settings(_SWAPS, CI_STEPS))
    few = {end: count for end, count in CountedSwaps.ends.items() if count < _OF_EACH_END}
    assert (few, len(CountedSwaps.ends)) == ({}, 10)


def test_the_sizes_are_documented() -> None:
    assert SIZES.is_documented("stateful")
