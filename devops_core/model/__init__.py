"""The words of the service as frozen values: inventory rows, operations, what AWS was seen to be.

Times are aware datetimes in UTC. Nothing here knows AWS, DynamoDB or HTTP.
"""

from devops_core.model.inventory import (
    Application,
    Inventory,
    Row,
    RowStatus,
    Service,
    ServiceSpec,
    other_slot,
)
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

__all__ = [
    "LEASE",
    "TIME_LIMITS",
    "Application",
    "Deployment",
    "Event",
    "Inventory",
    "Kind",
    "Observed",
    "Operation",
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
