"""The details of an update."""

from __future__ import annotations

from typing import Any, NamedTuple


class UpdateDetails(NamedTuple):
    """`previous` is the revision before the update; the same one if the update repeats it.

    `pending` lists the settings of production that differ from those of the live slot.
    """

    previous: int
    pending: tuple[str, ...] = ()

    def view(self) -> dict[str, Any]:
        """Return the changes that production receives with its next release."""
        return {"previousRevision": self.previous, "pending": list(self.pending)}

    def milestones(self) -> dict[str, Any]:
        """Return no times."""
        return {}


DETAILS = UpdateDetails
