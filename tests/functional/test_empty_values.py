"""An empty value of a request is refused with its name; it is never a missing value.

The fields and parameters are those of the contract.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import yaml

from tests.lab.client import Client
from tests.lab.templates import ROOT

TEXT = (ROOT / "docs" / "openapi.yml").read_text()
CONTRACT = yaml.safe_load(TEXT)
EMPTY = ["", " ", "\t"]
# The ends of fields in which some of these values have a meaning, and a part of their description.
MEANINGS = {
    "description": ({"", " "}, "At most 256 characters"),
    ".environment.NAME": ({*EMPTY}, "values have 0 to 4096 characters"),
    ".command": ({*EMPTY}, "a word can be empty"),
}
# A server ignores preferences that it does not know (RFC 7240, 2).
IGNORED = {"Prefer"}
BODY = {
    "applicationName": "Shop",
    "stack": "Shop",
    "email": "team@example.com",
    "tags": {"technicalTeam": "payments"},
    "environment": ["dev"],
    "version": "1.0",
}
ALL = {"nonProd": ["dev", "qa", "stage"], "training": True, "da": True}
OPERATION = "01JN8EY4M00000000000000001"


class Place(NamedTuple):
    """A text in a request: a parameter, or a field of the body with the path to its value."""

    method: str
    route: str
    kind: str
    name: str
    path: tuple[str | int, ...] = ()


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Any = CONTRACT
    for each in schema["$ref"].removeprefix("#/").split("/"):
        found = found[each]
    return resolved(found)


# An object of a list.
SIDECAR = {"name": "agent", "image": f"envoy/envoy@sha256:{'0' * 64}"}


def texts(
    given: dict[str, Any], path: tuple[str | int, ...] = ()
) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of each text of a schema; a free name is NAME, and a list has one item."""
    schema = resolved(given)
    for part in schema.get("allOf", []):
        yield from texts(part, path)
    for name, member in schema.get("properties", {}).items():
        yield from texts(member, (*path, name))
    others = schema.get("additionalProperties")
    if isinstance(others, dict):
        yield from texts(others, (*path, "NAME"))
    if schema.get("type") == "array":
        yield from texts(schema["items"], (*path, 0))
    if schema.get("type") == "string":
        yield path


def places() -> Iterator[Place]:
    for route, item in CONTRACT["paths"].items():
        for method in ("get", "post", "put", "patch", "delete"):
            call = item.get(method, {})
            for each in [
                *(item.get("parameters", []) if call else []),
                *call.get("parameters", []),
            ]:
                parameter = resolved(each)
                if parameter["in"] != "path":
                    yield Place(method.upper(), route, parameter["in"], parameter["name"])
            for path in dict.fromkeys(texts(schema_of(method, route))):
                name = ".".join(each for each in path if isinstance(each, str))
                yield Place(method.upper(), route, "body", name, path)


def schema_of(method: str, route: str) -> dict[str, Any]:
    """Return the schema of a body, empty without one; a patch has the members of its result."""
    call = CONTRACT["paths"][route].get("put" if method == "patch" else method, {})
    content = resolved(call.get("requestBody", {})).get("content", {})
    return resolved(content["application/json"]["schema"]) if content else {}


def body(place: Place, value: str) -> dict[str, Any]:
    """Return a body that is valid except for this value."""
    members = schema_of(place.method.lower(), place.route).get("properties", {})
    given = {name: copy.deepcopy(each) for name, each in BODY.items() if name in members}
    if place.route == "/stacks" and place.method == "POST":
        given["applicationName"] = "New"
    if "environments" in members:
        given["environments"] = copy.deepcopy(ALL)
    if resolved(members.get("environment", {})).get("type") == "string":
        given["environment"] = "dev"
    inner: Any = given
    for number, each in enumerate(place.path):
        rest = place.path[number + 1 :]
        if not rest:
            inner[each] = value
        elif isinstance(each, str):
            item = copy.deepcopy(SIDECAR) if rest[1:] else None
            inner = inner.setdefault(each, {} if isinstance(rest[0], str) else [item])
        else:
            inner = inner[each]
    return given


def call(api: Client, place: Place, value: str) -> Any:
    query = {} if place.method == "GET" or place.name == "dryRun" else {"dryRun": "true"}
    headers = {"If-Match": "*"} if place.method == "PUT" else {}
    headers |= {place.name: value} if place.kind == "header" else {}
    if place.kind == "query":
        query[place.name] = value
    content = body(place, value) if place.kind == "body" else None
    if content is None and place.route.endswith("/upgrade"):
        content = {}
    elif content is None and place.method == "POST" and place.route.endswith("/{id}"):
        content = {"action": "finish"}
    elif content is None and place.route != "/stacks" and place.method in ("POST", "PUT", "PATCH"):
        content = body(place._replace(path=("applicationName",)), "Shop")
    elif content is None and place.method == "POST":
        content = body(place._replace(path=("applicationName",)), "New")
    elif content is None and place.method == "DELETE" and place.name != "stack":
        query |= {"stack": "Shop"} if place.route == "/stacks" else {}
    parameters = {"applicationName": "Shop", "id": OPERATION}
    named = {name: each for name, each in parameters.items() if f"{{{name}}}" in place.route}
    return api.send(
        place.method, place.route, content, query=query, headers=headers, parameters=named
    )


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("value", EMPTY, ids=["nothing", "space", "tab"])
@pytest.mark.parametrize("place", [*places()], ids=lambda each: " ".join(each[:4]))
def test_an_empty_value_is_refused_or_has_a_documented_meaning(
    api: Client, place: Place, value: str
) -> None:
    reply = call(api, place, value)
    known = [each for end, each in MEANINGS.items() if place.name.endswith(end)]
    # The first word of a health check is CMD or CMD-SHELL.
    known = [] if "healthCheck.command" in place.name else known
    meanings, description = known[0] if known else (set[str](), "")
    assert description in " ".join(TEXT.split())
    if place.name in IGNORED or value in meanings:
        assert reply.status in (200, 404, 409), reply.body
        return
    assert (reply.status, reply.body["code"]) == (400, "INVALID_REQUEST"), reply.body
    # The field of an object in a list has its position.
    fields = {re.sub(r"\.\d+", "", error["field"]) for error in reply.body["errors"]}
    assert place.name in fields
