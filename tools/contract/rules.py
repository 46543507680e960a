"""Derives devops_cli/rules.json, by which the command line checks names, versions, environments."""

from __future__ import annotations

import json
from typing import Any

from devops_core.requests import fields, schema
from devops_core.requests.reads import EVENTS, STACKS
from tools.contract.document import FILE

RULES = FILE.parents[1] / "devops_cli" / "rules.json"
_TYPES: dict[str, schema.Type] = {
    "name": fields.APPLICATION,
    "version": fields.VERSION,
    "digest": fields.DIGEST,
    "deployable": fields.DEPLOYABLE_ENVIRONMENT,
    "environment": STACKS.members["environment"].type,
    "operation": EVENTS.members["operation"].type,
}


def text() -> str:
    """Return the text of the file."""
    rules = {name: _rule(declared) for name, declared in _TYPES.items()}
    return json.dumps(rules, indent=2, ensure_ascii=False) + "\n"


def _rule(declared: schema.Type) -> dict[str, Any]:
    if isinstance(declared, schema.Choice):
        return {"values": list(declared.values)}
    assert isinstance(declared, schema.Text)  # noqa: S101 - as in the table above
    # The command line is written in Python, too, so it can use the pattern as it is.
    return {"pattern": declared.pattern, "message": declared.message}
