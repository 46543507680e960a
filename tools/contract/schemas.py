"""Derives JSON Schema from the declarations in devops_core/requests."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import yaml

from devops_core.requests import schema
from devops_core.requests.advance import ADVANCE
from devops_core.requests.create import CREATE
from devops_core.requests.delete import DELETE
from devops_core.requests.deploy import DEPLOY
from devops_core.requests.promote import PROMOTE
from devops_core.requests.reads import EVENTS, OPERATIONS, SPECIFICATION, STACK, STACKS
from devops_core.requests.swap import SWAP
from devops_core.requests.update import SPECIFICATION as DOCUMENT
from devops_core.requests.upgrade import UPGRADE
from tools.contract.document import Node

# The declared bodies by the names of their components.
BODIES: Mapping[str, schema.Object[Any]] = {
    "CreateRequest": CREATE,
    "DeployRequest": DEPLOY,
    "PromoteRequest": PROMOTE,
    "SwapRequest": SWAP,
    "DeleteRequest": DELETE,
    "UpdateRequest": DOCUMENT,
    "UpgradeRequest": UPGRADE,
    "AdvanceRequest": ADVANCE,
}
# The declared queries by the ids of their operations.
QUERIES: Mapping[str, schema.Object[Any]] = {
    "listApplications": STACKS,
    "readApplication": STACK,
    "readSpecification": SPECIFICATION,
    "listOperations": OPERATIONS,
    "listApplicationEvents": EVENTS,
    "listEvents": EVENTS,
}
# Responses have the component, too, and describe it.
_OF_RESPONSES = {"RowStatus"}
# How Python writes what ECMA 262, the syntax of JSON Schema, writes otherwise.
_ECMA = {
    r"\(\?P<\w+>": "(",
    r"\\Z": "$",
    r"\\w": r"\\p{L}\\p{N}_",
    r"\\x([0-9a-f]{2})": r"\\u00\1",
    # JSON text has no halves of surrogate pairs.
    r"\\ud800-\\udfff": "",
}


def components() -> dict[str, Node]:
    """Return the schemas of all bodies and of all types that have a name."""
    found: dict[str, Node] = {}
    for name, body in BODIES.items():
        found[name] = _object(body)
        _add_named(body, found)
    for query in QUERIES.values():
        _add_named(query, found)
    return found


def parameters() -> dict[str, Node]:
    """Return the parameters of all queries by the name of their component."""
    found = {}
    for query in QUERIES.values():
        for name, member in query.members.items():
            node: Node = {"name": name, "in": "query", "description": member.description}
            node["schema"] = _type(member.type) | _default(member)
            node |= {} if member.example is None else {"example": member.example}
            found[name[0].upper() + name[1:]] = node
    return found


def ecma(pattern: str) -> str:
    """Return a pattern of Python that is to match a whole string in the syntax of ECMA 262."""
    for python, other in _ECMA.items():
        pattern = re.sub(python, other, pattern)
    pattern = re.sub(r"\(\?i:([a-z0-9|-]+)\)", lambda group: f"(?:{_any_case(group[1])})", pattern)
    return f"^(?:{pattern})$" if "|" in pattern else f"^{pattern}$"


def text(nodes: Mapping[str, Node]) -> str:
    """Return components as they are written below `schemas:` or `parameters:`."""
    # PyYAML writes a line of any length if it has no space to break it at.
    written = yaml.dump(
        dict(nodes), Dumper=_SchemaDumper, sort_keys=False, allow_unicode=True, width=96
    )
    return "".join(f"    {line}\n" if line else "\n" for line in written.splitlines())


def _any_case(word: str) -> str:
    return "".join(f"[{one.upper()}{one}]" if one.isalpha() else one for one in word)


def _add_named(declared: schema.Type, found: dict[str, Node]) -> None:
    """Add the components of the types that a type consists of."""
    for each in _parts(declared):
        if each.name and each.name not in _OF_RESPONSES and each.name not in found:
            found[each.name] = _inline(each)
        _add_named(each, found)


def _parts(declared: schema.Type) -> Iterator[schema.Type]:
    if isinstance(declared, schema.Object):
        yield from (member.type for member in declared.members.values())
        yield from declared.others or ()
    elif isinstance(declared, schema.List | schema.Objects):
        yield declared.item
    elif isinstance(declared, schema.ObjectOrWord):
        yield from (declared.object, declared.word)


def _type(declared: schema.Type) -> Node:
    return {"$ref": f"#/components/schemas/{declared.name}"} if declared.name else _inline(declared)


def _inline(declared: schema.Type) -> Node:
    """Return the schema of a type without its name."""
    if isinstance(declared, schema.Object):
        return _object(declared)
    description = {"description": declared.description} if declared.description else {}
    if isinstance(declared, schema.Text):
        return {"type": "string"} | description | _text_bounds(declared)
    if isinstance(declared, schema.Choice):
        return {"type": "string"} | description | {"enum": list(declared.values)}
    if isinstance(declared, schema.Integer):
        return {"type": "integer"} | _integer_bounds(declared)
    if isinstance(declared, schema.Number):
        return {"type": "number", "minimum": declared.least, "maximum": declared.most}
    if isinstance(declared, schema.ObjectOrWord):
        return {"oneOf": [_type(declared.object), _type(declared.word)]}
    if isinstance(declared, schema.List):
        bounds = {"minItems": declared.least} if declared.least else {}
        bounds |= {} if declared.most is None else {"maxItems": declared.most}
        bounds |= {"uniqueItems": True} if declared.distinct else {}
        return {"type": "array", **bounds, "items": _type(declared.item)}
    if isinstance(declared, schema.Objects):
        return {"type": "array", "maxItems": declared.most, "items": _type(declared.item)}
    assert isinstance(declared, schema.Boolean)  # noqa: S101 - the only type that is left
    return {"type": "boolean"}


def _text_bounds(declared: schema.Text) -> Node:
    bounds: Node = {} if declared.longest is None else {"maxLength": declared.longest}
    bounds |= {"not": {"enum": sorted(declared.reserved)}} if declared.reserved else {}
    if declared.format:
        return bounds | {"format": declared.format}
    return bounds | {"pattern": ecma(declared.pattern)}


def _integer_bounds(declared: schema.Integer) -> Node:
    allowed = declared.allowed
    if isinstance(allowed, range):
        return {"minimum": allowed[0], "maximum": allowed[-1]}
    return {} if allowed is None else {"enum": list(allowed)}


def _object(declared: schema.Object[Any]) -> Node:
    node: Node = {"type": "object"}
    if declared.description:
        node["description"] = declared.description
    required = [name for name, member in declared.members.items() if member.required]
    node |= {"required": required} if required else {}
    node |= {} if declared.most is None else {"maxProperties": declared.most}
    if declared.others:
        names, values = declared.others
        node |= {"propertyNames": _type(names), "additionalProperties": _type(values)}
    else:
        node["additionalProperties"] = False
    properties = {name: _member(member) for name, member in declared.members.items()}
    node |= {"properties": properties} if properties else {}
    for name, member in declared.members.items():
        if isinstance(member.type, schema.Integer) and member.type.allowed_with:
            node |= _dependence(name, *member.type.allowed_with)
        if member.required_unless:
            node |= _replacement(name, member.required_unless)
    return node


def _dependence(name: str, other: str, values: Mapping[int, Collection[int]]) -> Node:
    """Return the rule of a member whose allowed `values` depend on the value of another member.

    The rule applies to objects with both members. Generators of code ignore `if` and its branches.
    They would make a class of each alternative of an `anyOf` beside `properties`.
    """
    alternatives = [
        {"properties": {other: {"const": value}, name: _numbers(list(allowed))}}
        for value, allowed in values.items()
    ]
    both = {"required": [other, name], "properties": {each: {} for each in (other, name)}}
    return {"if": both, "then": {"anyOf": alternatives}}


def _replacement(name: str, other: str) -> Node:
    """Return the rule of a member that is required, unless another member is true."""
    replaced = {"required": [other], "properties": {other: {"const": True}}}
    otherwise = {"required": [name], "properties": {name: {}}}
    return {"if": replaced, "then": {"properties": {name: False}}, "else": otherwise}


def _numbers(allowed: Sequence[int]) -> Node:
    """Return the bounds of numbers; of more than three, their range and step."""
    if len(allowed) < 4:
        return {"enum": [*allowed]}
    step = allowed[1] - allowed[0]
    return {"minimum": allowed[0], "maximum": allowed[-1], "multipleOf": step}


def _member(member: schema.Member) -> Node:
    """Return the schema of a member: its type, with the description and default of the member."""
    node = _type(member.type)
    description = member.description
    if isinstance(member.type, schema.Integer) and member.type.allowed_with:
        description += f" {_in_words(*member.type.allowed_with)}"
    if member.required_unless:
        description += f" Required, except with `{member.required_unless}: true`."
    first = {key: node.pop(key) for key in ("$ref", "type") if key in node}
    return first | ({"description": description} if description else {}) | _default(member) | node


def _default(member: schema.Member) -> Node:
    """Return the default; generators refuse an empty object, which says no more than `required`."""
    return {} if member.default in (None, {}) else {"default": member.default}


def _in_words(other: str, values: Mapping[int, Collection[int]]) -> str:
    """Return the allowed values for each value of another member."""
    said = []
    for value, allowed in values.items():
        first, second, *_, last = allowed
        steps = f"{first} to {last} in steps of {second - first}"
        few = f"{', '.join(map(str, list(allowed)[:-1]))} or {last}"
        said.append(f"{value}: {few if len(allowed) < 4 else steps}")
    return f"For `{other}` {'; for '.join(said)}."


class Dumper(yaml.SafeDumper):
    """Writes YAML as the rest of docs/openapi.yml is written."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent the items of a list, too."""
        del indentless
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:
        """Write a value again wherever it is."""
        del data
        return True


class _SchemaDumper(Dumper):
    """Writes a list, and an object that is only a reference, on one line."""


def _represent_object(dumper: yaml.SafeDumper, node: Node) -> yaml.Node:
    return dumper.represent_mapping("tag:yaml.org,2002:map", node, flow_style=set(node) == {"$ref"})


def _represent_list(dumper: yaml.SafeDumper, values: list[Any]) -> yaml.Node:
    """Write a list on one line if it has no objects."""
    flow = not any(isinstance(value, dict) for value in values)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=flow)


_SchemaDumper.add_representer(dict, _represent_object)
_SchemaDumper.add_representer(list, _represent_list)
