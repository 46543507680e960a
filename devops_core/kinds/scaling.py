"""Rules for the scaling of services, shared by rollouts and stacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from devops_core.model.inventory import Service
from devops_core.model.observed import RunningService
from devops_core.model.operation import Progress
from devops_core.model.specification import EnvironmentSettings
from devops_core.model.steps import ApplyScaling, RemoveScaling, ScaleService
from devops_core.naming import Environment


def planned(service: Service, settings: EnvironmentSettings) -> dict[str, Any]:
    """Return the members of the initial progress for the scaling of a service.

    Each rollout applies the scaling again, so that it ends changes made by hand.
    """
    scalable = service.scaling is not None
    nothing = settings.scaling is None and not scalable
    return {"scaling": settings.scaling, "scaled": nothing, "scalable": scalable}


def next_step(
    part: Progress, service: RunningService
) -> ApplyScaling | RemoveScaling | ScaleService | None:
    """Return the next step of the scaling after a complete rollout, None if there is none left.

    After the removal of the scaling the service gets its task count.
    """
    if not part.scaled and part.scaling is None:
        return RemoveScaling(part.service)
    if not part.scaled and part.scaling is not None:
        return _applied(part, part.scaling, service)
    if part.scaling and service.desired < part.scaling["min"]:
        return ScaleService(part.service, part.scaling["min"])
    count = None if part.scaling else part.desired_count
    if part.scalable and count is not None and count != service.desired:
        return ScaleService(part.service, count)
    return None


def _applied(part: Progress, scaling: Mapping[str, int], service: RunningService) -> ApplyScaling:
    """Return the step that applies a scaling; without a release, a slot keeps its tasks.

    The idle slot keeps them until the next promote. The live slot keeps them for a while, because
    a swap can have raised its minimum just now.
    """
    if not part.only_counts:
        return ApplyScaling(part.service, scaling)
    if part.environment is Environment.PROD_BLUE:
        return ApplyScaling(part.service, scaling, scales_in=False)
    kept = min(service.desired, scaling["max"])
    return ApplyScaling(part.service, scaling, minimum=kept if kept > scaling["min"] else None)


def recorded(service: Service, part: Progress) -> Service:
    """Return a service with the scaling that it has after a rollout, also a failed one."""
    if part.scaled:
        return replace(service, scaling=part.scaling, scaling_known=True)
    if not part.scalable or service.has_scaling(part.scaling):
        return service
    # A change of only the size can be repeated; another rollout compares its settings.
    first, second = service.scaling, part.scaling
    if part.only_counts:
        first, second = second, first
    return replace(service, scaling=first or second, scaling_known=False)
