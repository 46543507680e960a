"""What goes on after a restart of the emulator with its state kept, as on AWS it never stops."""

from __future__ import annotations

from typing import Any

from ministack.services import alb, cloudformation, ecs
from ministack.services.cloudformation import stacks

_load_stacks = cloudformation.load_persisted_state
_load_ecs = ecs.load_persisted_state
_load_load_balancers = alb.load_persisted_state
_provision = stacks._provision_keeping_seed
_taken_up: set[str] = set()  # stacks whose creation goes on


def apply() -> None:
    """Put the corrections in place; without kept state none is called."""
    cloudformation.load_persisted_state = load_stacks
    stacks._provision_keeping_seed = provision
    ecs.load_persisted_state = load_ecs
    alb.load_persisted_state = load_load_balancers


def is_taken_up(stack_name: str) -> bool:
    """Tell whether a stack's creation was interrupted and goes on."""
    return stack_name in _taken_up


def load_stacks(data: Any) -> None:
    """Restore stacks and go on with those that were at work.

    Gap: the emulator leaves them CREATE_IN_PROGRESS or DELETE_IN_PROGRESS for ever. One that was
    rolling back ends as ROLLBACK_FAILED: what there was to undo is not kept.
    """
    _load_stacks(data)
    for (account, region, name), stack in cloudformation._stacks.all_items():
        with ecs.request_scope(account, region):
            _take_up(name, stack)


def _take_up(name: str, stack: dict[str, Any]) -> None:
    status, identifier = stack["StackStatus"], stack["StackId"]
    if status == "CREATE_IN_PROGRESS":
        _taken_up.add(name)
        stack["_disable_validation"] = True  # it would find what the stack itself has made
        arguments = stack["_template"], stack["_resolved_params"], stack["DisableRollback"]
        work = stacks._deploy_stack_async(name, identifier, *arguments, stack["Tags"])
    elif status == "DELETE_IN_PROGRESS":
        work = stacks._delete_stack_async(name, identifier)
    else:
        if status == "ROLLBACK_IN_PROGRESS":
            stack["StackStatus"] = "ROLLBACK_FAILED"
        return
    stacks._create_stack_task_in_region(work, stack, identifier)


def provision(resource_type: str, logical_id: str, props: Any, stack_name: str) -> Any:
    """Create a resource, unless it was complete when its stack was interrupted."""
    stack = cloudformation._stacks.get(stack_name) or {}
    done = stack.get("_resources", {}).get(logical_id)
    if done and is_taken_up(stack_name):
        return (done["PhysicalResourceId"], done["Attributes"]), done.get("_name_seed", "")
    return _provision(resource_type, logical_id, props, stack_name)


def load_ecs(data: Any) -> None:
    """Restore services; their tasks have ended, so that none is running now.

    Gap: the emulator goes on counting the tasks that have ended with it.
    """
    _load_ecs(data)
    for _, service in ecs._services.all_items():
        for counted in (service, *service.get("deployments", [])):
            counted.update(runningCount=0, pendingCount=0)


def load_load_balancers(data: Any) -> None:
    """Restore load balancers without the targets, whose tasks have ended.

    Gap: the emulator goes on sending requests to addresses that other tasks have by now.
    """
    _load_load_balancers(data)
    alb._targets._data.clear()
