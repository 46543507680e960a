"""The details of an upgrade."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from devops_core.model.stack_change import StackChange


class UpgradeDetails(NamedTuple):
    """`stack` is the change of the stack; the other members are those of `UpdateDetails`."""

    stack: StackChange
    executed_at: datetime | None = None
    undoing: bool = False
    continued: bool = False
    changed: bool = False

    def view(self, *, ended: bool) -> dict[str, Any]:
        """Return the new template, and the names of the parameters that change."""
        del ended
        return {
            "template": self.stack.template.view() if self.stack.template else None,
            "stack": self.stack.view(),
        }

    def milestones(self) -> dict[str, Any]:
        """Return no times."""
        return {}


DETAILS = UpgradeDetails
