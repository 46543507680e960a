"""CloudFormation: the deletion of a stack whose creation is in progress."""

from __future__ import annotations

import asyncio
from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import handlers, stacks

_deploy_stack_async = stacks._deploy_stack_async
_delete_stack_async = stacks._delete_stack_async
_provision_keeping_seed = stacks._provision_keeping_seed
# The end of each deployment in progress, and the stacks that are to be deleted, by their ids.
_deployments: dict[str, asyncio.Event] = {}
_cancelled: set[str] = set()


def apply() -> None:
    """Apply the correction.

    Gap: the emulator deletes a stack while it still creates its resources, so the stack and its
    services exist again after their deletion. AWS ends the creation first.
    """
    handlers._deploy_stack_async = deploy
    handlers._delete_stack_async = delete
    stacks._provision_keeping_seed = provision


async def deploy(stack_name: str, stack_id: str, *arguments: Any, **options: Any) -> None:
    """Create or update the resources of a stack."""
    ended = _deployments[stack_id] = asyncio.Event()
    try:
        await _deploy_stack_async(stack_name, stack_id, *arguments, **options)
    finally:
        del _deployments[stack_id]
        ended.set()


async def delete(stack_name: str, stack_id: str, *arguments: Any, **options: Any) -> None:
    """Delete a stack after the end of its creation, which creates no further resources."""
    deployment = _deployments.get(stack_id)
    if deployment:
        _cancelled.add(stack_id)
        await deployment.wait()
        _cancelled.discard(stack_id)
    await _delete_stack_async(stack_name, stack_id, *arguments, **options)


def provision(kind: str, logical_id: str, properties: Any, stack_name: str) -> Any:
    """Create a resource, unless its stack is to be deleted."""
    stack = cloudformation._stacks.get(stack_name)
    if stack and stack["StackId"] in _cancelled:
        raise ValueError("Resource creation cancelled")
    return _provision_keeping_seed(kind, logical_id, properties, stack_name)
