"""The parts of docs/openapi.yml: operations, and what references lead to."""

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
        """The JSON request body: `schema` and `examples`; None when there is none."""
        content = self.parts.get("requestBody", {}).get("content")
        return content[JSON] if content else None

    @property
    def responses(self) -> dict[int, Node]:
        """The answers by status, without references."""
        return {int(status): resolved(node) for status, node in self.parts["responses"].items()}

    @property
    def examples(self) -> dict[str, Node]:
        """The named examples of a request: those of its body, and of its parameters."""
        found = dict(self.body["examples"]) if self.body else {}
        for parameter in self.parameters:
            found.update(parameter.get("examples", {}))
        return found


@cache
def document() -> Node:
    """Return the whole document."""
    # The parser in C takes a tenth of the time.
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
    """Return the operation of an id."""
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
    """Return the examples of an answer by name, each with `summary` and `value`."""
    named = response["content"][JSON]["examples"]
    return {name: resolved(example) for name, example in named.items()}


def codes(schema: Node) -> set[str]:
    """Return the values that the `code` of an error may have."""
    found = set()
    for each in alternatives(schema):
        code = resolved(resolved(each)["properties"]["code"])
        found |= set(code.get("enum", [code.get("const")]))
    return found


def alternatives(schema: Node) -> list[Node]:
    """Return the schemas of which a value has one."""
    found: list[Node] = schema.get("oneOf") or schema.get("anyOf") or [schema]
    return found
