"""Responses: status, headers and body."""

from __future__ import annotations

import json
from typing import Any

import pytest

from devops_core.errors import (
    AccessDeniedError,
    AwsError,
    RefusedError,
    ThrottledError,
    UnreachableError,
)
from tests.lab.client import USER, Client, http_event
from tests.lab.fakes import ACCOUNT, Call, FakeCloud
from tests.lab.fakes.task_service import CRASH, HANG

BASE = "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/dev"
WAIT = {"Prefer": "wait=10"}


@pytest.mark.usefixtures("shop")
def test_an_accepted_request_returns_the_location_of_its_operation(api: Client) -> None:
    reply = api.deploy("1.0", "dev")
    assert reply.status == 202
    assert dict(reply.headers) == {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Request-Id": "7f0d9a6e-0000-4000-8000-3b1d4f1c2a5e",
        "Location": f"{BASE}/stacks/Shop/operations/{reply.id}",
        "Retry-After": "2",
    }
    assert reply.body["applicationName"] == "Shop"


def test_a_status_read_returns_all_members_of_an_operation(shop: FakeCloud, api: Client) -> None:
    reply = api.deploy("1.0", "dev")
    assert reply.operation == {
        "id": reply.id,
        "kind": "deploy",
        "applicationName": "Shop",
        "status": "IN_PROGRESS",
        "url": reply.headers["Location"],
        "caller": USER,
        "requestedAt": "2025-03-01T09:02:00.000Z",
        "deadline": "2025-03-01T09:32:00.000Z",
        "spec": 1,
        "waitingFor": "DEV: rollout IN_PROGRESS, 0 of 1 new tasks running, 0 pending",
        "environments": [
            {
                "environment": "DEV",
                "status": "IN_PROGRESS",
                "url": "http://internal-Shop-dev.elb.example",
                "version": "1.0",
                "image": f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/shop:1.0",
                "digest": shop.images.pushed["shop", "1.0"],
            }
        ],
    }


@pytest.mark.parametrize("name", ["Prefer", "prefer"])
@pytest.mark.parametrize(
    "value", ["wait=10", 'respond-async, wait="10"', "WAIT = 10", "wait=10; a=b"]
)
@pytest.mark.usefixtures("shop")
def test_a_waiting_caller_receives_the_end_of_the_operation(
    api: Client, name: str, value: str
) -> None:
    reply = api.deploy("1.0", "dev", headers={name: value})
    assert (reply.status, reply.operation["status"]) == (200, "SUCCEEDED")
    assert reply.headers["Preference-Applied"] == "wait=10"
    assert "Location" not in reply.headers


def test_a_waiting_caller_receives_202_after_the_wait(shop: FakeCloud, api: Client) -> None:
    shop.push("slow", HANG)
    before = shop.clock.now()
    reply = api.deploy("slow", "dev", headers={"Prefer": "wait=4"})
    assert (reply.status, reply.operation["status"]) == (202, "IN_PROGRESS")
    assert reply.headers["Preference-Applied"] == "wait=4"
    assert reply.headers["Location"] == reply.operation["url"]
    assert (shop.clock.now() - before).total_seconds() == 4


def test_a_request_waits_at_most_25_seconds(shop: FakeCloud, api: Client) -> None:
    shop.push("slow", HANG)
    before = shop.clock.now()
    reply = api.deploy("slow", "dev", headers={"Prefer": "wait=600"})
    assert reply.headers["Preference-Applied"] == "wait=25"
    assert (shop.clock.now() - before).total_seconds() == 25


def test_the_duration_of_the_claim_counts_as_waiting(shop: FakeCloud, api: Client) -> None:
    shop.push("slow", HANG)
    shop.wire.on("tables.claim", lambda: shop.clock.wait(9))
    before = shop.clock.now()
    assert api.deploy("slow", "dev", headers={"Prefer": "wait=25"}).status == 202
    assert (shop.clock.now() - before).total_seconds() == 25


@pytest.mark.parametrize("value", ["wait", "wait=soon", "wait=-1", "respond-async", ""])
@pytest.mark.usefixtures("shop")
def test_unknown_preferences_are_ignored(api: Client, value: str) -> None:
    reply = api.deploy("1.0", "dev", headers={"Prefer": value})
    assert reply.status == 202
    assert "Preference-Applied" not in reply.headers


