"""The change set of a dry run: CloudFormation shows the changes of an upgrade before it makes them.

A change set changes no resource. The dry run deletes it after it has read the changes. One that
remains after a crash is deleted by the next dry run of the application, and by CloudFormation when
an update of the stack begins (CloudFormation API, ExecuteChangeSet).
"""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

from devops_core import templates
from devops_core.errors import RefusedError
from devops_core.model.decisions import Plan
from devops_core.model.observed import Stack
from devops_core.model.operation import Operation
from devops_core.model.stack_change import DRY_RUN, ChangeSet, StackChange
from devops_core.ports import Cloud

# Time for CloudFormation, within the 29 s of API Gateway.
_LIMIT = timedelta(seconds=15)
_POLL = 1.0  # seconds


def change_set(cloud: Cloud, plan: Plan, operation: Operation) -> ChangeSet | None:
    """Return the complete change set of a planned upgrade, None if CloudFormation needs longer.

    Raises RefusedError if CloudFormation refuses the template or its parameters.
    """
    stack, record, change = plan.observed.stack, plan.record and plan.record.seen, plan.stack
    if stack is None or record is None or change is None:
        raise ValueError(f"the kind {operation.kind} plans a change set without a stack")
    description = _description(change)
    found = cloud.stacks.change_set(stack.id, DRY_RUN)
    if found and (found.description != description or found.status == "FAILED"):
        cloud.stacks.delete_change_set(stack.id, DRY_RUN)
        found = None
    if found is None:
        request = templates.change_set_request(cloud, operation, record, stack)
        cloud.stacks.create_change_set(
            {**request, "ChangeSetName": DRY_RUN, "Description": description}
        )
    complete = _completed(cloud, stack)
    if complete is None:
        return None
    failures: tuple[str, ...] = ()
    if complete.status == "FAILED" and not complete.empty:
        failures = cloud.stacks.change_set_failures(stack.id, complete.id) or (complete.reason,)
    cloud.stacks.delete_change_set(stack.id, DRY_RUN)
    if failures:
        raise RefusedError("; ".join(failures))
    return complete


def _completed(cloud: Cloud, stack: Stack) -> ChangeSet | None:
    """Return the change set as soon as it has its changes, None after the limit."""
    until = cloud.clock.now() + _LIMIT
    while True:
        found = cloud.stacks.change_set(stack.id, DRY_RUN)
        if found and found.status in ("CREATE_COMPLETE", "FAILED"):
            return found
        if cloud.clock.now() >= until:
            return None
        cloud.clock.wait(_POLL)


def _description(change: StackChange) -> str:
    """Return a description that only a change set of the same change has."""
    source = change.template.sha256 if change.template else ""
    content = json.dumps([source, sorted(change.parameters.items()), change.kept])
    return f"dry run {hashlib.sha256(content.encode()).hexdigest()}"
