"""Permissions of callers: signatures, execute-api:Invoke on each route, the recorded caller."""

from __future__ import annotations

import http.client
import json
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.credentials import Credentials

from tests.lab.laptop.api import Api, Response, until_ended
from tests.lab.laptop.routes import OTHERS, ROUTES
from tools.laptop import callers
from tools.laptop.client import signed
from tools.laptop.cloud import Cloud

Callers = tuple[Cloud, dict[str, Credentials]]
PRODUCTION = "ECS_Inventory_Production"
TRUST = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
    },
}


def refused(answer: Response, code: str) -> bool:
    """Return whether API Gateway refused a call, in the form of the service's errors."""
    assert set(answer.body) == {"errorMessage", "code"}, answer.body
    assert answer.body["errorMessage"]
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    return (answer.status, answer.body["code"]) == (403, code)


def assumed(api: Api, role: str) -> Credentials:
    """Create a role with a path and all permissions, and return the keys of one of its sessions."""
    iam, policy = (
        api.client("iam"),
        {"Version": "2012-10-17", "Statement": callers.allow_routes(["*"])},
    )
    made = iam.create_role(
        RoleName=role, Path="/teams/", AssumeRolePolicyDocument=json.dumps(TRUST)
    )
    iam.put_role_policy(RoleName=role, PolicyName="call", PolicyDocument=json.dumps(policy))
    keys = api.client("sts").assume_role(RoleArn=made["Role"]["Arn"], RoleSessionName="build-7")
    given = keys["Credentials"]
    return Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])


def events(api: Api, operation: str) -> list[dict[str, Any]]:
    return [
        item
        for item in api.items("DevOpsLogsTable")
        if item["entry"]["S"].startswith(f"EVENT#{operation}#")
    ]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_an_unsigned_call_is_refused(api: Api, method: str, path: str) -> None:
    assert refused(Api(api.cloud).call(method, path), "MISSING_AUTHENTICATION_TOKEN")


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_caller_without_any_permission_is_refused(stranger: Api, method: str, path: str) -> None:
    assert refused(stranger.call(method, path), "ACCESS_DENIED")


def test_a_wrong_secret_is_refused(api: Api) -> None:
    assert api.credentials
    wrong = Credentials(api.credentials.access_key, "wrong")
    assert refused(Api(api.cloud, wrong).call("GET", "/health"), "INVALID_SIGNATURE")


def test_a_changed_body_is_refused(api: Api) -> None:
    url = api.cloud.api_url + "/stacks/deploy"
    headers = signed(api.credentials, "POST", url, b'{"applicationName": "Mine"}', {})
    sent = Api(api.cloud).call("POST", url, b'{"applicationName": "Theirs"}', **headers)
    assert refused(sent, "INVALID_SIGNATURE")


def test_an_unknown_access_key_is_refused(api: Api) -> None:
    unknown = Credentials("AKIAIOSFODNN7EXAMPLE", "wrong")
    assert Api(api.cloud, unknown).call("GET", "/health").status == 403


@pytest.mark.parametrize(("address", "status"), [("127.0.0.1", 200), ("127.0.0.9", 403)])
def test_a_call_from_another_address_is_refused(api: Api, address: str, status: int) -> None:
    """parameters.yml of this laptop cloud allows 127.0.0.1 alone."""
    url = api.cloud.api_url + "/health"
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, source_address=(address, 0))
    connection.request("GET", parts.path, headers=signed(api.credentials, "GET", url, None, {}))
    with connection.getresponse() as answer:
        body = json.load(answer)
    connection.close()
    assert answer.status == status, body
    assert body.get("code") == (None if status == 200 else "ACCESS_DENIED")


def test_a_pipeline_is_only_allowed_to_deploy(api: Api, pipeline: Api, application: str) -> None:
    api.push(application, "1.0")
    before = api.items(PRODUCTION), len(api.items("DevOpsLogsTable"))
    for method, path in OTHERS:
        assert refused(pipeline.call(method, path), "ACCESS_DENIED")
    assert (api.items(PRODUCTION), len(api.items("DevOpsLogsTable"))) == before
    body = {"applicationName": application, "environment": ["dev"], "version": "1.0"}
    answer = until_ended(partial(pipeline.post, "/stacks/deploy", body))
    assert answer.status == 200, answer.body
    arn = "arn:aws:iam::000000000000:user/pipeline"
    assert answer.operation["caller"] == arn
    assert {each["caller"]["S"] for each in events(api, answer.operation["id"])} == {arn}


def test_the_record_names_the_session_of_a_role(api: Api, application: str) -> None:
    caller = Api(api.cloud, assumed(api, "platform-ci"))
    api.push(application, "1.1")
    body = {"applicationName": application, "environment": ["dev"], "version": "1.1"}
    operation = caller.succeed(caller.post("/stacks/deploy", body))
    arn = "arn:aws:sts::000000000000:assumed-role/platform-ci/build-7"
    assert operation["caller"] == arn
    assert {each["caller"]["S"] for each in events(api, operation["id"])} == {arn}


@pytest.mark.parametrize(
    ("user", "status", "caller", "error"),
    [
        ("admin", "200", "arn:aws:iam::000000000000:user/admin", "-"),
        ("stranger", "403", "arn:aws:iam::000000000000:user/stranger", "ACCESS_DENIED"),
        ("", "403", "-", "MISSING_AUTHENTICATION_TOKEN"),
    ],
)
def test_the_access_log_has_each_call(
    api: Api, callers: Callers, user: str, status: str, caller: str, error: str
) -> None:
    """The address is that of the connection, as in API Gateway: a header cannot change it."""
    cloud, users = callers
    sent = Api(cloud, users.get(user)).call("GET", "/health", X_Forwarded_For="192.0.2.1")
    identifier = sent.headers.get("X-Request-Id") or sent.headers["x-amzn-requestid"]
    pages = (
        api.client("logs")
        .get_paginator("filter_log_events")
        .paginate(logGroupName="/aws/apigateway/devops-ecs-dev/access")
    )
    lines = [json.loads(event["message"]) for page in pages for event in page["events"]]
    (line,) = (each for each in lines if each["requestId"] == identifier)
    found = {name: line[name] for name in ("caller", "sourceIp", "route", "status", "error")}
    assert found == {
        "caller": caller,
        "sourceIp": "127.0.0.1",
        "route": "GET /health",
        "status": status,
        "error": error,
    }
