"""The part of the sequential specification about the phases of a swap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.lab import swap_steps
from tests.lab.swap_steps import ALL


@dataclass(frozen=True, slots=True)
class SwapState:
    """The policy of a swap and its progress.

    `weights` has the weights of the new release one after the other, `weight` is the present one.
    `approval` is the step before which the swap needs an approval ("shift" or "full"). `awaiting`,
    `approved`, `finished` and `returning` are on record. `late` means that a worker, which had
    begun before an abort, has increased the weight after it. `expired` means that the time for the
    approval had passed before the race.
    """

    weights: tuple[int, ...] = (ALL,)
    approval: str | None = None
    weight: int = 0
    awaiting: bool = False
    approved: bool = False
    finished: bool = False
    returning: bool = False
    late: bool = False
    expired: bool = False

    @classmethod
    def of(cls, policy: Mapping[str, Any]) -> SwapState:
        """Return a new swap with the members of a policy as JSON."""
        return cls(swap_steps.weights(policy), swap_steps.approval(policy))

    @property
    def waits_for_approval(self) -> bool:
        """Whether a caller can approve the next step."""
        waits = self.awaiting and not (self.approved or self.finished or self.returning)
        return waits and not self.expired

    def needs_approval(self, weight: int) -> bool:
        """Return whether a shift to a weight is the step before which an approval is necessary."""
        first = self.approval == "shift" and self.weight == 0
        return first or (self.approval == "full" and weight == ALL)

    def shifted(self, weight: int, *, aborted: bool) -> SwapState | None:
        """Return the swap after a change of the listener, None if the change is impossible."""
        if weight == self.weight:
            return self
        if weight < self.weight:
            return replace(self, weight=0) if weight == 0 and (self.returning or aborted) else None
        following = next(each for each in self.weights if each > self.weight)
        possible = weight == following or (self.finished and weight == ALL)
        free = self.approved or self.finished or not self.needs_approval(weight)
        if not possible or not free or self.returning or (aborted and self.late):
            return None
        return replace(self, weight=weight, late=aborted)

    def with_finish(self) -> SwapState | None:
        """Return the swap without its waits, also without the one for its next approval.

        None if the time for this approval has passed.
        """
        if self.expired and not (self.approved or self.finished):
            return None
        first = self.approval == "shift" and self.weight == 0
        last = self.needs_approval(ALL) and (self.weight > 0 or self.weights == (ALL,))
        return replace(self, finished=True, approved=self.approved or first or last)


NEW_SWAP = SwapState()
