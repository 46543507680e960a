"""Derives docs/app.schema.json: JSON Schema for editors of `app.yml`, the file of `devops apply`.

A file describes a whole application, so it is the body of a create.
"""

from __future__ import annotations

import json
import re
from typing import Any

from tools.contract import schemas
from tools.contract.document import FILE, Node

PAGE = FILE.with_name("app.schema.json")
_BODY = "CreateRequest"
_COMPONENTS = "#/components/schemas/"
# A link to another page of the documentation, which an editor cannot open.
_LINK = re.compile(r"\[([^\]]+)\]\((?!https:)[^)]*\)")


def text() -> str:
    """Return the text of docs/app.schema.json."""
    components = schemas.components()
    root = components[_BODY]
    names = _referenced(root, components)
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "app.yml, the specification of an application of devops-ecs",
        **_readable(root),
        "$defs": {name: _readable(components[name]) for name in sorted(names)},
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _referenced(node: Any, components: dict[str, Node]) -> set[str]:
    """Return the names of the components that a node refers to, also indirectly."""
    found: set[str] = set()
    waiting = [node]
    while waiting:
        direct = set(re.findall(rf'"{_COMPONENTS}(\w+)"', json.dumps(waiting.pop())))
        waiting += [components[name] for name in direct - found]
        found |= direct
    return found


def _readable(node: Any) -> Any:
    """Return a node with references within this file, and descriptions without links to pages."""
    if isinstance(node, list):
        return [_readable(each) for each in node]
    if not isinstance(node, dict):
        return node
    changed = {}
    for name, value in node.items():
        if name == "$ref":
            changed[name] = value.replace(_COMPONENTS, "#/$defs/")
        elif name == "description" and isinstance(value, str):
            changed[name] = _LINK.sub(r"\1", value)
        else:
            changed[name] = _readable(value)
    return changed
