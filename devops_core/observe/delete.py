"""Observations for a delete: the stack, then the task definitions that remain."""

from __future__ import annotations

from devops_core.kinds import delete
from devops_core.model.inventory import Inventory
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation
from devops_core.observe import Controller
from devops_core.observe.stacks import orphans
from devops_core.ports import Cloud
from devops_core.requests.delete import DeleteRequest


def before(cloud: Cloud, request: DeleteRequest, inventory: Inventory) -> Observed:
    """Return nothing: the inventory is enough for the plan of a delete."""
    del cloud, request, inventory
    return Observed()


def during(cloud: Cloud, operation: Operation, inventory: Inventory) -> Observed:
    """Return the stack of the application, after its deletion the task definitions that remain."""
    stack_id = operation.details.stack_id
    stack = cloud.stacks.describe(stack_id or operation.application)
    if stack and not stack_id:
        # The response to CreateStack was lost. A stack of another origin is not touched.
        creators = {row.operation for row in inventory.rows.values()}
        stack = stack if stack.operation in creators else None
    if stack is None or stack.status == "DELETE_COMPLETE":
        return Observed(stack=stack, orphans=orphans(cloud, operation))
    if stack.status != "DELETE_FAILED":
        return Observed(stack=stack)
    return Observed(stack=stack, stack_failures=cloud.stacks.failures(stack.id, operation.id))


CONTROLLER = Controller(delete.KIND, before, during)
