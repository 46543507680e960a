"""Invalid bodies: 400 with all faults, without any effect."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.lab.client import Client, Reply, http_event
from tests.lab.fakes import FakeCloud

SPECIFICATION = "/stacks/{applicationName}/spec"
# The calls whose body has a specification.
LARGE = [("POST", "/stacks"), ("PUT", SPECIFICATION), ("PATCH", SPECIFICATION)]
ROUTES = [
    *LARGE,
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


def _event(route: tuple[str, str], body: str | None = None, **further: Any) -> dict[str, Any]:
    """Return a call; one of a specification has an application, and replaces any revision."""
    if route[1] == SPECIFICATION:
        further |= {"parameters": {"applicationName": "Shop"}, "headers": {"If-Match": "*"}}
    return http_event(*route, body, **further)


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
    fields = _fields(api.raw(_event(route, body)))
    # Without a body, DELETE reads the name from the query.
    assert fields == ({"stack"} if route[0] == "DELETE" and not body.strip() else {"body"})
    assert cloud.wire.journal[start:] == []


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("depth", [50, 300, 800, 900, 950, 980, 3000, 7000])
def test_a_deeply_nested_body_is_refused_without_an_internal_error(
    api: Client, route: tuple[str, str], depth: int
) -> None:
    assert _fields(api.raw(_event(route, _nested(depth))))
    environment = '{"environment":[' + "[" * depth + "]" * depth + "]}"
    assert _fields(api.raw(_event(route, environment)))
    objects = '{"a":' * depth + "1" + "}" * depth
    assert _fields(api.raw(_event(route, objects)))


@pytest.mark.parametrize("route", ROUTES)
def test_a_missing_body_is_refused(api: Client, route: tuple[str, str]) -> None:
    event = _event(route)
    event["headers"] = None
    assert _fields(api.raw(event)) <= {"body", "stack"}


def test_a_body_with_a_specification_can_have_64_kib_and_not_more(
    cloud: FakeCloud, api: Client
) -> None:
    document = {"email": "team@example.com"}
    bodies = dict(zip(LARGE, (GOOD, document, {"description": "Sells"}), strict=True))
    for route, content in bodies.items():
        body = json.dumps(content)
        assert api.raw(_event(route, body.ljust(64 * 1024))).status in (200, 202)
        api.settle()
        start = len(cloud.wire.journal)
        too_large = api.raw(_event(route, body.ljust(64 * 1024 + 1)))
        assert _fields(too_large) == {"body"}
        assert "65537 bytes: send at most 65536" in too_large.body["errorMessage"]
        wide = json.dumps(content | {"description": "é" * 33000}, ensure_ascii=False)
        assert "at most 65536" in api.raw(_event(route, wide)).body["errorMessage"]
        assert cloud.wire.journal[start:] == []


@pytest.mark.parametrize("route", [route for route in ROUTES if route not in LARGE])
def test_another_body_can_have_16_kib_and_not_more(
    cloud: FakeCloud, api: Client, route: tuple[str, str]
) -> None:
    start = len(cloud.wire.journal)
    assert "send at most" not in str(api.raw(_event(route, "{}".ljust(16 * 1024))).body)
    too_large = api.raw(_event(route, "{}".ljust(16 * 1024 + 1)))
    assert _fields(too_large) == {"body"}
    assert "16385 bytes: send at most 16384" in too_large.body["errorMessage"]
    assert cloud.wire.journal[start:] == []


def test_the_largest_specification_is_stored(api: Client) -> None:
    values = {f"V{n}": "é" * 2000 for n in range(15)}
    reply = api.raw(
        http_event(
            "POST",
            "/stacks",
            json.dumps(GOOD | {"service": {"environment": values}}, ensure_ascii=False),
        )
    )
    assert reply.status == 202
    assert api.finished(reply).operation["status"] == "SUCCEEDED"


def test_a_base64_body_is_decoded(api: Client) -> None:
    encoded = base64.b64encode(json.dumps(GOOD).encode()).decode()
    assert api.raw(http_event("POST", "/stacks", encoded, base64=True)).status == 202


@pytest.mark.parametrize("body", ["%%%", "abc", "\ud800", base64.b64encode(b"\xff{}").decode()])
def test_an_invalid_base64_body_is_refused(api: Client, body: str) -> None:
    assert _fields(api.raw(http_event("POST", "/stacks", body, base64=True))) == {"body"}


def test_a_byte_order_mark_is_ignored(shop: FakeCloud, api: Client) -> None:
    shop.push("1.0")
    body = json.dumps({"applicationName": "Shop", "environment": ["dev"], "version": "1.0"})
    marked = f"\ufeff{body}"
    route, key = ("POST", "/stacks/deploy"), {"Idempotency-Key": "one"}
    encoded = base64.b64encode(marked.encode()).decode()
    replies = [
        api.raw(_event(route, marked, headers=key)),
        api.raw(_event(route, encoded, headers=key, base64=True)),
        api.raw(_event(route, body, headers=key)),
    ]
    # The key and the same content identify one operation.
    assert len({reply.id for reply in replies}) == 1
    assert api.finished(replies[0]).operation["status"] == "SUCCEEDED"


@pytest.mark.parametrize("body", ["\ufeff", "\ufeff\ufeff{}", "{}\ufeff", "\ufffe{}"])
def test_only_one_byte_order_mark_at_the_start_is_ignored(api: Client, body: str) -> None:
    assert _fields(api.raw(http_event("POST", "/stacks/deploy", body))) == {"body"}


def test_all_faults_are_reported_at_once(api: Client) -> None:
    reply = api.send(
        "POST",
        "/stacks",
        {
            "applicationName": "my_shop",
            "email": "nobody",
            "description": "a\nb",
            "environments": {"nonProd": ["dev", "prod"], "training": "yes"},
            "tags": {"aws:x": "1"},
            "service": {"containerPort": 0, "cpu": 256, "memory": 4096, "desiredCount": True},
            "colour": "red",
        },
    )
    assert _fields(reply) == {
        "applicationName", "email", "description", "environments.nonProd",
        "environments.training", "tags.aws:x", "tags.technicalTeam", "service.containerPort",
        "service.memory", "service.desiredCount", "colour",
    }  # fmt: skip


@pytest.mark.parametrize("value", [None, 1, 1.5, True, [], {}, "\ud800", "", "a\u2028b"])
def test_values_of_the_wrong_type_are_refused(api: Client, value: Any) -> None:
    for member in ("applicationName", "email", "tags", "service", "environments"):
        if (member in ("tags", "service", "environments") and value == {}) is False:
            assert member in {
                field.partition(".")[0]
                for field in _fields(api.send("POST", "/stacks", GOOD | {member: value}))
            }
    good = {"applicationName": "Shop", "environment": ["dev"], "version": "1.0"}
    for member in (*good, "repouri"):
        assert member in _fields(api.send("POST", "/stacks/deploy", good | {member: value}))
    for resource, member in (
        ("/stacks/deploytoprodBlue", "environment"),
        ("/stacks/swapProdBlueAndGreen", "version"),
    ):
        body = {"applicationName": "Shop", member: value}
        assert _fields(api.send("POST", resource, body)) == {member}
    assert _fields(api.send("DELETE", "/stacks", {"stack": value})) == {"stack"}


def test_member_names_are_reported_without_unpaired_surrogates(api: Client) -> None:
    reply = api.raw(http_event("POST", "/stacks", '{"\\ud800\\n": 1, "%s": 2}' % ("x" * 200)))
    assert {"??", "x" * 64} <= _fields(reply)


def test_the_tags_that_the_installation_requires_must_be_present(api: Client) -> None:
    del api
    cloud = FakeCloud(required_tags=("costCentre",))
    assert _fields(Client(cloud).create()) == {"tags.costCentre"}
    tags = {"technicalTeam": "payments", "costCentre": "42"}
    assert Client(cloud).create(tags=tags).status == 202


def test_the_size_of_an_application_is_limited(api: Client) -> None:
    del api
    cloud = FakeCloud(max_vcpus=6)
    service = {"cpu": 512, "memory": 1024, "desiredCount": 3}
    environments = {"nonProd": ["dev", "qa", "stage"]}
    reply = Client(cloud).create(service=service, environments=environments)
    assert (reply.status, reply.body["errors"]) == (
        400,
        [
            {
                "field": "service",
                "message": "must need at most 6 vCPUs in this installation, not 7.5: dev 1.5, qa"
                " 1.5, stage 1.5, prod 3 (both slots)",
            }
        ],
    )
    # dev and both slots of production: 4.5 vCPUs; at the limit: four services.
    for name, some in (("Small", ["dev"]), ("Exact", ["dev", "qa"])):
        created = Client(cloud).create(name, service=service, environments={"nonProd": some})
        assert created.status == 202
    # Other faults are reported without the size.
    assert _fields(Client(cloud).create(service={"cpu": 1})) == {"service.cpu"}


@pytest.mark.parametrize("key", ["", " ", "a b", "ä", "x" * 256, "a\n"])
@pytest.mark.usefixtures("shop")
def test_an_idempotency_key_must_be_printable(api: Client, key: str) -> None:
    reply = api.deploy("1.0", "dev", headers={"Idempotency-Key": key})
    assert _fields(reply) == {"Idempotency-Key"}


@pytest.mark.parametrize("query", [{"stack": "Shop"}, None])
@pytest.mark.usefixtures("shop")
def test_a_delete_accepts_the_name_in_the_body_or_the_query(
    api: Client, query: dict[str, str] | None
) -> None:
    body = None if query else {"stack": "Shop"}
    assert api.send("DELETE", "/stacks", body, query=query).status == 202


def test_a_delete_with_two_names_is_refused(shop: FakeCloud, api: Client) -> None:
    reply = api.send("DELETE", "/stacks", {"stack": "Shop"}, query={"stack": "Other"})
    assert _fields(reply) == {"stack"}
    assert shop.tables.in_progress() == []


def test_a_delete_with_another_query_parameter_is_refused(api: Client) -> None:
    reply = api.send("DELETE", "/stacks", query={"stack": "Shop", "force": "1"})
    assert _fields(reply) == {"force"}
