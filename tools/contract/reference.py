"""Generates docs/api.md, the contract as a page for people.

`make reference` writes it and all other files with derived texts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from tools.contract.document import (
    FILE,
    JSON,
    Node,
    Operation,
    alternatives,
    document,
    examples,
    operations,
    resolved,
)
from tools.contract.markdown import Row, anchor, folded, line, table

PAGE = FILE.with_name("api.md")
# Schemas with a separate table.
_OBJECTS = (
    "Operation", "Part", "Plan", "PlannedPart", "Application", "Row", "Tasks", "Event",
)  # fmt: skip
# Characters. A longer pattern does not help a reader; the description explains the rule as well.
_LONGEST_PATTERN = 40
_TYPES = {"integer": "whole number", "array": "list"}
_INTRO = """# API reference

All calls with their fields, responses and errors. `make reference` generates this page from the
OpenAPI document [`openapi.yml`](openapi.yml). Guides: [create](createstack.md),
[deploy](deploytononprod.md), [promote](deploytoprodblue.md), [swap](swapbluegreen.md),
[delete](deletestack.md), [calls and operations](operations.md),
[inventory and events](inventory.md)."""


def page() -> str:
    """Return the page."""
    calls, components = operations().values(), document()["components"]
    parts = [
        _INTRO,
        table(("Call", "Purpose"), ((f"`{call.route}`", _link(call)) for call in calls)),
        document()["info"]["description"],
        *_access(components["securitySchemes"]),
        *(part for call in calls for part in _call(call)),
        "## Responses of several calls",
        *(
            part
            for name, node in components["responses"].items()
            for part in _answer(_title(name), node)
        ),
        "## Response headers",
        table(("Header", "Meaning"), _headers()),
        "## Objects in responses",
        *(part for name in _OBJECTS for part in _object(name)),
    ]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def _access(schemes: Node) -> Iterator[str]:
    server = document()["servers"][0]
    yield f"The address is `{server['url']}`:"
    rows = (
        (f"`{name}`", f"`{variable['default']}`", variable["description"])
        for name, variable in server["variables"].items()
    )
    yield table(("Part", "Example", "Meaning"), rows)
    yield "A call has one of these headers:"
    named = ((f"`{each['name']}`", line(each["description"])) for each in schemes.values())
    yield table(("Header", "Meaning"), named)


def _call(call: Operation) -> Iterator[str]:
    yield f"## {call.parts['summary']}"
    yield f"```http\n{call.route}\n```"
    yield call.parts["description"]
    yield table(("Parameter", "In", "Required", "Rule"), map(_parameter, call.parameters))
    if call.body:
        yield fields(call.body["schema"])
        for each in call.body["examples"].values():
            yield folded(each["summary"], each["value"])
    yield table(("Status", "Response"), _statuses(call))
    for status, node in call.parts["responses"].items():
        if "$ref" not in node:
            yield from _answer(f"{call.parts['summary']}: {status}", node)


def _parameter(each: Node) -> Row:
    required = "yes" if each.get("required") else "no"
    return f"`{each['name']}`", each["in"], required, _rule(each["schema"], each["description"])


def fields(schema: Node) -> str:
    """Return the table of the fields of a body, or the description of a body without fields."""
    if "properties" not in resolved(schema):
        return str(resolved(schema)["description"])
    return table(("Field", "Type", "Required", "Default", "Rule"), _fields(schema))


def queries(call: Operation) -> str:
    """Return the table of the query parameters of a call."""
    rows = (_parameter(each) for each in call.parameters if each["in"] == "query")
    return table(("Parameter", "Rule"), ((name, rule) for name, _, _, rule in rows))


def _fields(schema: Node, prefix: str = "") -> Iterator[Row]:
    whole = resolved(schema)
    for name, each in _distinct(whole["properties"]).items():
        field = resolved(each)
        required = "yes" if name in whole.get("required", ()) else "no"
        default = f"`{json.dumps(field['default'])}`" if "default" in field else ""
        yield f"`{prefix}{name}`", _type(each), required, default, _rule(each)
        for one in map(resolved, alternatives(field)):
            if one.get("properties"):
                yield from _fields(one, f"{prefix}{name}.")


def _distinct(properties: Mapping[str, Node]) -> Mapping[str, Node]:
    """Return the properties of an object; one for all if they have the same component."""
    first, *others = properties.values()
    same = others and "$ref" in first and all(each == first for each in others)
    return {"<name>": first} if same else properties


def _members(schema: Node, prefix: str = "") -> Iterator[Row]:
    for name, each in resolved(schema)["properties"].items():
        member = resolved(each)
        yield f"`{prefix}{name}`", _type(each), _rule(each)
        inner = resolved(member.get("items") or member) if "prefixItems" not in member else member
        if inner.get("properties") and not _object_of(each):
            yield from _members(inner, f"{prefix}{name}{'[]' * ('items' in member)}.")


def _statuses(call: Operation) -> Iterator[Row]:
    for status, node in call.parts["responses"].items():
        own = f"{call.parts['summary']}: {status}"
        title = _title(node["$ref"].rpartition("/")[2]) if "$ref" in node else own
        yield f"[{status}](#{anchor(title)})", line(resolved(node)["description"])


def _title(name: str) -> str:
    """Return the heading of a response that several calls share: its status and its name."""
    reference = {"$ref": f"#/components/responses/{name}"}
    statuses = {
        status
        for call in operations().values()
        for status, node in call.parts["responses"].items()
        if node == reference
    }
    words = "".join(f" {each.lower()}" if each.isupper() else each for each in name)
    return f"{' '.join(sorted(statuses))}{words}"


def _answer(title: str, node: Node) -> Iterator[str]:
    yield f"### {title}"
    yield node["description"]
    yield f"Headers: {', '.join(f'`{name}`' for name in node['headers'])}."
    schema, named = node["content"][JSON]["schema"], examples(node)
    rows = {row: None for each in alternatives(schema) for row in _members(each)}
    further = [row for row in rows if row[0] not in ("`errorMessage`", "`code`")]
    yield table(("Member", "Type", "Meaning"), further)
    if "errorMessage" in next(iter(named.values()))["value"]:
        yield table(("Code", "Cause", "Example of `errorMessage`"), map(_error, named.values()))
    for name, each in named.items():
        if set(each["value"]) != {"errorMessage", "code"}:
            yield folded(f"`{name}`" if "code" in each["value"] else each["summary"], each["value"])


def _error(example: Node) -> Row:
    message = example["value"]["errorMessage"].replace("<", "&lt;")
    return f"`{example['value']['code']}`", line(example["summary"]), line(message)


def _headers() -> Iterator[Row]:
    of_answers = {
        name: resolved(header)
        for call in operations().values()
        for node in call.responses.values()
        for name, header in node["headers"].items()
    }
    for name, header in of_answers.items():
        yield f"`{name}`", _rule(header["schema"], header["description"])


def _object(name: str) -> Iterator[str]:
    schema = document()["components"]["schemas"][name]
    yield f"### {name}"
    yield schema["description"]
    yield table(("Member", "Type", "Meaning"), _members(schema))


def _type(schema: Node) -> str:
    """Return the type of a value as text; for an object with a separate table a link to it."""
    if name := _object_of(schema):
        link = f"[{name}](#{anchor(name)})"
        return f"list of {link}" if resolved(schema).get("type") == "array" else link
    whole = resolved(schema)
    if "oneOf" in whole:
        return " or ".join(map(_type, whole["oneOf"]))
    if whole.keys() <= {"description"}:
        return "any"
    kind: str = whole.get("type", "string")
    return _TYPES.get(kind, kind)


def _object_of(schema: Node) -> str:
    reference = schema.get("$ref") or schema.get("items", {}).get("$ref", "")
    name = reference.rpartition("/")[2]
    return name if name in _OBJECTS else ""


def _rule(schema: Node, description: str = "") -> str:
    whole = resolved(schema)
    one = resolved(whole["items"]) if isinstance(whole.get("items"), dict) else whole
    said = [line(description or whole.get("description", ""))]
    if "enum" in one:
        said.append(f"One of {', '.join(f'`{value}`' for value in one['enum'])}.")
    if "minimum" in whole:
        said.append(f"{whole['minimum']} to {whole['maximum']}." if "maximum" in whole else "")
    if "maxItems" in whole and "minItems" not in whole:
        said.append(f"At most {whole['maxItems']}.")
    if 0 < len(one.get("pattern", "")) <= _LONGEST_PATTERN:
        said.append(f"Pattern `{one['pattern']}`.")
    return " ".join(filter(None, said))


def _link(call: Operation) -> str:
    return f"[{call.parts['summary']}](#{anchor(call.parts['summary'])})"


if __name__ == "__main__":
    from tests.contract import replay
    from tools.contract import derived

    for file, text in derived.files(replay.bodies()):
        file.write_text(text)
