"""Reads docs/openapi.yml: its operations, with resolved references."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).parents[2] / "docs" / "openapi.yml"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
JSON = "application/json"

Node = dict[str, Any]


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    id: str
    method: str
    path: str
    parts: Mapping[str, Any]
    parameters: tuple[Node, ...]

    @property
    def route(self) -> str:
        """Method and path ("POST /stacks")."""
        return f"{self.method} {self.path}"

    @property
    def body(self) -> Node | None:
        """The JSON request body with `schema` and `examples`; None for calls without a body."""
        content = self.parts.get("requestBody", {}).get("content")
        return content[JSON] if content else None

    @property
    def responses(self) -> dict[int, Node]:
        """The responses by status, with resolved references."""
        return {int(status): resolved(node) for status, node in self.parts["responses"].items()}

    @property
    def examples(self) -> dict[str, Node]:
        """The examples of the body and of the parameters by name."""
        found = dict(self.body["examples"]) if self.body else {}
        for parameter in self.parameters:
            found.update(parameter.get("examples", {}))
        return found


@cache
def document() -> Node:
    """Return the whole document."""
    # The C parser needs a tenth of the time.
    loaded: Node = yaml.load(FILE.read_text(), Loader=yaml.CSafeLoader)
    return loaded


@cache
def operations() -> dict[tuple[str, str], Operation]:
    """Return the operations by method and path ("POST", "/stacks")."""
    found = {}
    for path, item in document()["paths"].items():
        shared = item.get("parameters", [])
        for method in METHODS:
            if method in item:
                parts = item[method]
                parameters = [resolved(each) for each in (*shared, *parts.get("parameters", []))]
                found[method.upper(), path] = Operation(
                    parts["operationId"], method.upper(), path, parts, tuple(parameters)
                )
    return found


def operation(operation_id: str) -> Operation:
    """Return the operation with an operationId."""
    return next(each for each in operations().values() if each.id == operation_id)


def resolved(node: Node) -> Node:
    """Return a node without its reference: the target, with the node's other members on top.

    A reference can also be the only item of `allOf`. Generators ignore the members beside `$ref`,
    but read those beside `allOf`.
    """
    (reference,) = node.get("allOf", [node])
    if "$ref" not in reference:
        return node
    target: Any = document()
    for step in reference["$ref"].removeprefix("#/").split("/"):
        target = target[step]
    beside = {name: value for name, value in node.items() if name not in ("$ref", "allOf")}
    whole = {**resolved(target), **beside}
    if "properties" in beside:
        whole["properties"] = {**resolved(target).get("properties", {}), **beside["properties"]}
    return whole


def examples(response: Node) -> dict[str, Node]:
    """Return the examples of a response by name, each with `summary` and `value`."""
    named = response["content"][JSON]["examples"]
    return {name: resolved(example) for name, example in named.items()}


def codes(schema: Node) -> set[str]:
    """Return the possible values of `code` in an error response."""
    found = set()
    for each in alternatives(schema):
        code = resolved(resolved(each)["properties"]["code"])
        found |= set(code.get("enum", [code.get("const")]))
    return found


def alternatives(schema: Node) -> list[Node]:
    """Return the alternatives of a schema (`oneOf`, `anyOf`), or the schema itself."""
    found: list[Node] = schema.get("oneOf") or schema.get("anyOf") or [schema]
    return found
