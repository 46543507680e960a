"""The details of a delete."""

from __future__ import annotations

from typing import Any, NamedTuple


class DeleteDetails(NamedTuple):
    """`stack_id` is the stack to delete, None if the inventory does not know it.

    `sent` means that the operation sent DeleteStack, `cleared` that the revisions of the
    specification are deleted.
    """

    stack_id: str | None = None
    sent: bool = False
    cleared: bool = False

    def view(self, *, ended: bool) -> dict[str, Any]:
        """Return no members."""
        del ended
        return {}

    def milestones(self) -> dict[str, Any]:
        """Return no times."""
        return {}


DETAILS = DeleteDetails
