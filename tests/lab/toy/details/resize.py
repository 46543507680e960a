"""The details of a resize."""

from __future__ import annotations

from typing import Any, NamedTuple


class ResizeDetails(NamedTuple):
    """The task count to reach."""

    tasks: int

    def view(self, *, ended: bool) -> dict[str, Any]:
        """Return the task count."""
        del ended
        return {"count": self.tasks}

    def milestones(self) -> dict[str, Any]:
        """Return no times."""
        return {}


DETAILS = ResizeDetails
