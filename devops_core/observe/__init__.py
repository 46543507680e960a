"""Observation of AWS for each kind of operation.

Each module has two functions. `before(cloud, request, inventory)` observes AWS for the plan of a
request; it raises ConflictError if the inventory shows that the request cannot be fulfilled.
`during(cloud, operation, inventory)` observes AWS for the next decision. Independent calls are
made at the same time.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from devops_core import kinds

if TYPE_CHECKING:
    from devops_core.kinds.kind import Kind
    from devops_core.model.inventory import Inventory
    from devops_core.model.observed import Observed
    from devops_core.model.operation import Operation
    from devops_core.ports import Cloud


class Controller(NamedTuple):
    """The rules of a kind with its observations of AWS: everything that the engine needs of it.

    `load_balancer_reads` is the number of requests of `during` to Elastic Load Balancing.
    """

    kind: Kind
    before: Callable[[Cloud, Any, Inventory], Observed]
    during: Callable[[Cloud, Operation, Inventory], Observed]
    load_balancer_reads: int = 0


def load_controller(kind: str) -> Controller:
    """Return the controller of a kind, whose modules are imported on demand.

    Raises UnknownKindError for a kind of a newer version.
    """
    try:
        found: Controller = import_module(f"{__name__}.{kinds.module_name(kind)}").CONTROLLER
    except ModuleNotFoundError as error:
        raise kinds.UnknownKindError(kind) from error
    return found
