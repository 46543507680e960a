"""Writes recorded responses into the examples of docs/openapi.yml."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import yaml

from tools.contract.document import JSON, examples, operation
from tools.contract.schemas import Dumper

# Operation, status and name of an example.
Key = tuple[str, int, str]
_WIDTH = 110


def recorded(text: str, bodies: Mapping[Key, Any]) -> str:
    """Return the contract with the bodies of responses as its examples.

    An example that equals its body stays byte for byte, and so does the rest of the contract.
    """
    changed = {key: body for key, body in bodies.items() if _example(key) != body}
    if not changed:
        return text
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert root  # noqa: S101 - a document is not empty
    # Several responses can share an example, and so a place.
    places = {_place(root, key): body for key, body in changed.items()}
    # From the last place to the first, because each changes the positions of those after it.
    for (begin, end, indent), body in sorted(places.items(), reverse=True):
        rest = text[begin + len(text[begin:end].rstrip()) :]
        text = text[:begin] + _written(body, indent) + rest
    return text


def _example(key: Key) -> Any:
    operation_id, status, name = key
    return examples(operation(operation_id).responses[status])[name]["value"]


def _place(root: yaml.Node, key: Key) -> tuple[int, int, int]:
    """Return the begin and the end of the value of an example, and its indentation."""
    operation_id, status, name = key
    called = operation(operation_id)
    response = _at(
        root, root, "paths", called.path, called.method.lower(), "responses", str(status)
    )
    example = _at(root, response, "content", JSON, "examples", name)
    key_node, value = next(pair for pair in example.value if pair[0].value == "value")
    begin = key_node.end_mark.index + len(":")
    return begin, value.end_mark.index, key_node.start_mark.column + 2


def _at(root: yaml.Node, node: yaml.Node, *way: str) -> yaml.Node:
    """Return the node that some names lead to, with references followed."""
    for step in way:
        node = next(value for name, value in node.value if name.value == step)
        first = node.value[0] if isinstance(node, yaml.MappingNode) and node.value else None
        if first and first[0].value == "$ref":
            node = _at(root, root, *first[1].value.removeprefix("#/").split("/"))
    return node


def _written(body: Any, indent: int) -> str:
    written = yaml.dump(
        body,
        Dumper=Dumper,
        default_flow_style=None,
        sort_keys=False,
        allow_unicode=True,
        width=_WIDTH - indent,
    )
    return "\n" + textwrap.indent(written.rstrip(), " " * indent)
