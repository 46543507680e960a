"""The CI size of the races; `make races` runs them in full size."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pytest

from tests.lab.memory.memory_world import World
from tests.lab.report import spread
from tests.proofs.races.__main__ import CI_TWO_PREEMPTIONS, CI_WORKER_RACES, SIZES
from tests.proofs.races.race import Outcome, run
from tests.proofs.races.races import OPEN_OPERATIONS, RACES
from tests.proofs.races.scheduler import Schedule, interleavings
from tests.proofs.races.starts import OpenOperation, prepared


def _named(pair: str) -> list[str]:
    return [name for name, race in RACES.items() if race.pair == pair]


_WORKERS = [pair for pair in dict.fromkeys(race.pair for race in RACES.values())
            if any("@" in name for name in _named(pair))]  # fmt: skip
_CALLERS = [name for name in RACES if "@" not in name]
_SELECTED = [
    *_CALLERS,
    *(name for pair in _WORKERS for name in spread(_named(pair), CI_WORKER_RACES)),
]


@pytest.mark.parametrize("name", _SELECTED)
def test_no_interleaving_violates_a_promise(name: str) -> None:
    once = list(interleavings(partial(run, RACES[name]), preemptions=1))
    twice = [schedule for schedule, outcome in once for schedule in _preempted(schedule, outcome)]
    outcomes = [outcome for _, outcome in once]
    outcomes += [run(RACES[name], schedule) for schedule in spread(twice, CI_TWO_PREEMPTIONS)]
    violations = [f"{each.violations} {each.arguments}" for each in outcomes if each.violations]
    assert violations == []


def _preempted(schedule: Schedule, outcome: Outcome) -> Sequence[Schedule]:
    return schedule.with_another_preemption(outcome.turns) if schedule.preemptions else ()


@pytest.mark.parametrize("operation", OPEN_OPERATIONS, ids=lambda operation: operation.name)
def test_an_open_operation_has_all_writes_except_the_last(operation: OpenOperation) -> None:
    world = World.opened(prepared(*operation.steps))
    operation.request(world.api)
    world.api.settle()
    writes = world.cloud.wire.writes()
    assert (len(writes) - 1, writes[-1]) == (operation.writes, "tables.close")


def test_the_sizes_are_documented() -> None:
    assert SIZES.is_documented("races")