def test_a_waiting_caller_receives_424_with_the_reasons_of_a_failure(
    shop: FakeCloud, api: Client
) -> None:
    shop.push("bad", CRASH)
    reply = api.deploy("bad", "dev", headers=WAIT)
    assert reply.status == 424
    assert reply.headers["Preference-Applied"] == "wait=10"
    assert reply.body["code"] == "OPERATION_FAILED"
    assert reply.body["errorMessage"] == reply.operation["reasons"][0]
    assert reply.body["errorMessage"].startswith("DEV bad: Essential container in task exited")
    assert reply.operation["caller"] == "iam user/alice"
    seen = api.status(reply.id, headers=WAIT)
    assert (seen.status, seen.operation["status"]) == (200, "FAILED")


def test_a_status_read_can_wait(shop: FakeCloud, api: Client) -> None:
    reply = api.deploy("1.0", "dev")
    before = shop.clock.now()
    seen = api.status(reply.id, headers=WAIT)
    assert (seen.status, seen.operation["status"]) == (200, "SUCCEEDED")
    assert seen.headers["Preference-Applied"] == "wait=10"
    assert (shop.clock.now() - before).total_seconds() == 1


@pytest.mark.parametrize("base", ["", "/v1", "/platform/v1"])
@pytest.mark.usefixtures("shop")
def test_urls_include_the_base_path_of_a_custom_domain(api: Client, base: str) -> None:
    body = {"applicationName": "Shop", "environment": ["dev"], "version": "1.0"}
    event = http_event("POST", "/stacks/deploy", json.dumps(body))
    # API Gateway has the base path in both paths.
    path = f"{base}/stacks/deploy"
    context = {**event["requestContext"], "path": path, "domainName": "deploy.example.com"}
    reply = api.raw({**event, "path": path, "requestContext": context})
    assert reply.operation["url"] == (
        f"https://deploy.example.com{base}/stacks/Shop/operations/{reply.id}"
    )


def test_urls_begin_with_the_configured_public_url(api: Client) -> None:
    cloud = FakeCloud(public_url="https://deploy.example.com/v1")
    reply = Client(cloud).create()
    assert reply.operation["url"] == (
        f"https://deploy.example.com/v1/stacks/Shop/operations/{reply.id}"
    )
    assert api.create().operation["url"].startswith(BASE)


@pytest.mark.parametrize(
    ("identity", "caller"),
    [
        ({"sourceIp": "192.0.2.7", "userArn": USER, "apiKeyId": "k"}, USER),
        ({"sourceIp": "192.0.2.7", "userArn": None, "apiKeyId": "abc123"}, "abc123"),
        ({"sourceIp": "192.0.2.7"}, "address 192.0.2.7"),
        (None, "address None"),
    ],
)
def test_the_caller_is_the_signer_or_the_api_key_or_the_address(
    api: Client, identity: dict[str, Any] | None, caller: str
) -> None:
    body = {"applicationName": "Shop", "email": "a@example.com", "tags": {"technicalTeam": "x"}}
    event = http_event("POST", "/stacks", json.dumps(body))
    event["requestContext"]["identity"] = identity
    assert api.raw(event).operation["caller"] == caller


@pytest.mark.usefixtures("shop")
def test_a_status_read_of_an_unknown_operation_is_404(api: Client) -> None:
    for operation, name in (("01JN8EY4M00000000000000009", "Shop"), ("x", "Nothing")):
        reply = api.status(operation, name)
        assert (reply.status, reply.body["code"]) == (404, "NOT_FOUND")
        assert reply.body["errorMessage"] == f"application {name} has no operation {operation}"


