"""Signature Version 4 of the calls, with credentials as the AWS CLI finds them."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from typing import Protocol
from urllib.parse import urlsplit

import boto3
import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError, ProfileNotFound

from devops_cli.config import Profile
from devops_cli.failures import CredentialsError, UsageError

# Also those of VPC endpoints and of China; API Gateway Developer Guide, "Invoke REST APIs".
_HOST = re.compile(r"\.execute-api\.([a-z0-9-]+)\.(?:vpce\.)?amazonaws\.com(?:\.cn)?$")
# What is sent as it is signed; proxies may change other headers.
_SIGNED = ("content-type", "idempotency-key")


class Source(Protocol):
    """Something that knows credentials and a region, such as a session of boto3."""

    region_name: str | None

    def get_credentials(self) -> Credentials | None:
        """Return credentials that renew themselves; None if there are none."""
        ...


class SigV4(httpx.Auth):
    """Signs each request, with its body, as API Gateway asks for."""

    requires_request_body = True

    def __init__(self, credentials: Credentials, region: str) -> None:
        self._credentials = credentials
        self._region = region

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Put the signature into the headers of a request."""
        try:
            # Anew for each request: those of a role run out while somebody waits.
            frozen = self._credentials.get_frozen_credentials()
        except (BotoCoreError, ClientError) as error:
            raise _unusable(error) from error
        headers = {name: request.headers[name] for name in _SIGNED if name in request.headers}
        headers["host"] = request.headers["host"]
        signed = AWSRequest(request.method, str(request.url), headers, request.content)
        SigV4Auth(frozen, "execute-api", self._region).add_auth(signed)
        request.headers.update(dict(signed.headers.items()))
        yield request


def session(profile: Profile) -> Source:
    """Return the session of boto3 that belongs to a profile.

    Raises:
        UsageError: the AWS CLI has no such profile.

    """
    try:
        found: Source = boto3.Session(profile_name=profile.aws_profile or None)
    except ProfileNotFound as error:
        raise UsageError(f"{error}: aws configure list-profiles shows those there are") from error
    return found


def auth(profile: Profile, source: Source, environment: Mapping[str, str]) -> SigV4 | None:
    """Return what signs the calls; None if there are no credentials to sign with.

    Raises:
        CredentialsError: there should be credentials, but they cannot be had.
        UsageError: nothing says for which region to sign.

    """
    try:
        credentials = source.get_credentials()
    except (BotoCoreError, ClientError) as error:
        raise _unusable(error) from error
    if credentials is None:
        return None
    told = _HOST.search(urlsplit(profile.api).hostname or "")
    region = told[1] if told else profile.region or source.region_name
    # botocore itself knows the older one of these names only.
    region = region or environment.get("AWS_REGION", "")
    if not region:
        raise UsageError(
            "the address does not tell the AWS region to sign for",
            "Give --region, or set it: devops config set region REGION",
        )
    return SigV4(credentials, region)


def _unusable(error: Exception) -> CredentialsError:
    return CredentialsError(
        f"the AWS credentials cannot be used: {error}",
        "Renew them, for example with `aws sso login`, or choose others with AWS_PROFILE.",
    )
