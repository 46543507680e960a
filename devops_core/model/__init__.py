"""The values of the service: inventory rows, operations, the observed state of AWS.

Times are aware datetimes in UTC. The values are independent of AWS, DynamoDB and HTTP.

The first access to a name loads its module (PEP 562), because each dataclass adds half a
millisecond to a cold start. `devops_core.model.decisions` is imported by its own name.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from devops_core.model.inventory import (
        Application,
        Inventory,
        Row,
        RowStatus,
        Service,
        other_slot,
        require_live_slot,
    )
    from devops_core.model.listing import EventSearch, Page
    from devops_core.model.observed import Deployment, Observed, RunningService, Stack, Template
    from devops_core.model.operation import LEASE, Event, Operation, Progress, Status
    from devops_core.model.service_spec import ServiceSpec

__all__ = [
    "LEASE",
    "Application",
    "Deployment",
    "Event",
    "EventSearch",
    "Inventory",
    "Observed",
    "Operation",
    "Page",
    "Progress",
    "Row",
    "RowStatus",
    "RunningService",
    "Service",
    "ServiceSpec",
    "Stack",
    "Status",
    "Template",
    "other_slot",
    "require_live_slot",
]

_MODULES = {
    "inventory": (
        "Application", "Inventory", "Row", "RowStatus", "Service", "other_slot",
        "require_live_slot",
    ),
    "listing": ("EventSearch", "Page"),
    "observed": ("Deployment", "Observed", "RunningService", "Stack", "Template"),
    "operation": ("LEASE", "Event", "Operation", "Progress", "Status"),
    "service_spec": ("ServiceSpec",),
}  # fmt: skip
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value
