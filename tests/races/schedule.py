"""When actors hand over to each other, and all the ways in which two can."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

_TURN = re.compile(r"([A-Z])(\d*)")


@dataclass(frozen=True, slots=True)
class Turn:
    """An actor, and after how many outgoing calls it is preempted; None lets it come to its end."""

    actor: int
    calls: int | None = None

    def __str__(self) -> str:
        return f"{chr(ord('A') + self.actor)}{'' if self.calls is None else self.calls}"


@dataclass(frozen=True, slots=True)
class Schedule:
    """The turns that actors take; after the last one the next actor goes on, each to its end.

    "A" is A and then B, "A3" lets B do all it does between A's third call and its fourth, "A3B1"
    preempts B in that after its first call.
    """

    turns: tuple[Turn, ...]

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """Return the schedule of a text like "A3B1"; ValueError when it is none."""
        if not re.fullmatch(rf"({_TURN.pattern})+", text):
            raise ValueError(f"{text} is no schedule: give it like A, A3 or A3B1")
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
        """How many of its turns end before their actor does."""
        return sum(turn.calls is not None for turn in self.turns)

    def further(self, taken: Sequence[Turn]) -> list[Schedule]:
        """Return those with one more preemption, by the turns that were taken with this one.

        What an actor calls may depend on the others: it can be preempted in the turn that followed
        the last preemption, before each call but its first.
        """
        turns = tuple(turn for turn in self.turns if turn.calls is not None)
        following = taken[len(turns)]
        places = range(1, following.calls or 0)
        return [Schedule((*turns, Turn(following.actor, calls))) for calls in places]


class Ran(Protocol):
    """What came of a schedule: `turns` are those that actors took, each with its calls."""

    @property
    def turns(self) -> Sequence[Turn]:
        """The turns, in order."""


R = TypeVar("R", bound=Ran)


def interleavings(
    run: Callable[[Schedule], R], preemptions: int = 2
) -> Iterator[tuple[Schedule, R]]:
    """Run two actors in every way with at most so many preemptions."""
    going = [Schedule((Turn(actor),)) for actor in (1, 0)]
    while going:
        schedule = going.pop()
        ran = run(schedule)
        yield schedule, ran
        if schedule.preemptions < preemptions:
            going += reversed(schedule.further(ran.turns))
