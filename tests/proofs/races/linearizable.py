"""A checker of linearizability: an order of overlapping calls, each at one time of its duration.

The search is that of Wing and Gong ("Testing and verifying concurrent objects", 1993): the next
call can be any call that began before all remaining calls had ended, if the sequential
specification allows its response.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

S = TypeVar("S", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Step(Generic[S]):
    """A call with the times of its beginning and its end.

    `apply` returns the state after the call, None if its response is impossible in a state.
    """

    name: str
    began: int
    ended: int
    apply: Callable[[S], S | None]


def order(steps: Sequence[Step[S]], state: S) -> list[Step[S]] | None:
    """Return the steps in an order that the specification allows, None if no order exists."""
    dead: set[tuple[frozenset[int], S]] = set()

    def search(left: frozenset[int], now: S) -> list[Step[S]] | None:
        if not left:
            return []
        if (left, now) in dead:
            return None
        # A call cannot precede a call that ended before it began.
        limit = min(steps[number].ended for number in left)
        for number in sorted(left):
            step = steps[number]
            then = step.apply(now) if step.began <= limit else None
            rest = search(left - {number}, then) if then is not None else None
            if rest is not None:
                return [step, *rest]
        dead.add((left, now))
        return None

    return search(frozenset(range(len(steps))), state)
