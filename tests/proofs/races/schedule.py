"""Schedules of actors, and all interleavings of two actors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

_TURN = re.compile(r"([A-Z])(\d*)")


@dataclass(frozen=True, slots=True)
class Turn:
    """An actor and the number of its outgoing calls before its preemption, None for no limit."""

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

    def further(self, taken: Sequence[Turn]) -> list[Schedule]:
        """Return the schedules with one more preemption, given the turns of this schedule.

        The calls of an actor depend on the other actors. Therefore only the turn after the last
        preemption is divided, before each of its calls except the first.
        """
        turns = tuple(turn for turn in self.turns if turn.calls is not None)
        following = taken[len(turns)]
        places = range(1, following.calls or 0)
        return [Schedule((*turns, Turn(following.actor, calls))) for calls in places]


class Ran(Protocol):
    """The result of a schedule: `turns` has the turns with the numbers of their calls."""

    @property
    def turns(self) -> Sequence[Turn]:
        """The turns, in order."""


R = TypeVar("R", bound=Ran)


def interleavings(
    run: Callable[[Schedule], R], preemptions: int = 2
) -> Iterator[tuple[Schedule, R]]:
    """Run two actors in all interleavings with a maximum of preemptions."""
    going = [Schedule((Turn(actor),)) for actor in (1, 0)]
    while going:
        schedule = going.pop()
        ran = run(schedule)
        yield schedule, ran
        if schedule.preemptions < preemptions:
            going += reversed(schedule.further(ran.turns))
