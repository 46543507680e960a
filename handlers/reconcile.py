"""EventBridge: an event of AWS, or a schedule."""

from collections.abc import Mapping
from typing import Any

from devops_core import http
from devops_core.drift.check import check_application, check_next_applications
from devops_core.engine.sweep import sweep, sweep_open
from devops_core.http.triggers import changed_application, is_drift_check, is_stopped_task
from devops_core.model.operation import Operation
from devops_core.ports import Cloud


@http.background
def handle(event: Mapping[str, Any], cloud: Cloud) -> list[Operation]:
    """Advance the operations of one application or all open operations, or check for drift."""
    if is_drift_check(event):
        return check_next_applications(cloud)
    application = changed_application(event)
    if not application:
        return sweep_open(cloud)
    return _changed(cloud, application, may_be_drift=not is_stopped_task(event))


def _changed(cloud: Cloud, application: str, *, may_be_drift: bool) -> list[Operation]:
    """Advance the operations of an application. Without one, the change may come from outside.

    The tasks of a crash loop stop every few seconds, so they start no drift check.
    """
    inventory, _ = cloud.tables.inventory(application)
    if claims := inventory.claims:
        return sweep(cloud, ((application, claim) for claim in sorted(claims)))
    repair = check_application(cloud, inventory) if may_be_drift else None
    return [repair] if repair else []
