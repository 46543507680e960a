"""End an operation before it has come to its end: back to what was, as far as there is a way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from devops_core.errors import (
    AlreadyEndedError,
    ChangedMeanwhileError,
    LostClaimError,
    NotAbortableError,
)
from devops_core.model import Kind, Operation
from devops_core.operations import audit
from devops_core.operations.look import recorded
from devops_core.operations.permit import permit
from devops_core.operations.reconcile import onward
from devops_core.ports import Cloud

if TYPE_CHECKING:
    from devops_core.operations.preview import Preview

# How often an operation that a worker moves on at this moment is looked at anew.
_LOOKS = 5


def abort(
    cloud: Cloud, application: str, operation_id: str, caller: str, *, dry_run: bool
) -> Operation | Preview:
    """Ask for the end of an operation and return it as far as it goes now; twice does no harm.

    A deploy goes back to the version before in every environment that is not done; what a create
    has made is deleted; a swap that has not moved the customers leaves production alone, one that
    has is finished. Of a dry run it is what would be done. It takes the right to start such an
    operation. Raises NotFoundError, ForbiddenError, AlreadyEndedError, NotAbortableError.
    """
    operation = recorded(cloud, application, operation_id)
    _permit(cloud, operation, caller, record=not dry_run)
    if dry_run:
        return _previewed(cloud, operation, caller)
    for _ in range(_LOOKS):
        if operation.aborted_by:
            return onward(cloud, operation)
        _check(operation)
        # A worker that is acting now loses the operation and leaves it when it wants to save; its
        # lease stays, so that nobody acts before that worker is certainly gone.
        aborted = replace(operation, aborted_by=caller)
        try:
            saved = cloud.tables.save(*audit.news(operation, aborted, cloud.clock.now()))
        except LostClaimError:
            operation = recorded(cloud, application, operation_id)
            continue
        return onward(cloud, saved)
    raise ChangedMeanwhileError(f"operation {operation_id} is moving on; call again")


def _previewed(cloud: Cloud, operation: Operation, caller: str) -> Preview:
    if not operation.aborted_by:
        _check(operation)
    # Only a dry run has use for it.
    from devops_core.operations import preview

    return preview.aborted(cloud, operation, caller)


def _permit(cloud: Cloud, operation: Operation, caller: str, *, record: bool) -> None:
    """Raise ForbiddenError for who may not; what has ended nobody changes any more."""
    if operation.ended or not cloud.settings.access.refuses:
        return
    rows, _ = cloud.tables.inventory(operation.application)
    team = rows.application.technical_team if rows.application else None
    kind, application = operation.kind, operation.application
    permit(cloud, kind, application, team, caller, aborts=operation.id, record=record)


def _check(operation: Operation) -> None:
    if operation.ended:
        raise AlreadyEndedError(
            f"operation {operation.id} has ended already: it has {operation.status}"
        )
    if operation.kind is Kind.DELETE:
        raise NotAbortableError("a delete cannot be aborted: CloudFormation does not stop one")
