"""Signature Version 4 of the requests, with the credentials that the AWS CLI would use."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from typing import Protocol
from urllib.parse import urlsplit

import boto3
import botocore.session
import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, ClientError, ProfileNotFound

from devops_cli import certificates, config
from devops_cli.config import Profile
from devops_cli.failures import CredentialsError, UsageError

# Includes VPC endpoints and China; API Gateway Developer Guide, "Invoke REST APIs".
_HOST = re.compile(r"\.execute-api\.([a-z0-9-]+)\.(?:vpce\.)?amazonaws\.com(?:\.cn)?$")
# Headers that are signed. Proxies may change other headers.
_SIGNED = ("content-type", "idempotency-key")


class CredentialSource(Protocol):
    """A source of credentials, a region and a file of certificates (empty without one)."""

    region_name: str | None
    ca_bundle: str

    def get_credentials(self) -> Credentials | None:
        """Return credentials that refresh themselves; None if there are none."""
        ...


class SigV4(httpx.Auth):
    """Signs each request for API Gateway, including the body."""

    requires_request_body = True

    def __init__(self, credentials: Credentials, region: str) -> None:
        self._credentials = credentials
        self._region = region

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the signature to the headers of a request."""
        # For each request, because the credentials of a role may expire during a wait.
        frozen = current_keys(self._credentials)
        headers = {name: request.headers[name] for name in _SIGNED if name in request.headers}
        headers["host"] = request.headers["host"]
        signed = AWSRequest(request.method, str(request.url), headers, request.content)
        SigV4Auth(frozen, "execute-api", self._region).add_auth(signed)
        request.headers.update(dict(signed.headers.items()))
        yield request


class _AwsProfile:
    """The credentials and settings of a profile of the AWS CLI."""

    def __init__(self, name: str) -> None:
        core = botocore.session.Session(profile=name or None)
        self._session = boto3.Session(botocore_session=core)
        self.region_name: str | None = self._session.region_name
        self.ca_bundle = str(core.get_scoped_config().get("ca_bundle", ""))

    def get_credentials(self) -> Credentials | None:
        """Return credentials that refresh themselves; None if there are none."""
        found: Credentials | None = self._session.get_credentials()
        return found


def credential_source(profile: Profile) -> CredentialSource:
    """Return the profile of the AWS CLI that a profile of `devops` names.

    Raises:
        UsageError: the AWS CLI does not have the profile.

    """
    try:
        return _AwsProfile(profile.aws_profile)
    except ProfileNotFound as error:
        raise UsageError(f"{error}: aws configure list-profiles lists the profiles") from error


def auth(
    profile: Profile, source: CredentialSource, environment: Mapping[str, str]
) -> SigV4 | None:
    """Return the signer of the requests; None without credentials.

    Raises:
        CredentialsError: credentials are configured, but they cannot be loaded.
        UsageError: the region of the signature is not known.

    """
    credentials = load_credentials(source)
    return SigV4(credentials, region_of(profile, source, environment)) if credentials else None


def load_credentials(source: CredentialSource) -> Credentials | None:
    """Return the credentials of a source; None without credentials.

    Raises:
        CredentialsError: credentials are configured, but they cannot be loaded.

    """
    try:
        return source.get_credentials()
    except (BotoCoreError, ClientError) as error:
        raise _unusable(error) from error


def current_keys(credentials: Credentials) -> ReadOnlyCredentials:
    """Return the present keys of credentials, which renew themselves if necessary.

    Raises:
        CredentialsError: the credentials cannot be renewed, for example after their session.

    """
    try:
        found: ReadOnlyCredentials = credentials.get_frozen_credentials()
    except (BotoCoreError, ClientError) as error:
        raise _unusable(error) from error
    return found


def region_of(profile: Profile, source: CredentialSource, environment: Mapping[str, str]) -> str:
    """Return the region of the service, of its address or else of the settings.

    Raises:
        UsageError: the region is not known.

    """
    if region := known_region(profile, source, environment):
        return region
    raise UsageError(
        "the AWS region of the signature is not known: the address does not contain it",
        "Use --region, or store it: devops config set region REGION",
    )


def known_region(profile: Profile, source: CredentialSource, environment: Mapping[str, str]) -> str:
    """Return the region of the service; an empty text if it is not known."""
    found = _HOST.search(urlsplit(profile.api).hostname or "")
    region = found[1] if found else profile.region or source.region_name
    # botocore reads AWS_DEFAULT_REGION, but not AWS_REGION.
    return region or config.variable(environment, "AWS_REGION")


def _unusable(error: Exception) -> CredentialsError:
    if invalid := certificates.find_error(error):
        return CredentialsError(
            f"the AWS credentials cannot be used: {error}", *certificates.hints(invalid)
        )
    return CredentialsError(
        f"the AWS credentials cannot be used: {error}",
        "Renew them, for example with `aws sso login`, or select others with AWS_PROFILE.",
    )
