"""The details of an update."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from devops_core.model.stack_change import StackChange


class UpdateDetails(NamedTuple):
    """`previous` is the revision before the update; the same one if the update repeats it.

    `pending` lists the settings of production that differ from those of the live slot. `stack` is
    the change of the stack, None without one. `executed_at` is the time of the decision to execute
    its change set. `undoing` means that the operation fails as soon as its change set is deleted.
    `continued` means that the service has continued the rollback of the stack. `changed` means that
    the stack has the change, so that the revision becomes the present one. `containers` has the
    name of the application's container in each added environment, by service.
    """

    previous: int
    pending: tuple[str, ...] = ()
    stack: StackChange | None = None
    executed_at: datetime | None = None
    undoing: bool = False
    continued: bool = False
    changed: bool = False
    containers: Mapping[str, str] = {}

    @property
    def changing(self) -> bool:
        """Whether the stack does not have its change yet."""
        return self.stack is not None and not self.changed

    def view(self, *, ended: bool) -> dict[str, Any]:
        """Return the change of the stack, and the settings of production's next release."""
        del ended
        return {
            "previousRevision": self.previous,
            "pending": list(self.pending),
            "stack": self.stack.view() if self.stack else None,
        }

    def milestones(self) -> dict[str, Any]:
        """Return no times."""
        return {}


DETAILS = UpdateDetails
