"""Comparison of the scaling on record with the scalable targets; pure."""

from __future__ import annotations

from devops_core.model.inventory import Row
from devops_core.model.observed import Observed
from devops_core.model.scaling import ScalableTarget
from devops_core.naming import Environment

_REMEDY = "apply the specification again to restore it"


def scaling_drift(row: Row, observed: Observed) -> str | None:
    """Return the difference between the scaling on record and the scalable target of a row.

    A higher minimum is not a difference, because a swap sets one for a while, if necessary with an
    equal maximum. The scale-in of the idle slot can be suspended. An operation that could not apply
    the scaling has failed with the reason, so its row has no drift.
    """
    service = row.service
    if service is None or service.scaling is None or not service.scaling_known:
        return None
    target = observed.scalable_targets.get(service.name)
    if target is None:
        return f"the service has no scalable target: {_REMEDY}"
    problems = _limits(service.scaling["min"], service.scaling["max"], target)
    if not target.scales_out or not (target.scales_in or row.environment is Environment.PROD_BLUE):
        problems.append("is suspended")
    return f"the scaling of the service {' and '.join(problems)}: {_REMEDY}" if problems else None


def _limits(minimum: int, maximum: int, target: ScalableTarget) -> list[str]:
    raised = target.minimum == target.maximum > maximum
    if target.minimum >= minimum and (target.maximum == maximum or raised):
        return []
    return [
        f"has the limits {target.minimum} to {target.maximum} instead of {minimum} to {maximum}"
    ]
