"""A deterministic scheduler: actors are threads, of which only one runs at any time.

A `Schedule` defines the outgoing calls before which an actor is preempted.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from tests.lab.fakes import Call, Wire

_TURN = re.compile(r"([A-Z])(\d*)")


@dataclass(frozen=True, slots=True)
class Turn:
    """An actor, and the number of its outgoing calls before its preemption (None: no limit)."""

    actor: int
    calls: int | None = None

    def __str__(self) -> str:
        return f"{chr(ord('A') + self.actor)}{'' if self.calls is None else self.calls}"


@dataclass(frozen=True, slots=True)
class Schedule:
    """The turns of the actors; after the last turn, all run to their end one after the other.

    With "A", A runs before B. With "A3", B runs between A's third and fourth call. "A3B1" also
    preempts B, after its first call.
    """

    turns: tuple[Turn, ...]

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """Return the schedule of a text like "A3B1"; raises ValueError."""
        if not re.fullmatch(rf"({_TURN.pattern})+", text):
            raise ValueError(f"{text} is not a schedule: write it like A, A3 or A3B1")
        found = _TURN.findall(text)
        return cls(
            tuple(
                Turn(ord(actor) - ord("A"), int(calls) if calls else None) for actor, calls in found
            )
        )

    def __str__(self) -> str:
        return "".join(map(str, self.turns))

    @property
    def preemptions(self) -> int:
        """The number of turns that end with a preemption."""
        return sum(turn.calls is not None for turn in self.turns)

    def with_another_preemption(self, taken: Sequence[Turn]) -> list[Schedule]:
        """Return the schedules with one more preemption; `taken` has the turns of this one.

        The calls of an actor depend on the other actors. Therefore only the turn after the last
        preemption is divided, before each of its calls except the first.
        """
        turns = tuple(turn for turn in self.turns if turn.calls is not None)
        following = taken[len(turns)]
        places = range(1, following.calls or 0)
        return [Schedule((*turns, Turn(following.actor, calls))) for calls in places]


class Completed(Protocol):
    """The result of a schedule."""

    @property
    def turns(self) -> Sequence[Turn]:
        """The turns in order, each with the number of its calls."""


R = TypeVar("R", bound=Completed)


def interleavings(
    run: Callable[[Schedule], R], preemptions: int = 2
) -> Iterator[tuple[Schedule, R]]:
    """Run two actors in all interleavings with a maximum of preemptions."""
    remaining = [Schedule((Turn(actor),)) for actor in (1, 0)]
    while remaining:
        schedule = remaining.pop()
        completed = run(schedule)
        yield schedule, completed
        if schedule.preemptions < preemptions:
            remaining += reversed(schedule.with_another_preemption(completed.turns))


class Stopped(BaseException):
    """The race ends because another actor has raised an exception."""


class Scheduler:
    """Runs actors by a schedule, which can preempt them before each outgoing call.

    `calls` has the calls in order, each with its actor ("A tables.claim"). `error` is the first
    exception of an actor.
    """

    def __init__(self, wire: Wire, schedule: Schedule) -> None:
        self._wire = wire
        self._planned = list(schedule.turns)
        self._resumptions: list[threading.Semaphore] = []
        self._active: list[int] = []
        self._finished = threading.Semaphore(0)
        self._remaining_calls: int | None = None
        self._turns: list[list[int]] = []
        self._actors: dict[int, int] = {}
        self.calls: list[str] = []
        self._time = 0
        self.error: BaseException | None = None

    @property
    def turns(self) -> list[Turn]:
        """The turns so far, each with the number of its calls."""
        return [Turn(actor, calls) for actor, calls in self._turns]

    def next_time(self) -> int:
        """Return the next time: a number that increases with each call."""
        self._time += 1
        return self._time

    def calls_of(self, actor: int, calls: Sequence[Call]) -> list[Call]:
        """Return the calls of one actor."""
        return [call for call in calls if self._actors.get(call.number) == actor]

    def run(self, actors: Sequence[Callable[[], None]]) -> None:
        """Run the actors until all have ended or one has raised an exception."""
        self._active = list(range(len(actors)))
        self._resumptions = [threading.Semaphore(0) for _ in actors]
        threads = [
            threading.Thread(target=self._run_actor, args=(number, act), daemon=True)
            for number, act in enumerate(actors)
        ]
        # The first watcher, so that the others check the state at the time of the call.
        self._wire.watchers.insert(0, self)
        for thread in threads:
            thread.start()
        self._resume_next(len(actors) - 1)
        self._finished.acquire()
        for thread in threads:
            thread.join()
        self._wire.watchers.remove(self)

    def __call__(self, call: Call) -> None:
        """Before a call: preempt its actor if its turn is over."""
        actor = self._turns[-1][0]
        if self._remaining_calls == 0:
            self._resume_next(actor)
            self._resumptions[actor].acquire()
        if self.error:
            raise Stopped
        if self._remaining_calls is not None:
            self._remaining_calls -= 1
        self._turns[-1][1] += 1
        self._actors[call.number] = actor
        self.calls.append(f"{Turn(actor)} {call.name}")

    def _run_actor(self, number: int, act: Callable[[], None]) -> None:
        self._resumptions[number].acquire()
        try:
            if not self.error:
                act()
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - Broken is a BaseException
            self.error = error
        self._active.remove(number)
        self._resume_next(number)

    def _resume_next(self, actor: int) -> None:
        """Resume the next actor, which can be the same one."""
        if not self._active:
            self._finished.release()
            return
        later = (number for number in self._active if number > actor)
        turn = Turn(next(later, self._active[0]))
        while self._planned:
            planned = self._planned.pop(0)
            if planned.actor in self._active and planned.calls != 0:
                turn = planned
                break
        self._remaining_calls = turn.calls
        self._turns.append([turn.actor, 0])
        self._resumptions[turn.actor].release()
