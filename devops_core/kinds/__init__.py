"""The kinds of operations: one module of pure rules for each kind, loaded on demand."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from devops_core.kinds.kind import Kind

# A kind's module has its name. Only the contract calls a promotion "deploy-blue".
_MODULES = {"deploy-blue": "promote"}


def module_name(kind: str) -> str:
    """Return the name of the modules of a kind, in this package and in `devops_core.observe`."""
    return _MODULES.get(kind, kind)


def load(kind: str) -> Kind:
    """Return the rules of a kind."""
    found: Kind = import_module(f"{__name__}.{module_name(kind)}").KIND
    return found


def details_type(kind: str) -> type[Any] | None:
    """Return the class of `Operation.details` for a kind."""
    return load(kind).details
