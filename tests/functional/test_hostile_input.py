"""Hostile input is refused, or its control characters are replaced."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

import handlers.create
from devops_core.errors import CONTROL, RefusedError
from tests.lab.client import USER, Client, Reply, http_event
from tests.lab.fakes import ACCOUNT, FakeCloud

# C0, DEL, C1, directional formatting characters, Unicode line ends, unpaired surrogates.
CONTROLS = [
    "\x00", "\x07", "\t", "\n", "\r", "\x1b[31m", "\x7f", "\x85", "\x9b2J", "\u061c", "\u200e",
    "\u200f", "\u202a", "\u202e", "\u2066", "\u2069", "\u2028", "\u2029", "\ud800", "\udfff",
]  # fmt: skip
LONG = "x" * 100

GOOD: dict[str, Any] = {
    "applicationName": "Shop",
    "email": "team@example.com",
    "tags": {"technicalTeam": "payments"},
}


def code(text: str) -> str:
    return f"U+{ord(text[0]):04X}"


def fields(reply: Reply) -> set[str]:
    assert (reply.status, reply.body["code"]) == (400, "INVALID_REQUEST"), reply.body
    return {error["field"] for error in reply.body["errors"]}


def texts(value: Any) -> list[str]:
    """Return all texts in a value, including the names of members."""
    if isinstance(value, dict):
        return [text for pair in value.items() for each in pair for text in texts(each)]
    if isinstance(value, list | tuple):
        return [text for each in value for text in texts(each)]
    return [str(value)]


def check_clean(cloud: FakeCloud, *replies: Reply) -> None:
    """Check that responses, records and log lines contain no control characters."""
    stored = [*cloud.tables.operations.values(), *cloud.tables.events.values()]
    lines = [{**facts, "error": ""} for _, facts in cloud.lines]
    everything = [*(reply.body for reply in replies), *map(repr, stored), *lines]
    everything += [dict(reply.headers) for reply in replies]
    # The escapes that repr() makes of control characters.
    escapes = [ascii(each)[1:-1] for each in CONTROLS if len(each) == 1]
    for text in texts(everything):
        assert not CONTROL.search(text), ascii(text)
        assert not [each for each in escapes if each in ascii(text)], ascii(text)


# --- JSON ---


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            '{"applicationName": "Shop", "applicationName": "Other"}',
            'has the member "applicationName" more than once',
        ),
        ('{"tags": {"a": 1, "a": 1}}', 'has the member "a" more than once'),
        ('{"a": [{"\\u202eb": 1, "\\u202eb": 2}]}', 'has the member "?b" more than once'),
        (f'{{"{LONG}": 1, "{LONG}": 2}}', f'has the member "{LONG[:64]}" more than once'),
        ('{"a": NaN}', "JSON"),
        ('{"a": Infinity}', "JSON"),
        ('{"a": -Infinity}', "JSON"),
        ('{"a": %s}' % ("9" * 5000), "JSON"),
        ("\ufeff\ufeff{}", "JSON"),
    ],
    ids=["repeated member", "nested", "in a list", "long number", "NaN", "Infinity", "-Infinity",
         "overflowing number", "two byte order marks"],
)  # fmt: skip
@pytest.mark.parametrize("resource", ["/stacks", "/stacks/deploy", "/stacks/swapProdBlueAndGreen"])
def test_ambiguous_json_is_refused(
    cloud: FakeCloud, api: Client, resource: str, body: str, message: str
) -> None:
    reply = api.raw(http_event("POST", resource, body))
    assert fields(reply) == {"body"}
    assert message in reply.body["errors"][0]["message"]
    assert cloud.wire.journal == []
    check_clean(cloud, reply)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "latin-1"])
def test_a_body_must_be_utf_8(cloud: FakeCloud, api: Client, encoding: str) -> None:
    body = json.dumps(GOOD | {"description": "é"}, ensure_ascii=False).encode(encoding)
    reply = api.raw(http_event("POST", "/stacks", base64.b64encode(body).decode(), base64=True))
    assert fields(reply) == {"body"}
    assert cloud.wire.journal == []


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1e400", "1E1", "80.0", "9" * 4000, "-0"])
@pytest.mark.parametrize("field", ["containerPort", "cpu", "memory", "desiredCount"])
def test_numbers_must_be_small_integers(api: Client, field: str, number: str) -> None:
    body = json.dumps(GOOD | {"service": {}}).replace("{}", f'{{"{field}": {number}}}')
    assert fields(api.raw(http_event("POST", "/stacks", body))) == {f"service.{field}"}


@pytest.mark.parametrize("name", ["stack", "x\u202e", "force"])
@pytest.mark.usefixtures("shop")
def test_a_repeated_parameter_is_refused(cloud: FakeCloud, api: Client, name: str) -> None:
    """API Gateway passes the last value, and the deleted application must not depend on that."""
    event = http_event("DELETE", "/stacks", query={name: "Shop"})
    event["multiValueQueryStringParameters"] = {name: ["Other", "Shop"]}
    start = len(cloud.wire.journal)
    reply = api.raw(event)
    assert fields(reply) == {name.replace("\u202e", "?")}
    assert cloud.wire.journal[start:] == []
    check_clean(cloud, reply)
    event = http_event("DELETE", "/stacks", query={"stack": "Shop"})
    event["multiValueQueryStringParameters"] = {"stack": ["Shop"]}
    assert api.raw(event).status == 202


# --- texts ---


@pytest.mark.parametrize("character", CONTROLS, ids=code)
def test_a_create_refuses_control_characters_in_every_field(
    cloud: FakeCloud, api: Client, character: str
) -> None:
    secret = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:db"
    text, name = f"a{character}b", f"A{character}B"
    bad: dict[str, Any] = {
        "applicationName": text,
        "email": f"a{character}@example.com",
        "description": text,
        "environments": {"nonProd": [text]},
        "tags": {"technicalTeam": text, name: "x"},
        "service": {
            "healthCheckPath": f"/{text}",
            "environment": {"GOOD": text, name: "x"},
            "secrets": {"KEY": f"{secret}:{text}::", "STAGE": f"{secret}::{text}:", name: secret},
            "warmup": [f"/{text}"],
        },
        text: 1,
    }
    reply = api.send("POST", "/stacks", bad)
    groups = {field.rpartition(".")[0] or field for field in fields(reply)}
    assert groups >= {
        "applicationName", "email", "description", "environments", "tags", "service",
        "service.environment", "service.secrets",
    }  # fmt: skip
    assert {"service.secrets.KEY", "service.secrets.STAGE"} <= fields(reply)
    assert cloud.wire.journal == []
    check_clean(cloud, reply)


@pytest.mark.parametrize("character", CONTROLS, ids=code)
def test_other_requests_refuse_control_characters_in_every_field(
    cloud: FakeCloud, api: Client, character: str
) -> None:
    text = f"a{character}b"
    deploy = {"environment": [text], "version": text, "repouri": f"example.com/{text}"}
    replies = [
        api.send("POST", "/stacks/deploy", {"applicationName": text, **deploy}),
        api.promote(application=text, environment=text),
        api.swap(application=text, version=text),
        api.delete(text),
        api.send("DELETE", "/stacks", query={"stack": text}),
        api.send("DELETE", "/stacks", query={text: "Shop"}),
    ]
    assert [len(fields(each)) for each in replies] == [4, 2, 2, 1, 1, 2]
    assert cloud.wire.journal == []
    check_clean(cloud, *replies)


@pytest.mark.parametrize("character", CONTROLS, ids=code)
@pytest.mark.usefixtures("shop")
def test_control_characters_in_path_parameters_and_headers_are_refused(
    cloud: FakeCloud, api: Client, character: str
) -> None:
    start = len(cloud.wire.journal)
    text = f"a{character}b"
    replies = [
        ask(operation, application)
        for ask in (api.status, api.abort)
        for operation, application in ((text, "Shop"), ("01JN8EY4M00000000000000009", text))
    ]
    assert {reply.status for reply in replies} == {404}
    refused = api.deploy("1.0", "dev", headers={"Idempotency-Key": text})
    assert fields(refused) == {"Idempotency-Key"}
    assert cloud.wire.journal[start:] == []
    waited = api.deploy("1.0", "dev", headers={"Prefer": f"wait=1{character}0"})
    assert (waited.status, waited.headers.get("Preference-Applied")) == (202, None)
    check_clean(cloud, *replies, refused, waited)


@pytest.mark.parametrize("digits", ["wait=١٠", "wait=1٠", "wait=１０"])  # noqa: RUF001 - not ASCII digits
@pytest.mark.usefixtures("shop")
def test_only_ascii_digits_are_digits(api: Client, digits: str) -> None:
    reply = api.deploy("1.0", "dev", headers={"Prefer": digits})
    assert "Preference-Applied" not in reply.headers
    deploy = api.deploy("1.0", "dev", repouri="example.com:٨٠/shop")
    assert fields(deploy) == {"repouri"}


@pytest.mark.parametrize("character", CONTROLS, ids=code)
def test_a_caller_is_stored_and_logged_without_control_characters(
    cloud: FakeCloud, api: Client, character: str
) -> None:
    event = http_event("POST", "/stacks", json.dumps(GOOD))
    event["requestContext"]["identity"]["userArn"] = f"{USER}{character}x"
    event["requestContext"]["requestId"] = f"id{character}"
    event["path"] = event["resource"] = f"/stacks{character}"
    event["httpMethod"] = "POST"
    answer = handlers.create.handle(event, None, cloud)
    reply = Reply(answer["statusCode"], answer["headers"], json.loads(answer["body"]))
    assert reply.status == 202
    assert reply.operation["caller"].startswith(USER)
    assert reply.headers["X-Request-Id"].startswith("id")
    check_clean(cloud, reply, api.status(reply.id))
    check_clean(cloud, api.abort(reply.id))


@pytest.mark.parametrize("character", CONTROLS, ids=code)
def test_a_message_from_aws_is_stored_and_returned_without_control_characters(
    shop: FakeCloud, api: Client, character: str
) -> None:
    """ECS passes on any message of a foreign registry."""
    shop.wire.fail("containers.register", RefusedError(f"no{character}pe"), times=1)
    refused = api.deploy("1.0", "dev")
    assert refused.status == 424
    assert refused.environments["DEV"]["reason"].startswith("no")
    check_clean(shop, refused, api.status(refused.id))
