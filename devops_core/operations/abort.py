"""End an operation before it has come to its end: back to what was, as far as there is a way."""

from __future__ import annotations

from dataclasses import replace

from devops_core.errors import (
    AlreadyEndedError,
    ChangedMeanwhileError,
    LostClaimError,
    NotAbortableError,
)
from devops_core.model import Kind, Operation
from devops_core.operations import audit
from devops_core.operations.look import recorded
from devops_core.operations.reconcile import onward
from devops_core.ports import Cloud

# How often an operation that a worker moves on at this moment is looked at anew.
_LOOKS = 5


def abort(cloud: Cloud, application: str, operation_id: str, caller: str) -> Operation:
    """Ask for the end of an operation and return it as far as it goes now; twice does no harm.

    A deploy goes back to the version before in every environment that is not done; what a create
    has made is deleted; a swap that has not moved the customers leaves production alone, one that
    has is finished. Raises NotFoundError, AlreadyEndedError, NotAbortableError.
    """
    for _ in range(_LOOKS):
        operation = recorded(cloud, application, operation_id)
        if operation.aborted_by:
            return onward(cloud, operation)
        _check(operation)
        # A worker that is acting now loses the operation and leaves it when it wants to save; its
        # lease stays, so that nobody acts before that worker is certainly gone.
        aborted = replace(operation, aborted_by=caller)
        try:
            saved = cloud.tables.save(*audit.news(operation, aborted, cloud.clock.now()))
        except LostClaimError:
            continue
        return onward(cloud, saved)
    raise ChangedMeanwhileError(f"operation {operation_id} is moving on; call again")


def _check(operation: Operation) -> None:
    if operation.ended:
        raise AlreadyEndedError(
            f"operation {operation.id} has ended already: it has {operation.status}"
        )
    if operation.kind is Kind.DELETE:
        raise NotAbortableError("a delete cannot be aborted: CloudFormation does not stop one")
