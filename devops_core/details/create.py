"""The details of a create."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from devops_core.model.template import Template


class CreateDetails(NamedTuple):
    """`template` is the template of the stack.

    `registers` lists the services that need a task definition of their own after the stack exists,
    because its parameters cannot hold their settings. `configures` lists the services that need an
    update at all. `undoing` means that the create has failed and its stack must be deleted.
    `containers` has the name of the application's container by service, as soon as the stack is
    complete.
    """

    template: Template | None = None
    stack_id: str | None = None
    undoing: bool = False
    containers: Mapping[str, str] = {}
    registers: tuple[str, ...] = ()
    configures: tuple[str, ...] = ()

    def view(self, *, ended: bool) -> dict[str, Any]:
        """Return the template."""
        del ended
        return {"template": self.template.view() if self.template else None}

    def milestones(self) -> dict[str, Any]:
        """Return no times."""
        return {}


DETAILS = CreateDetails
