"""Observations for a delete: the stack, then the task definitions that remain."""

from __future__ import annotations

from functools import partial

from devops_core.errors import AccessDeniedError, AwsError
from devops_core.kinds import delete
from devops_core.model.inventory import Inventory
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation
from devops_core.naming import family
from devops_core.observe import Controller
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


def orphans(cloud: Cloud, operation: Operation) -> dict[str, tuple[str, ...]]:
    """Return the active task definitions that operations registered, by service.

    The operation does not wait for a missing permission, nor after its deadline: then it returns
    none, and the task definitions remain.
    """
    services = [part.service for part in operation.progress]
    families = [family(operation.application, name) for name in services]
    try:
        found = cloud.gather([partial(cloud.containers.registered, name) for name in families])
    except AwsError as error:
        if isinstance(error, AccessDeniedError) or operation.overdue(cloud.clock.now()):
            return {}
        raise
    return dict(zip(services, found, strict=True))


CONTROLLER = Controller(delete.KIND, before, during)
