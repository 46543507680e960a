"""Details: the members of an operation that only its kind has, one module for each such kind.

A read of an ended operation needs the details, but not the rules of its kind, so they are apart.
"""

from __future__ import annotations

from datetime import datetime
from importlib import import_module
from typing import Any, Protocol

from devops_core import kinds


class Details(Protocol):
    """The details of an operation, a named tuple."""

    def view(self, *, ended: bool) -> dict[str, Any]:
        """Return members of the view of an operation, which may have ended, as JSON."""

    def milestones(self) -> dict[str, datetime | None]:
        """Return times by their name in the view, for example "switchedAt"."""


def details_type(kind: str) -> type[Any] | None:
    """Return the class of `Operation.details` for a kind.

    None means a kind without details, or a kind of a newer version of this service.
    """
    name = f"{__name__}.{kinds.module_name(kind)}"
    try:
        found: type[Any] = import_module(name).DETAILS
    except ModuleNotFoundError:
        return None
    return found
