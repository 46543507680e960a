"""EventBridge: an event of AWS, or a schedule."""

from collections.abc import Mapping
from typing import Any

from devops_core import http
from devops_core.drift.check import check_next_applications, handle_change
from devops_core.engine.reconcile import sweep_open
from devops_core.http.triggers import changed_application, is_drift_check
from devops_core.model.operation import Operation
from devops_core.ports import Cloud


@http.background
def handle(event: Mapping[str, Any], cloud: Cloud) -> list[Operation]:
    """Advance the operations of one application or all open operations, or check for drift."""
    if is_drift_check(event):
        return check_next_applications(cloud)
    application = changed_application(event)
    return handle_change(cloud, application) if application else sweep_open(cloud)
