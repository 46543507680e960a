"""No interleaving of two callers breaks a promise; `make races` runs all of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pytest

from tests.lab.memory.world import World
from tests.lab.report import spread
from tests.proofs.races.race import Outcome, run
from tests.proofs.races.races import COURSES, RACES, Course
from tests.proofs.races.schedule import Schedule, interleavings
from tests.proofs.races.starts import prepared

# Number of races of each pair of workers.
_POINTS = 5
# Number of interleavings with two preemptions of each race.
_TWICE = 8


def _named(pair: str) -> list[str]:
    return [name for name, race in RACES.items() if race.pair == pair]


_WORKERS = [pair for pair in dict.fromkeys(race.pair for race in RACES.values())
            if any("@" in name for name in _named(pair))]  # fmt: skip
_CALLERS = [name for name in RACES if "@" not in name]
_CHOSEN = [*_CALLERS, *(name for pair in _WORKERS for name in spread(_named(pair), _POINTS))]


@pytest.mark.parametrize("name", _CHOSEN)
def test_no_interleaving_breaks_a_promise(name: str) -> None:
    once = list(interleavings(partial(run, RACES[name]), preemptions=1))
    twice = [schedule for schedule, outcome in once for schedule in _preempted(schedule, outcome)]
    outcomes = [outcome for _, outcome in once]
    outcomes += [run(RACES[name], schedule) for schedule in spread(twice, _TWICE)]
    broken = [f"{each.violations} {each.arguments}" for each in outcomes if each.violations]
    assert broken == []


def _preempted(schedule: Schedule, outcome: Outcome) -> Sequence[Schedule]:
    return schedule.further(outcome.turns) if schedule.preemptions else ()


@pytest.mark.parametrize("course", COURSES, ids=lambda course: course.name)
def test_a_course_has_all_points_but_the_end(course: Course) -> None:
    world = World.opened(prepared(*course.steps))
    course.request(world.api)
    world.api.settle()
    writes = world.cloud.wire.writes()
    assert (len(writes) - 1, writes[-1]) == (course.writes, "tables.close")
