"""Invalid bodies over HTTP: the response is 400 with all faults, and nothing changes."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.lab.client import Client, Reply, http_event
from tests.lab.fakes import FakeCloud

ROUTES = [
    ("POST", "/stacks"),
    ("POST", "/stacks/deploy"),
    ("POST", "/stacks/deploytoprodBlue"),
    ("POST", "/stacks/swapProdBlueAndGreen"),
    ("DELETE", "/stacks"),
]
GOOD: dict[str, Any] = {
    "applicationName": "Shop",
    "email": "team@example.com",
    "tags": {"technicalTeam": "payments"},
}


def _fields(reply: Reply) -> set[str]:
    assert reply.status == 400, reply.body
    assert reply.body["code"] == "INVALID_REQUEST"
    for error in reply.body["errors"]:
        assert set(error) == {"field", "message"}
        assert f"{error['field']}: {error['message']}" in reply.body["errorMessage"]
    return {error["field"] for error in reply.body["errors"]}


def _nested(depth: int) -> str:
    return '{"applicationName":' + "[" * depth + "]" * depth + "}"


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    "body",
    [
        "", "   ", "{", "nonsense", '"text"', "[]", "null", "17", "true", '{"a": 1',
        "9" * 5000, "\ud800", "\x00",
    ],
)  # fmt: skip
def test_a_body_that_is_not_a_json_object_is_refused(
    cloud: FakeCloud, api: Client, route: tuple[str, str], body: str
) -> None:
    start = len(cloud.wire.journal)
    fields = _fields(api.raw(http_event(*route, body)))
    # Without a body, DELETE reads the query.
    assert fields == ({"stack"} if route[0] == "DELETE" and not body.strip() else {"body"})
    assert cloud.wire.journal[start:] == []


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("depth", [50, 300, 800, 900, 950, 980, 3000, 7000])
def test_a_deeply_nested_body_is_refused(api: Client, route: tuple[str, str], depth: int) -> None:
    assert _fields(api.raw(http_event(*route, _nested(depth))))
    environment = '{"environment":[' + "[" * depth + "]" * depth + "]}"
    assert _fields(api.raw(http_event(*route, environment)))


@pytest.mark.parametrize("route", ROUTES)
def test_a_missing_body_is_refused(api: Client, route: tuple[str, str]) -> None:
    event = http_event(*route)
    event["headers"] = None
    assert _fields(api.raw(event)) <= {"body", "stack"}


def test_a_body_has_at_most_16_kib(cloud: FakeCloud, api: Client) -> None:
    body = json.dumps(GOOD)
    assert api.raw(http_event("POST", "/stacks", body.ljust(16 * 1024))).status == 202
    start = len(cloud.wire.journal)
    too_large = api.raw(http_event("POST", "/stacks", body.ljust(16 * 1024 + 1)))
    assert _fields(too_large) == {"body"}
    assert "16385 bytes; at most 16384" in too_large.body["errorMessage"]
    wide = json.dumps(GOOD | {"description": "é" * 9000}, ensure_ascii=False)
    assert "at most 16384" in api.raw(http_event("POST", "/stacks", wide)).body["errorMessage"]
    assert cloud.wire.journal[start:] == []


def test_a_base64_body_is_read(api: Client) -> None:
    encoded = base64.b64encode(json.dumps(GOOD).encode()).decode()
    assert api.raw(http_event("POST", "/stacks", encoded, base64=True)).status == 202


@pytest.mark.parametrize("body", ["%%%", "abc", "\ud800", base64.b64encode(b"\xff{}").decode()])
def test_a_broken_base64_body_is_refused(api: Client, body: str) -> None:
    assert _fields(api.raw(http_event("POST", "/stacks", body, base64=True))) == {"body"}


@pytest.mark.parametrize("route", ROUTES)
def test_a_response_has_all_faults(api: Client, route: tuple[str, str]) -> None:
    fields = _fields(api.send(*route, {"colour": "red", "size": 1}))
    assert len(fields) > 2
    assert fields >= {"colour", "size"}


def test_names_of_members_are_encodable_in_the_response(api: Client) -> None:
    reply = api.raw(http_event("POST", "/stacks", '{"\\ud800\\n": 1, "%s": 2}' % ("x" * 200)))
    assert {"??", "x" * 64} <= _fields(reply)


def test_a_create_needs_the_tags_that_the_installation_requires(api: Client) -> None:
    del api
    cloud = FakeCloud(required_tags=("costCentre",))
    assert _fields(Client(cloud).create()) == {"tags.costCentre"}
    tags = {"technicalTeam": "payments", "costCentre": "42"}
    assert Client(cloud).create(tags=tags).status == 202


@pytest.mark.parametrize("key", ["", " ", "a b", "ä", "x" * 256, "a\n"])
@pytest.mark.usefixtures("shop")
def test_an_idempotency_key_must_be_printable(api: Client, key: str) -> None:
    reply = api.deploy("1.0", "dev", headers={"Idempotency-Key": key})
    assert _fields(reply) == {"Idempotency-Key"}


@pytest.mark.parametrize("query", [{"stack": "Shop"}, None])
@pytest.mark.usefixtures("shop")
def test_a_delete_reads_the_name_from_the_body_or_the_query(
    api: Client, query: dict[str, str] | None
) -> None:
    body = None if query else {"stack": "Shop"}
    assert api.send("DELETE", "/stacks", body, query=query).status == 202


def test_a_delete_refuses_two_names(shop: FakeCloud, api: Client) -> None:
    reply = api.send("DELETE", "/stacks", {"stack": "Shop"}, query={"stack": "Other"})
    assert _fields(reply) == {"stack"}
    assert shop.tables.in_progress() == []


def test_a_delete_refuses_other_query_parameters(api: Client) -> None:
    reply = api.send("DELETE", "/stacks", query={"stack": "Shop", "force": "1"})
    assert _fields(reply) == {"force"}
