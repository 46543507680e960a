"""Actors as threads: only the actor with the baton runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from tests.lab.fakes import Call, Wire
from tests.proofs.races.schedule import Schedule, Turn


class Stopped(BaseException):
    """Another actor has found a broken promise: the race ends."""


class Baton:
    """Runs actors by a schedule, which can pass the baton before each outgoing call.

    `calls` has the calls in order, each with its actor ("A tables.claim"). `error` is the first
    exception of an actor.
    """

    def __init__(self, wire: Wire, schedule: Schedule) -> None:
        self._wire = wire
        self._planned = list(schedule.turns)
        self._gates: list[threading.Semaphore] = []
        self._going: list[int] = []
        self._over = threading.Semaphore(0)
        self._left: int | None = None
        self._made: list[list[int]] = []
        self._owners: dict[int, int] = {}
        self.calls: list[str] = []
        self._now = 0
        self.error: BaseException | None = None

    @property
    def turns(self) -> list[Turn]:
        """The turns so far, each with the number of its calls."""
        return [Turn(actor, calls) for actor, calls in self._made]

    def now(self) -> int:
        """Return the next number of a counter."""
        self._now += 1
        return self._now

    def own(self, actor: int, calls: Sequence[Call]) -> list[Call]:
        """Return the calls of one actor among some calls."""
        return [call for call in calls if self._owners.get(call.number) == actor]

    def run(self, actors: Sequence[Callable[[], None]]) -> None:
        """Run the actors until all have ended, or one has raised an exception."""
        self._going = list(range(len(actors)))
        self._gates = [threading.Semaphore(0) for _ in actors]
        threads = [
            threading.Thread(target=self._live, args=(number, act), daemon=True)
            for number, act in enumerate(actors)
        ]
        # The first watcher, so that the others check the state at the time of the call.
        self._wire.watchers.insert(0, self)
        for thread in threads:
            thread.start()
        self._pass_on(len(actors) - 1)
        self._over.acquire()
        for thread in threads:
            thread.join()
        self._wire.watchers.remove(self)

    def __call__(self, call: Call) -> None:
        """Pass the baton before this call if the turn of its actor is over."""
        actor = self._made[-1][0]
        if self._left == 0:
            self._pass_on(actor)
            self._gates[actor].acquire()
        if self.error:
            raise Stopped
        if self._left is not None:
            self._left -= 1
        self._made[-1][1] += 1
        self._owners[call.number] = actor
        self.calls.append(f"{Turn(actor)} {call.name}")

    def _live(self, number: int, act: Callable[[], None]) -> None:
        self._gates[number].acquire()
        try:
            if not self.error:
                act()
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - Broken is a BaseException
            self.error = error
        self._going.remove(number)
        self._pass_on(number)

    def _pass_on(self, actor: int) -> None:
        """Give the baton to the next actor, which can be the same one."""
        if not self._going:
            self._over.release()
            return
        later = (number for number in self._going if number > actor)
        turn = Turn(next(later, self._going[0]))
        while self._planned:
            planned = self._planned.pop(0)
            if planned.actor in self._going and planned.calls != 0:
                turn = planned
                break
        self._left = turn.calls
        self._made.append([turn.actor, 0])
        self._gates[turn.actor].release()
