"""Simultaneous actors on a simulated clock.

Actors are threads, of which only one runs at any time: the one with the earliest time. It runs
until it sleeps, and the clock then has the time of the next actor. So a run is deterministic and
takes no real time.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from tests.lab.fakes import Crash
from tests.lab.fakes.clock import FakeClock

Act = Callable[[], Any]


class Stopped(BaseException):
    """The run ends, because another actor has raised an exception."""


class Timeline:
    """The actors in the order of their times, in seconds since the start."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._due: list[tuple[float, int, threading.Semaphore]] = []
        self._numbers = itertools.count()
        self._own = threading.local()
        self._finished = threading.Semaphore(0)
        self._threads: list[threading.Thread] = []
        self._error: BaseException | None = None
        self.now = 0.0

    def start(self, act: Act, after: float = 0.0) -> None:
        """Start an actor after some seconds."""
        self._start(act, after, limit=None)

    def run(self) -> None:
        """Run all actors to their end; raise the first exception of an actor."""
        self._resume_next()
        self._finished.acquire()
        for thread in self._threads:
            thread.join()
        if self._error:
            raise self._error

    def sleep(self, seconds: float) -> None:
        """Let other actors run for some seconds. Raises Crash at the limit of an invocation."""
        limit = self._limit
        until = self.now + max(seconds, 0.0)
        exceeded = limit is not None and until >= limit
        turn = threading.Semaphore(0)
        self._add(limit if exceeded and limit is not None else until, turn)
        self._resume_next()
        turn.acquire()
        if self._error:
            raise Stopped
        if exceeded:
            raise Crash("the time limit of the function")

    def limited(self, seconds: float, act: Callable[[], Any]) -> Any:
        """Execute an invocation of a function with a time limit, after which it raises Crash."""
        self._own.limit = self.now + seconds
        try:
            return act()
        finally:
            self._own.limit = None

    def together(self, calls: Sequence[Callable[[], Any]]) -> list[Any]:
        """Make calls at the same time and return their results; raise their first exception."""
        results: list[Any] = [None] * len(calls)
        errors: list[BaseException] = []
        open_, done = [len(calls)], threading.Semaphore(0)

        def make(number: int, call: Callable[[], Any]) -> None:
            try:
                results[number] = call()
            except BaseException as error:  # noqa: BLE001 - raised again by the caller
                errors.append(error)
            open_[0] -= 1
            if not open_[0]:
                self._add(self.now, done)

        for number, call in enumerate(calls):
            self._start(partial(make, number, call), 0.0, self._limit)
        if calls:
            self._resume_next()
            done.acquire()
        if self._error:
            raise Stopped
        if errors:
            raise errors[0]
        return results

    def work_off(
        self, calls: Iterable[Callable[[], Any]], workers: int, until: datetime
    ) -> list[Any]:
        """Make calls with some workers, each of which makes one call after the other.

        No call of a simulation hangs, so all calls end before `until`.
        """
        waiting, results = iter(calls), []

        def work() -> None:
            for call in waiting:
                results.append(call())

        self.together([work] * workers)
        assert self._clock.now() <= until
        return results

    @property
    def _limit(self) -> float | None:
        return getattr(self._own, "limit", None)

    def _start(self, act: Act, after: float, limit: float | None) -> None:
        turn = threading.Semaphore(0)

        def live() -> None:
            turn.acquire()
            self._own.limit = limit
            try:
                if not self._error:
                    act()
            except Stopped:
                pass
            except BaseException as error:  # noqa: BLE001 - `run` raises it
                self._error = self._error or error
            self._resume_next()

        thread = threading.Thread(target=live, daemon=True)
        self._threads.append(thread)
        self._add(self.now + after, turn)
        thread.start()

    def _add(self, time: float, turn: threading.Semaphore) -> None:
        heapq.heappush(self._due, (time, next(self._numbers), turn))

    def _resume_next(self) -> None:
        if not self._due:
            self._finished.release()
            return
        time, _, turn = heapq.heappop(self._due)
        self._clock.pass_(seconds=time - self.now)
        self.now = time
        turn.release()
