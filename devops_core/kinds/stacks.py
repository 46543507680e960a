"""Rules for stacks, shared by create and delete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from devops_core.kinds.kind import RowChanges
from devops_core.model.inventory import Row, RowStatus
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation
from devops_core.model.steps import Deregister


def deregistrations(observed: Observed) -> tuple[Deregister, ...]:
    """Return the steps that deregister the task definitions that remain after the stack."""
    return tuple(
        Deregister(service, task_definition)
        for service, task_definitions in observed.orphans.items()
        for task_definition in task_definitions
    )


def undeleted_rows(operation: Operation, held: Sequence[Row], now: datetime) -> RowChanges:
    """Return the rows of a stack that was not deleted, so that a caller can repeat the delete."""
    kept = []
    for row in held:
        stack_id = row.application.stack_id or operation.details.stack_id
        application = replace(row.application, stack_id=stack_id)
        kept.append(
            row.updated(operation, now, application=application, status=RowStatus.DELETE_FAILED)
        )
    return RowChanges(kept)
