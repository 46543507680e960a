"""EventBridge: something happened in AWS, or a minute has passed."""

from collections.abc import Mapping
from typing import Any

from devops_core import api
from devops_core.api.wakeups import application_of, is_drift_check
from devops_core.model import Operation
from devops_core.operations.reconcile import sweep_all, wake
from devops_core.operations.repair import check_all
from devops_core.ports import Cloud


@api.background
def handle(event: Mapping[str, Any], cloud: Cloud) -> list[Operation]:
    """Move on the operations of the application concerned, or all open ones; or look for drift."""
    if is_drift_check(event):
        return check_all(cloud)
    application = application_of(event)
    return wake(cloud, application) if application else sweep_all(cloud)
