"""The scheduler runs each interleaving of two actors once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from tests.lab.fakes import Wire
from tests.proofs.races.scheduler import Schedule, Scheduler, interleavings


def _calling(wire: Wire, calls: int, log: list[str], name: str) -> Callable[[], None]:
    def act() -> None:
        for number in range(calls):
            wire.call(f"port.call{number}", (), partial(log.append, f"{name}{number}"))
        log.append(f"{name}.")

    return act


def _ran(schedule: str, *calls: int) -> str:
    wire, log = Wire(), list[str]()
    scheduler = Scheduler(wire, Schedule.parse(schedule))
    scheduler.run([_calling(wire, each, log, "abc"[number]) for number, each in enumerate(calls)])
    assert (scheduler.error, wire.watchers) == (None, [])
    return " ".join(log)


@pytest.mark.parametrize(
    ("schedule", "order"),
    [
        ("A", "a0 a1 a2 a. b0 b1 b."),
        ("B", "b0 b1 b. a0 a1 a2 a."),
        ("A1", "a0 b0 b1 b. a1 a2 a."),
        ("A2B1", "a0 a1 b0 a2 a. b1 b."),
        ("B1A1", "b0 a0 b1 b. a1 a2 a."),
        ("A1B1A1", "a0 b0 a1 b1 b. a2 a."),
        ("A9", "a0 a1 a2 a. b0 b1 b."),
    ],
)
def test_a_schedule_defines_the_preemptions(schedule: str, order: str) -> None:
    assert _ran(schedule, 3, 2) == order


def test_three_actors_run_in_turn() -> None:
    assert _ran("C1A1B1C1", 2, 2, 2) == "c0 a0 b0 c1 c. a1 a. b1 b."


def test_actors_without_calls_end() -> None:
    assert _ran("A1", 0, 0, 1) == "a. b. c0 c."


@pytest.mark.parametrize(("first", "second"), [(1, 1), (2, 3), (4, 4)])
def test_all_interleavings_with_two_preemptions_are_run_once(first: int, second: int) -> None:
    orders: dict[str, list[str]] = {}

    def run(schedule: Schedule) -> Scheduler:
        wire, log = Wire(), list[str]()
        scheduler = Scheduler(wire, schedule)
        actors = [_calling(wire, first, log, "a"), _calling(wire, second, log, "b")]
        scheduler.run(actors)
        orders.setdefault(" ".join(log), []).append(str(schedule))
        return scheduler

    schedules = [str(schedule) for schedule, _ in interleavings(run)]
    once = (first - 1) + (second - 1)
    # One actor begins and is preempted before one of its calls; then the other one is.
    assert len(schedules) == len(set(schedules)) == 2 + once + 2 * (first - 1) * (second - 1)
    assert len(orders) == len(schedules)


def test_an_exception_stops_all_actors() -> None:
    wire, log = Wire(), list[str]()
    scheduler = Scheduler(wire, Schedule.parse("A1"))

    def fail() -> None:
        raise KeyError("b")

    scheduler.run([_calling(wire, 2, log, "a"), fail, _calling(wire, 1, log, "c")])
    assert isinstance(scheduler.error, KeyError)
    assert log == ["a0"]


@pytest.mark.parametrize("text", ["", "3", "A3b1", "A-1"])
def test_an_invalid_schedule_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a schedule"):
        Schedule.parse(text)


@pytest.mark.parametrize("text", ["A", "B12", "A3B1", "C1A2B3"])
def test_the_text_of_a_schedule_parses_to_the_same_schedule(text: str) -> None:
    assert str(Schedule.parse(text)) == text
