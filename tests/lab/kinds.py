"""The kinds of operations that the service has."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from devops_core import kinds
from devops_core.drift import repair
from devops_core.kinds.kind import Kind

_MODULES = [
    import_module(f"{kinds.__name__}.{each.name}") for each in pkgutil.iter_modules(kinds.__path__)
]
# The rules of the kinds that callers request, by name.
RULES: dict[str, Kind] = {each.KIND.name: each.KIND for each in _MODULES if hasattr(each, "KIND")}
# The names of all kinds in the contract; the drift check adds the repair.
KINDS = (*RULES, repair.KIND)
