"""Reconciliation of several operations: those of an application, or all that are open."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from devops_core.engine import telemetry
from devops_core.engine.reconcile import resume

if TYPE_CHECKING:
    from devops_core.model import Operation
    from devops_core.ports import Cloud


def sweep_open(cloud: Cloud) -> list[Operation]:
    """Reconcile all open operations and report the number that is still open."""
    found = cloud.tables.open_operations()
    swept = sweep(cloud, found)
    telemetry.sweep_finished(cloud, len(found), swept)
    return swept


def sweep(cloud: Cloud, keys: Iterable[tuple[str, str]]) -> list[Operation]:
    """Reconcile operations by `(application, id)`; an error in one does not affect the others."""
    swept = []
    for application, operation_id in keys:
        facts = {"operation": operation_id, "applicationName": application}
        try:
            operation = cloud.tables.operation(application, operation_id)
            if operation:
                facts = operation.facts
                operation = resume(cloud, operation)
        except Exception as error:  # noqa: BLE001 - one broken record must not stop the others
            telemetry.reconcile_failed(cloud, "reconcile failed", error, **facts)
            continue
        if operation:
            swept.append(operation)
    return swept
