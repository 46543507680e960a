"""Whether calls that overlapped can be put in an order, each at one moment between its two ends.

The search of Wing and Gong ("Testing and verifying concurrent objects", 1993): any call that no
other one ended before may be the next, if the sequential specification allows what it answered.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

S = TypeVar("S", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Step(Generic[S]):
    """A call that has ended: when it began and ended, and what the specification says of it.

    `apply` returns the state that it leads to, or None when it cannot have answered so there.
    """

    name: str
    began: int
    ended: int
    apply: Callable[[S], S | None]


def order(steps: Sequence[Step[S]], state: S) -> list[Step[S]] | None:
    """Return the steps in an order that the specification allows, None when there is none."""
    dead: set[tuple[frozenset[int], S]] = set()

    def search(left: frozenset[int], now: S) -> list[Step[S]] | None:
        if not left:
            return []
        if (left, now) in dead:
            return None
        # Nothing can come before a call that had ended when it began.
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
