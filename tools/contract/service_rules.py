"""Derives devops_cli/service.json: the rules of `service` in a specification, as a tree.

`devops init` checks the settings of an existing service with them.
"""

from __future__ import annotations

import json
from typing import Any

from devops_core.naming import ECR_HOST
from devops_core.requests import container_settings, schema, specification
from tools.contract.rules import RULES

FILE = RULES.with_name("service.json")


def text() -> str:
    """Return the text of devops_cli/service.json."""
    tree = _rule(specification.MEMBERS["service"].type)
    tree["reserved"] = sorted(container_settings.RESERVED_VARIABLES)
    tree["ecrHost"] = ECR_HOST.pattern
    return json.dumps(tree, indent=1, ensure_ascii=False) + "\n"


def _rule(declared: schema.Type) -> dict[str, Any]:
    """Return the rule of a type, without absent members; its keys are those of the type."""
    rule: dict[str, Any]
    if isinstance(declared, schema.Object):
        rule = {"members": {name: _rule(each.type) for name, each in declared.members.items()}}
        if declared.others:
            rule |= dict(zip(("name", "value"), map(_rule, declared.others), strict=True))
        return rule
    if isinstance(declared, schema.Objects):
        return {"most": declared.most, "message": declared.message, "item": _rule(declared.item)}
    if isinstance(declared, schema.List):
        rule = {"most": declared.most, "message": declared.message, "item": _rule(declared.item)}
    elif isinstance(declared, schema.Integer):
        rule = _numbers(declared)
    elif isinstance(declared, schema.Choice):
        rule = {"values": list(declared.values)}
    elif isinstance(declared, schema.Text):
        rule = {
            "pattern": declared.pattern,
            "message": declared.message,
            "longest": declared.longest,
            "refused": dict(sorted(declared.reserved.items())),
        }
    else:
        rule = {}
    return {name: value for name, value in rule.items() if value not in (None, {})}


def _numbers(declared: schema.Integer) -> dict[str, Any]:
    if declared.allowed_with:
        member, allowed = declared.allowed_with
        return {"with": member, "allowed": {str(key): list(each) for key, each in allowed.items()}}
    allowed_values = declared.allowed
    if isinstance(allowed_values, range):
        bounds = {"least": allowed_values[0], "most": allowed_values[-1]}
        return bounds | {"message": declared.message}
    found = None if allowed_values is None else list(allowed_values)
    return {"values": found, "message": declared.message}