@pytest.mark.parametrize("wrong", ["x" * 3000, "", "é", "../x", "01jn8ey4m00000000000000009"])
def test_a_status_read_with_an_invalid_id_makes_no_call(
    shop: FakeCloud, api: Client, wrong: str
) -> None:
    calls = len(shop.wire.journal)
    for reply in (api.status(wrong), api.status("01JN8EY4M00000000000000009", wrong)):
        assert (reply.status, reply.body["code"]) == (404, "NOT_FOUND")
    assert len(shop.wire.journal) == calls


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ThrottledError("AWS throttles BatchGetItem"), 503, "THROTTLED"),
        (UnreachableError("AWS does not respond"), 503, "AWS_UNREACHABLE"),
        (AccessDeniedError(f"{USER} lacks a permission"), 502, "ACCESS_DENIED"),
        (RefusedError(f"no table arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/T"), 502, "REFUSED"),
    ],
)
def test_an_aws_error_before_the_claim_refuses_the_request(
    shop: FakeCloud, api: Client, error: AwsError, status: int, code: str
) -> None:
    for name in ("tables.inventory", "images.digest", "tables.claim"):
        shop.wire.fail(name, error, times=1)
        reply = api.deploy("1.0", "dev")
        assert (reply.status, reply.body["code"]) == (status, code)
        assert reply.headers.get("Retry-After") == ("5" if status == 503 else None)
        assert shop.tables.in_progress() == []
    assert "failed" in [message for message, _ in shop.lines]


@pytest.mark.parametrize("name", ["tables.save", "containers.register", "containers.update"])
@pytest.mark.parametrize(
    "error", [ThrottledError("slow down"), UnreachableError("AWS does not respond")]
)
def test_an_aws_error_after_the_claim_returns_202(
    shop: FakeCloud, api: Client, name: str, error: AwsError
) -> None:
    shop.wire.fail(name, error, times=1)
    reply = api.deploy("1.0", "dev")
    assert reply.status == 202
    assert api.finished(reply).operation["status"] == "SUCCEEDED"


def test_an_aws_error_during_a_wait_does_not_end_the_wait(shop: FakeCloud, api: Client) -> None:
    shop.wire.on(
        "tables.save", lambda: shop.wire.fail("tables", ThrottledError("slow down"), times=3),
        after=True,
    )  # fmt: skip
    reply = api.deploy("1.0", "dev", headers=WAIT)
    assert (reply.status, reply.operation["status"]) == (200, "SUCCEEDED")


def test_an_internal_error_returns_500_and_is_logged(shop: FakeCloud, api: Client) -> None:
    shop.wire.fail("tables.inventory", ZeroDivisionError(f"arn:aws:iam::{ACCOUNT}:role/x"))
    reply = api.deploy("1.0", "dev")
    assert (reply.status, reply.body["code"]) == (500, "INTERNAL")
    assert reply.headers["X-Request-Id"] in reply.body["errorMessage"]
    (facts,) = [facts for message, facts in shop.lines if message == "broken"]
    assert "ZeroDivisionError" in facts["error"]
    assert facts["requestId"] == reply.headers["X-Request-Id"]
    shop.lines.clear()


def test_reasons_from_aws_contain_no_arns(shop: FakeCloud, api: Client) -> None:
    words = f"Unable to pull arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/shop in {ACCOUNT}"
    shop.wire.fail("containers.register", RefusedError(words))
    reply = api.deploy("1.0", "dev")
    assert reply.status == 424
    assert reply.environments["DEV"]["reason"] == (
        "Unable to pull ecr repository/shop in <account>"
    )


def test_each_request_writes_one_log_line(shop: FakeCloud, api: Client) -> None:
    shop.lines.clear()
    reply = api.deploy("1.0", "dev")
    assert shop.lines == [
        (
            "answered",
            {
                "status": 202,
                "requestId": "7f0d9a6e-0000-4000-8000-3b1d4f1c2a5e",
                "route": "POST /stacks/deploy",
                "caller": USER,
                "operation": reply.id,
                "kind": "deploy",
                "applicationName": "Shop",
                "outcome": "IN_PROGRESS",
            },
        )
    ]
    api.deploy("1.1", "dev")
    assert shop.lines[-1][1]["code"] == "BUSY"


def test_a_request_changes_nothing_in_aws_before_the_claim(shop: FakeCloud, api: Client) -> None:
    def refuse(call: Call) -> None:
        if call.name == "tables.claim":
            raise ThrottledError("slow down")

    start = len(shop.wire.journal)
    shop.wire.before.append(refuse)
    for reply in (api.deploy("1.0", "dev"), api.delete(), api.create("Other")):
        assert reply.status == 503
    assert not [call for call in shop.wire.journal[start:] if call.changes_aws]
