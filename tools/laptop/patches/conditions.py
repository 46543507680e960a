"""CloudFormation: conditions of a template can join a list."""

from __future__ import annotations

from typing import Any

from ministack.services.cloudformation import changesets, engine, handlers, stacks

_evaluate_conditions = engine._evaluate_conditions
_JOIN = "Fn::Join"


def apply() -> None:
    """Apply the correction, in each module that has imported the function."""
    for module in (engine, changesets, handlers, stacks):
        module._evaluate_conditions = evaluate_conditions


def evaluate_conditions(template: dict[str, Any], params: dict[str, Any]) -> dict[str, bool]:
    """Return the values of the conditions of a template.

    Gap: the emulator compares an Fn::Join as text, so a list parameter is never empty. AWS joins
    the list (cfn-lint, schema of Fn::Equals: Fn::Join is among the functions of its arguments).
    """
    joined = {**template, "Conditions": _joined(template.get("Conditions", {}), params)}
    values: dict[str, bool] = _evaluate_conditions(joined, params)
    return values


def _joined(node: Any, params: dict[str, Any]) -> Any:
    """Return a part of the conditions with the text of each Fn::Join."""
    if isinstance(node, list):
        return [_joined(each, params) for each in node]
    if not isinstance(node, dict):
        return node
    if _JOIN in node:
        return engine._resolve_refs(node, {}, params, {}, {}, "", "")
    return {key: _joined(value, params) for key, value in node.items()}
