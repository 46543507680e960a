"""The words of the service as frozen values: inventory rows, operations, what AWS was seen to be.

Times are aware datetimes in UTC. Nothing here knows AWS, DynamoDB or HTTP.

A name loads its module when it is first asked for (PEP 562), because each of these classes costs a
cold start half a millisecond.
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
    )
    from devops_core.model.listing import EventSearch, Page
    from devops_core.model.observed import Deployment, Observed, RunningService, Stack
    from devops_core.model.operation import (
        LEASE,
        TIME_LIMITS,
        Event,
        Kind,
        Operation,
        Progress,
        Status,
        Template,
        Warmed,
    )
    from devops_core.model.service_spec import ServiceSpec

__all__ = [
    "LEASE",
    "TIME_LIMITS",
    "Application",
    "Deployment",
    "Event",
    "EventSearch",
    "Inventory",
    "Kind",
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
    "Warmed",
    "other_slot",
]

_MODULES = {
    "inventory": ("Application", "Inventory", "Row", "RowStatus", "Service", "other_slot"),
    "listing": ("EventSearch", "Page"),
    "observed": ("Deployment", "Observed", "RunningService", "Stack"),
    "operation": (
        "LEASE", "TIME_LIMITS", "Event", "Kind", "Operation", "Progress", "Status", "Template",
        "Warmed",
    ),
    "service_spec": ("ServiceSpec",),
}  # fmt: skip
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value
