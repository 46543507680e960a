"""Continues operations of the emulator after a restart with saved state; AWS never stops."""

from __future__ import annotations

import time
from typing import Any

from ministack import app
from ministack.services import alb, cloudformation, ecs, eventbridge
from ministack.services.cloudformation import changesets, stacks

from tools.laptop.patches import stack_updates
from tools.laptop.patches.load_balancers import group_health

_load_stacks = cloudformation.load_persisted_state
_load_ecs = ecs.load_persisted_state
_load_load_balancers = alb.load_persisted_state
_provision = stacks._provision_keeping_seed
_ready = app._handle_ready_request
_run_due_rules = eventbridge._tick_scheduled_rules
RECOVERY_LIMIT = 30.0  # seconds from the start; an image that was changed meanwhile can fail
_recovered_until = 0.0
_incomplete: list[tuple[str, str, dict[str, Any]]] = []  # account, region, service
_resumed: set[str] = set()  # stacks whose creation continues after the restart


def apply() -> None:
    """Apply the corrections; the emulator calls them only with saved state."""
    cloudformation.load_persisted_state = load_stacks
    stacks._provision_keeping_seed = provision
    ecs.load_persisted_state = load_ecs
    alb.load_persisted_state = load_load_balancers
    app._handle_ready_request = ready
    eventbridge._tick_scheduled_rules = run_due_rules


def ready(path: str, request_id: str) -> Any:
    """Return the response of the emulator when the services are complete again."""
    response = _ready(path, request_id)
    return response if response is None or is_complete() else (503, *response[1:])


def run_due_rules() -> None:
    """Run the scheduled rules, but not before the services are complete again.

    Gap: a restart of the emulator stops all tasks. On AWS it would be an outage of production, for
    which the service returns the customers of a swap.
    """
    if is_complete():
        _run_due_rules()


def is_complete() -> bool:
    """Return whether the services that were complete before the restart are complete again."""
    if time.monotonic() > _recovered_until:
        _incomplete.clear()
    _incomplete[:] = [each for each in _incomplete if not _is_complete(*each)]
    return not _incomplete


def _is_complete(account: str, region: str, service: dict[str, Any]) -> bool:
    groups = [each["targetGroupArn"] for each in service.get("loadBalancers", [])]
    desired = service["desiredCount"]
    with ecs.request_scope(account, region):
        # Nothing probes the targets of a group without a listener.
        usable = [
            sum(state in ("healthy", "unused") for state in group_health(arn)) for arn in groups
        ]
    return all(count >= desired for count in (service["runningCount"], *usable))


def is_resumed(stack_name: str) -> bool:
    """Return whether the creation of a stack was interrupted and continues."""
    return stack_name in _resumed


def load_stacks(data: Any) -> None:
    """Restore stacks, and continue those that were being created, updated or deleted.

    Gap: the emulator leaves them in progress forever. A stack that was rolling back becomes
    ROLLBACK_FAILED or UPDATE_ROLLBACK_FAILED, because the state does not contain its remaining
    steps.
    """
    _load_stacks(data)
    for (account, region, name), stack in cloudformation._stacks.all_items():
        with ecs.request_scope(account, region):
            _resume(name, stack)


def _resume(name: str, stack: dict[str, Any]) -> None:
    status, identifier = stack["StackStatus"], stack["StackId"]
    if status == "CREATE_IN_PROGRESS":
        _resumed.add(name)
        stack["_disable_validation"] = True  # the stack's own resources would be name conflicts
        arguments = stack["_template"], stack["_resolved_params"], stack["DisableRollback"]
        work = stacks._deploy_stack_async(name, identifier, *arguments, stack["Tags"])
    elif status == "DELETE_IN_PROGRESS":
        work = stacks._delete_stack_async(name, identifier)
    elif status in ("UPDATE_IN_PROGRESS", stack_updates.CLEANUP):
        _resumed.add(name)
        work = _update(name, stack)
    else:
        if "ROLLBACK" in status and status.endswith("_IN_PROGRESS"):
            stack.update(stack.pop("_update", {}).get("previous", {}))
            kind = "UPDATE_ROLLBACK" if status.startswith("UPDATE") else "ROLLBACK"
            stack["StackStatus"] = f"{kind}_FAILED"
        return
    stacks._create_stack_task_in_region(work, stack, identifier)


async def _update(name: str, stack: dict[str, Any]) -> None:
    """Continue an update from its start; the resources that it created before exist already."""
    update, identifier = stack["_update"], stack["StackId"]
    options = {"is_update": True, "previous_stack": update["previous"]}
    work = stack_updates.deploy(name, identifier, *update["arguments"], **options)
    for change_set in list(cloudformation._change_sets.values()):
        executing = change_set["ExecutionStatus"] == "EXECUTE_IN_PROGRESS"
        if executing and change_set["StackId"] == identifier:
            await changesets._track_change_set_execution(change_set, stack, work)
            return
    await work


def provision(resource_type: str, logical_id: str, props: Any, stack_name: str) -> Any:
    """Create a resource, unless it was complete before the restart."""
    stack = cloudformation._stacks.get(stack_name) or {}
    done = stack.get("_resources", {}).get(logical_id)
    if done and is_resumed(stack_name):
        return (done["PhysicalResourceId"], done["Attributes"]), done.get("_name_seed", "")
    return _provision(resource_type, logical_id, props, stack_name)


def load_ecs(data: Any) -> None:
    """Restore services with zero running tasks.

    Gap: the emulator still counts the tasks that ended with its stop.
    """
    global _recovered_until
    _load_ecs(data)
    _recovered_until = time.monotonic() + RECOVERY_LIMIT
    for (account, region, _), service in ecs._services.all_items():
        if service["runningCount"] >= service["desiredCount"]:
            _incomplete.append((account, region, service))
        for counted in (service, *service.get("deployments", [])):
            counted.update(runningCount=0, pendingCount=0)


def load_load_balancers(data: Any) -> None:
    """Restore load balancers without targets, because their tasks have ended.

    Gap: the emulator still sends requests to their addresses, which other tasks may have by now.
    """
    _load_load_balancers(data)
    alb._targets._data.clear()
