"""CloudFormation: the policy of a stack protects its resources from updates."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import stacks

_update_keeping_seed = stacks._update_keeping_seed
_revert_update = stacks._revert_update
# The resources whose update was refused, by the ids of their stack and their logical names.
_refused: set[tuple[str, str]] = set()


def apply() -> None:
    """Apply the correction."""
    stacks._update_keeping_seed = update
    stacks._revert_update = revert


def update(
    kind: str,
    physical_id: str,
    old: dict[str, Any],
    new: dict[str, Any],
    stack_name: str,
    logical_id: str,
    attributes: Any,
) -> Any:
    """Update a resource, unless the policy of its stack denies it.

    Gap: the emulator stores stack policies, but does not enforce them. With a policy, an update
    that no statement allows is denied, and a Deny has priority over an Allow (User Guide, "Prevent
    updates to stack resources"). Changed tags of a stack are a modification too.
    """
    action = "Replace" if stacks._replacing_change(kind, old, new) else "Modify"
    stack = cloudformation._stacks[stack_name]
    policy = json.loads(stack.get("_stack_policy") or "{}")
    if old != new and not allowed(policy, f"Update:{action}", logical_id, kind):
        _refused.add((stack["StackId"], logical_id))
        raise ValueError(
            f"Action denied by stack policy: no statement allows [Update:{action}] for resource"
            f" [LogicalResourceId/{logical_id}]"
        )
    return _update_keeping_seed(kind, physical_id, old, new, stack_name, logical_id, attributes)


async def revert(stack_id: str, stack_name: str, logical_id: str, *rest: Any) -> None:
    """Roll back the update of a resource; one that was refused has not changed."""
    if (stack_id, logical_id) in _refused:
        _refused.discard((stack_id, logical_id))
        return
    await _revert_update(stack_id, stack_name, logical_id, *rest)


def allowed(policy: Mapping[str, Any], action: str, logical_id: str, kind: str) -> bool:
    """Return whether a stack policy allows an action; without statements everything is allowed."""
    statements = policy.get("Statement", [])
    effects = {
        statement["Effect"]
        for statement in statements
        if _matches(statement["Action"], action)
        and _matches(statement["Resource"], f"LogicalResourceId/{logical_id}")
        and _holds(statement.get("Condition", {}), kind)
    }
    return not statements or effects == {"Allow"}


def _holds(condition: Mapping[str, Mapping[str, Any]], kind: str) -> bool:
    """Return whether a condition holds; the only key is the type of the resource."""
    types = [keys["ResourceType"] for keys in condition.values()]
    return all(_matches(patterns, kind) for patterns in types)


def _matches(patterns: str | list[str], value: str) -> bool:
    listed = [patterns] if isinstance(patterns, str) else patterns
    return any(fnmatchcase(value, pattern) for pattern in listed)
