"""The kinds of operations: one module of pure rules for each kind, loaded on demand."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from devops_core.kinds.kind import Kind

# A kind's module has its name. Only the contract calls a promotion "deploy-blue".
_MODULES = {"deploy-blue": "promote"}


class UnknownKindError(Exception):
    """An operation has a kind that this version does not have."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"this version of the service has no operations of the kind {kind}:"
            " install the version that began the operation"
        )


def module_name(kind: str) -> str:
    """Return the name of a kind's modules in this package, `details` and `observe`."""
    return _MODULES.get(kind, kind)


def load(kind: str) -> Kind:
    """Return the rules of a kind; UnknownKindError for a kind of a newer version."""
    try:
        found: Kind = import_module(f"{__name__}.{module_name(kind)}").KIND
    except ModuleNotFoundError as error:
        raise UnknownKindError(kind) from error
    return found
