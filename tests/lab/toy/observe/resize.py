"""Observations for a resize: the service of dev."""

from __future__ import annotations

from typing import Any

from devops_core.kinds import resize  # type: ignore[attr-defined] # the toy adds this module
from devops_core.model.inventory import Inventory
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation
from devops_core.observe import Controller
from devops_core.ports import Cloud


def before(cloud: Cloud, request: Any, inventory: Inventory) -> Observed:
    """Return nothing: the inventory is enough for the plan."""
    del cloud, request, inventory
    return Observed()


def during(cloud: Cloud, operation: Operation, inventory: Inventory) -> Observed:
    """Return the service of dev."""
    del inventory
    return Observed(services=cloud.containers.services(operation.application, ["dev"]))


CONTROLLER = Controller(resize.KIND, before, during)
