"""CloudFormation: the policy of a stack protects its resources from updates."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import helpers, stacks

_update_keeping_seed = stacks._update_keeping_seed
_revert_update = stacks._revert_update
# The resources whose update was refused, by the ids of their stack and their logical names.
_refused: set[tuple[str, str]] = set()
_INVALID = "Error validating stack policy: Invalid stack policy"
_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": str.__eq__,
    "StringLike": fnmatchcase,
}


def apply() -> None:
    """Apply the corrections."""
    stacks._update_keeping_seed = update
    stacks._revert_update = revert
    resolve_document = helpers._resolve_document

    def checked(params: Any, body_key: str, url_key: str, label: str) -> Any:
        """Return the document of a call; a stack policy must be valid.

        Gap: the emulator accepts every document.
        """
        document, problem = resolve_document(params, body_key, url_key, label)
        if document and label == "Stack policy" and not is_valid(document):
            return None, helpers._error("ValidationError", _INVALID)
        return document, problem

    helpers._resolve_document = checked


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

    Gap: the emulator stores stack policies, but does not enforce them. Changed tags of a stack are
    a modification too.
    """
    action = "Replace" if stacks._replacing_change(kind, old, new) else "Modify"
    stack = cloudformation._stacks[stack_name]
    refusal = denial(stack, f"Update:{action}", logical_id, kind) if old != new else ""
    if refusal:
        _refused.add((stack["StackId"], logical_id))
        raise ValueError(refusal)
    return _update_keeping_seed(kind, physical_id, old, new, stack_name, logical_id, attributes)


async def revert(stack_id: str, stack_name: str, logical_id: str, *rest: Any) -> None:
    """Roll back the update of a resource; one that was refused has not changed."""
    if (stack_id, logical_id) in _refused:
        _refused.discard((stack_id, logical_id))
        return
    await _revert_update(stack_id, stack_name, logical_id, *rest)


def denial(stack: Mapping[str, Any], action: str, logical_id: str, kind: str) -> str:
    """Return the reason why the policy of a stack denies an action; "" if it allows the action.

    With a policy, an action that no statement allows is denied, and a Deny has priority over an
    Allow (User Guide, "Prevent updates to stack resources").
    """
    if not stack.get("_stack_policy"):
        return ""
    resource, allowed = f"LogicalResourceId/{logical_id}", False
    for number, statement in enumerate(_statements(json.loads(stack["_stack_policy"])), start=1):
        if not (
            _covers(statement, "Action", action)
            and _covers(statement, "Resource", resource)
            and _holds(statement, kind)
        ):
            continue
        if statement["Effect"] == "Deny":
            return (
                f"Action denied by stack policy: Statement [#{number}] does not allow [{action}]"
                f" for resource [{resource}];"
            )
        allowed = True
    return "" if allowed else "Action not allowed by stack policy"


def is_valid(document: str) -> bool:
    """Return whether a document has the members of a stack policy."""
    try:
        statements = _statements(json.loads(document))
    except (ValueError, AttributeError):
        return False
    return bool(statements) and all(map(_is_statement, statements))


def _is_statement(statement: Any) -> bool:
    return (
        isinstance(statement, dict)
        and statement.get("Effect") in ("Allow", "Deny")
        and statement.get("Principal") == "*"
        and all(each.startswith("Update:") for each in _named(statement, "Action"))
        and all(
            each == "*" or each.startswith("LogicalResourceId/")
            for each in _named(statement, "Resource")
        )
        and all(len({name, f"Not{name}"} & {*statement}) == 1 for name in ("Action", "Resource"))
        and all(
            operator in _OPERATORS and {*keys} == {"ResourceType"}
            for operator, keys in statement.get("Condition", {}).items()
        )
    )


def _statements(policy: Mapping[str, Any]) -> list[Any]:
    return _listed(policy.get("Statement", []))


def _covers(statement: Mapping[str, Any], name: str, value: str) -> bool:
    """Return whether a statement applies to a value: to its `name`, or to all but its `Not…`."""
    matches = any(fnmatchcase(value, pattern) for pattern in _named(statement, name))
    return matches == (name in statement)


def _named(statement: Mapping[str, Any], name: str) -> list[str]:
    return _listed(statement.get(name, statement.get(f"Not{name}", [])))


def _holds(statement: Mapping[str, Any], kind: str) -> bool:
    """Return whether the conditions hold; their only key is the type of the resource."""

    def results() -> Iterator[bool]:
        for operator, keys in statement.get("Condition", {}).items():
            yield any(_OPERATORS[operator](kind, each) for each in _listed(keys["ResourceType"]))

    return all(results())


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
