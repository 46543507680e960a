"""CloudFormation: the states and events of an update of a stack."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import changesets, handlers, helpers, stacks

from tools.laptop.patches import stack_deletes, stack_policies

CLEANUP = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
CLEANUP_TIME = 0.5  # seconds for each deleted service; minutes on AWS
_STACK = "AWS::CloudFormation::Stack"
_SERVICE = "AWS::ECS::Service"

_add_event = stacks._add_event
_delete_stack = handlers._ACTION_HANDLERS["DeleteStack"]
_resolve_stack_outputs = stacks._resolve_stack_outputs
_roll_back_operation = stacks._roll_back_operation


@dataclass
class Update:
    """An update in progress: the resources before it, and those that it has changed."""

    previous: Mapping[str, Any]
    changed: set[str] = field(default_factory=set)
    # Events of resources that perhaps do not change, by logical id.
    held: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    # The resource whose deletion the policy of the stack denies.
    kept: str = ""

    def release(self, logical_id: str) -> None:
        """Record that a resource changes, and add its events that were held back."""
        self.changed.add(logical_id)
        for event in self.held.pop(logical_id, ()):
            _add_event(*event)


_current: ContextVar[Update | None] = ContextVar("stack_update", default=None)


def apply() -> None:
    """Apply the corrections; the policies and the deletes of stacks have theirs before."""
    handlers._deploy_stack_async = changesets._deploy_stack_async = deploy
    handlers._ACTION_HANDLERS["DeleteStack"] = delete_stack
    stacks._add_event = add_event
    stacks._resolve_stack_outputs = resolve_outputs
    stacks._roll_back_operation = roll_back
    _wrap_resource_calls()


def _wrap_resource_calls() -> None:
    """Let the calls of resource handlers report the changes of an update."""
    update_resource, delete_resource = stacks._update_keeping_seed, stacks._delete_resource

    def update(
        kind: str, physical_id: str, old: Any, new: Any, stack: str, logical_id: str, *rest: Any
    ) -> Any:
        current = _current.get()
        if current and old != new:
            current.release(logical_id)
        return update_resource(kind, physical_id, old, new, stack, logical_id, *rest)

    def delete(
        kind: str, physical_id: str, props: Any, stack_name: str = "", logical_id: str = ""
    ) -> Any:
        current, stack = _current.get(), cloudformation._stacks.get(stack_name) or {}
        if current is None:
            return delete_resource(kind, physical_id, props, stack_name, logical_id)
        event = (stack["StackId"], stack_name, logical_id, kind)
        _add_event(*event, "DELETE_IN_PROGRESS", physical_id=physical_id)
        result = delete_resource(kind, physical_id, props, stack_name, logical_id)
        if kind == _SERVICE:  # deleted outside of the event loop, so callers see the state
            threading.Event().wait(CLEANUP_TIME)
        _add_event(*event, "DELETE_COMPLETE", physical_id=physical_id)
        return result

    stacks._update_keeping_seed, stacks._delete_resource = update, delete


async def deploy(
    stack_name: str,
    stack_id: str,
    *arguments: Any,
    is_update: bool = False,
    previous_stack: Any = None,
    **options: Any,
) -> None:
    """Create or update the resources of a stack, and correct the states of its resources.

    Gap: after an update, the emulator reports UPDATE_COMPLETE for each resource. On AWS an
    unchanged resource keeps its status, and a new one has CREATE_COMPLETE.
    """
    update = Update(previous_stack["_resources"]) if is_update else None
    _current.set(update)
    options = {**options, "is_update": is_update, "previous_stack": previous_stack}
    stack = cloudformation._stacks[stack_name]
    if is_update:  # for a restart, see `kept_state`
        stack["_update"] = {"arguments": [*arguments], "previous": previous_stack}
    await stack_deletes.deploy(stack_name, stack_id, *arguments, **options)
    stack.pop("_update", None)
    if update is None or stack.get("StackStatus") != "UPDATE_COMPLETE":
        return
    for logical_id, record in stack["_resources"].items():
        if logical_id not in update.previous:
            record["ResourceStatus"] = "CREATE_COMPLETE"
        elif logical_id not in update.changed and record["ResourceStatus"] == "UPDATE_COMPLETE":
            record.update(
                {
                    name: update.previous[logical_id][name]
                    for name in ("ResourceStatus", "Timestamp")
                }
            )


def add_event(
    stack_id: str, stack_name: str, logical_id: str, kind: str, status: str, *rest: Any, **more: Any
) -> None:
    """Add an event of a stack or of one of its resources.

    Gap: during an update, the emulator adds the events of an update for every resource, also for
    unchanged ones (without events on AWS) and for new ones (events of a creation on AWS).
    """
    update = _current.get()
    if update is None:
        _add_event(stack_id, stack_name, logical_id, kind, status, *rest, **more)
        return
    if kind == _STACK and logical_id == stack_name:
        # The event of the resource has the reason.
        if not (update.kept and status == "UPDATE_FAILED"):
            _add_event(stack_id, stack_name, logical_id, kind, status, *rest, **more)
        return
    if logical_id not in update.previous:
        status = status.replace("UPDATE_", "CREATE_")
    elif logical_id not in update.changed:
        if status == "UPDATE_IN_PROGRESS":
            event = (stack_id, stack_name, logical_id, kind, status, *rest)
            update.held.setdefault(logical_id, []).append(event)
            return
        if status == "UPDATE_COMPLETE":
            update.held.pop(logical_id, None)
            return
        update.release(logical_id)
    _add_event(stack_id, stack_name, logical_id, kind, status, *rest, **more)


def resolve_outputs(
    outputs: Any, conditions: Any, resources: Any, *rest: Any
) -> tuple[list[Any], dict[str, Any]]:
    """Resolve the outputs of a stack. An update then deletes the removed resources.

    Gap: the emulator lacks the state UPDATE_COMPLETE_CLEANUP_IN_PROGRESS, in which CloudFormation
    deletes these resources (User Guide, "Stack status codes"), and deletes resources whose deletion
    the policy of the stack denies.
    """
    resolved: tuple[list[Any], dict[str, Any]] = _resolve_stack_outputs(
        outputs, conditions, resources, *rest
    )
    update = _current.get()
    if update is None:
        return resolved
    *_, stack_name, stack_id = rest
    stack = cloudformation._stacks[stack_name]
    for logical_id in sorted(update.previous.keys() - resources.keys()):
        kind = update.previous[logical_id]["ResourceType"]
        denial = stack_policies.denial(stack, "Update:Delete", logical_id, kind)
        if denial:
            update.kept = logical_id
            physical_id = update.previous[logical_id].get("PhysicalResourceId", "")
            event = (stack_id, stack_name, logical_id, kind, "UPDATE_FAILED", denial, physical_id)
            _add_event(*event)
            raise ValueError(denial)
    stack["StackStatus"] = CLEANUP
    _add_event(stack_id, stack_name, stack_name, _STACK, CLEANUP, physical_id=stack_id)
    return resolved


async def roll_back(
    stack_name: str, stack_id: str, stack: Any, operation: Any, reason_override: str = ""
) -> None:
    """Roll a failed operation back, with the events of the emulator."""
    update = _current.get()
    if update and update.kept:
        reason_override = f"The following resource(s) failed to update: [{update.kept}]. "
    _current.set(None)
    await _roll_back_operation(stack_name, stack_id, stack, operation, reason_override)


def delete_stack(params: Any) -> Any:
    """Delete a stack, unless an update of it is in progress.

    Gap: the emulator deletes it at the same time. CloudFormation refuses (User Guide,
    "Troubleshooting CloudFormation", "Delete stack fails").
    """
    stack = handlers._resolve_stack(helpers._p(params, "StackName")) or {}
    status = stack.get("StackStatus", "")
    if status.startswith("UPDATE_") and status.endswith("_IN_PROGRESS"):
        return helpers._error(
            "ValidationError",
            f"Stack [{stack['StackId']}] cannot be deleted while in status {status}",
        )
    return _delete_stack(params)
