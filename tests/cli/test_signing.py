"""Signature Version 4, checked as API Gateway would check it."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ProfileNotFound, TokenRetrievalError

from devops_cli import client, signing
from devops_cli.config import Profile
from devops_cli.failures import CredentialsError, UsageError
from tests.lab.prepared_service import API, KEYS, Clock, Service, Source, answer

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/execute-api/aws4_request, "
    r"SignedHeaders=([^,]+), Signature=([0-9a-f]{64})"
)
LAPTOP = "http://127.0.0.1:4566/restapis/devops/dev/_user_request_"


def signature(request: httpx.Request, secret: str) -> tuple[str, str, set[str]]:
    """Return the signature that a request must have, its region, and the headers it covers.

    The steps are those of the IAM User Guide, "Create a signed AWS API request".
    """
    found = _AUTHORIZATION.fullmatch(request.headers["authorization"])
    assert found
    _, day, region, names, _ = found.groups()
    headers = "".join(f"{each}:{request.headers[each]}\n" for each in names.split(";"))
    query = sorted(request.url.query.decode().split("&")) if request.url.query else []
    path = quote(request.url.raw_path.decode().partition("?")[0], safe="/~")
    payload = hashlib.sha256(request.content).hexdigest()
    canonical = "\n".join([request.method, path, "&".join(query), headers, names, payload])
    scope = f"{day}/{region}/execute-api/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope, digest])
    key = f"AWS4{secret}".encode()
    for part in (day, region, "execute-api", "aws4_request", text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex(), region, set(names.split(";"))


def send(
    source: Source, method: str = "GET", api: str = API, query: Mapping[str, Any] | None = None,
    body: Mapping[str, Any] | None = None, region: str = "",
) -> httpx.Request:  # fmt: skip
    service, profile = Service(), Profile(api=api, region=region)
    transport = httpx.MockTransport(lambda request: service(request) and answer())
    auth = signing.auth(profile, source, {})
    client.connect(profile, auth, transport, Clock(), print).send(
        method, "/stacks/Shop", query, body, key="key-1" if body else ""
    )
    return service.sent(method)


@pytest.mark.parametrize(
    "call",
    [
        {},
        {"query": {"live": "true", "since": "2026-01-31T12:00:00+02:00", "a": "b c/d*~"}},
        {"method": "POST", "body": {"description": "Laden für alles"}},
        {"method": "DELETE", "query": {"stack": "Shop"}},
        {"api": LAPTOP, "region": "eu-west-1"},
    ],
    ids=["read", "query", "body", "delete", "laptop"],
)
def test_the_signature_is_the_one_that_is_expected(call: dict[str, Any]) -> None:
    request = send(Source(KEYS), **call)
    expected, region, covered = signature(request, KEYS.secret_key)
    assert request.headers["authorization"].endswith(expected)
    assert region == "eu-west-1"
    assert {"host", "x-amz-date"} <= covered
    assert ({"content-type", "idempotency-key"} <= covered) == ("body" in call)


def test_a_session_token_is_sent_and_signed() -> None:
    request = send(Source(Credentials("AKID", "secret", "token-of-a-role")))
    expected, _, covered = signature(request, "secret")
    assert request.headers["x-amz-security-token"] == "token-of-a-role"
    assert "x-amz-security-token" in covered
    assert request.headers["authorization"].endswith(expected)


def test_a_call_that_is_repeated_is_signed_anew() -> None:
    service = Service()
    service.on("GET", "/stacks", answer(503), answer())
    auth = signing.auth(Profile(api=API), Source(KEYS), {})
    assert auth
    connected = client.connect(Profile(api=API), auth, httpx.MockTransport(service), Clock(), print)
    connected.get("/stacks")
    for each in service.requests:
        assert each.headers["authorization"].endswith(signature(each, KEYS.secret_key)[0])
        assert len(each.headers.get_list("authorization")) == 1


def test_without_credentials_nothing_is_signed() -> None:
    assert "authorization" not in send(Source(None)).headers


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("abc.execute-api.eu-west-1.amazonaws.com", "eu-west-1"),
        ("abc-vpce-0123.execute-api.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("vpce-0123.execute-api.eu-west-3.vpce.amazonaws.com", "eu-west-3"),
        ("abc.execute-api.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("ABC.Execute-Api.eu-west-2.amazonaws.com", "eu-west-2"),
    ],
)
def test_the_address_tells_the_region(host: str, region: str) -> None:
    source = Source(KEYS, "region-of-the-aws-cli")
    request = send(source, api=f"https://{host}/dev", region="region-of-the-profile")
    assert f"/{region}/execute-api/" in request.headers["authorization"]


@pytest.mark.parametrize(
    ("own", "session", "environment", "region"),
    [
        ("eu-west-1", "eu-west-2", {"AWS_REGION": "eu-west-3"}, "eu-west-1"),
        ("", "eu-west-2", {"AWS_REGION": "eu-west-3"}, "eu-west-2"),
        ("", None, {"AWS_REGION": "eu-west-3"}, "eu-west-3"),
    ],
)
def test_else_the_profile_or_the_aws_configuration_tells_it(
    own: str, session: str | None, environment: dict[str, str], region: str
) -> None:
    profile = Profile(api="https://devops.example.com", region=own)
    auth = signing.auth(profile, Source(KEYS, session), environment)
    assert auth
    request = next(auth.auth_flow(httpx.Request("GET", profile.api)))
    assert f"/{region}/execute-api/" in request.headers["authorization"]


def test_without_a_region_it_says_what_to_do() -> None:
    with pytest.raises(UsageError, match="region") as told:
        signing.auth(Profile(api=LAPTOP), Source(KEYS), {})
    assert "--region" in told.value.hints[0]


class Expired(Credentials):  # type: ignore[misc] # botocore ships no types
    """Credentials that should renew themselves and cannot."""

    def get_frozen_credentials(self) -> Any:
        raise TokenRetrievalError(provider="sso", error_msg="Token has expired")


def test_credentials_that_have_run_out_are_told_in_a_sentence() -> None:
    with pytest.raises(CredentialsError, match="Token has expired") as told:
        send(Source(Expired("a", "b")))
    assert "aws sso login" in told.value.hints[0]


class Unavailable(Source):
    """A session that fails to get credentials."""

    def get_credentials(self) -> Credentials | None:
        raise ProfileNotFound(profile="base")


def test_credentials_that_cannot_be_had_are_told_in_a_sentence() -> None:
    with pytest.raises(CredentialsError, match="base"):
        signing.auth(Profile(api=API), Unavailable(None), {})


def test_a_profile_that_the_aws_cli_does_not_have_is_named() -> None:
    with pytest.raises(UsageError, match="no-such-profile-here"):
        signing.credential_source(Profile(aws_profile="no-such-profile-here"))
