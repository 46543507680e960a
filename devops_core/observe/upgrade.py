"""Observations for an upgrade: the stack, and the newest template."""

from __future__ import annotations

from dataclasses import replace

from devops_core import templates
from devops_core.kinds import upgrade
from devops_core.model.inventory import Inventory
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation
from devops_core.observe import Controller, stack_update
from devops_core.ports import Cloud
from devops_core.requests.upgrade import UpgradeRequest


def before(cloud: Cloud, request: UpgradeRequest, inventory: Inventory) -> Observed:
    """Return the stack, and the change to the newest template.

    Raises RefusedError if the template cannot be used for the application.
    """
    upgrade.upgradable(request.application, inventory)
    stack = cloud.stacks.describe(_stack_id(request.application, inventory))
    change = templates.upgrade(cloud, inventory, stack) if stack else None
    return Observed(stack=stack, upgrade=change)


def during(cloud: Cloud, operation: Operation, inventory: Inventory) -> Observed:
    """Return the stack with the change set of the operation, then the faults of its outputs."""
    stack = cloud.stacks.describe(_stack_id(operation.application, inventory))
    observed = stack_update.changing(cloud, operation, stack)
    if stack is None or not stack_update.has_change(operation, observed):
        return observed
    services = [row.service.name for row in inventory.rows.values() if row.service]
    faults = stack_update.output_faults(operation, stack, services)
    return replace(observed, contract_faults=faults)


def _stack_id(application: str, inventory: Inventory) -> str:
    stack_id = inventory.application.stack_id if inventory.application else None
    return stack_id or application


CONTROLLER = Controller(upgrade.KIND, before, during)
