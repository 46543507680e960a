"""The SDK's errors in the words of `devops_core.errors`; always chained to the original."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - the SDK's own, which is not a subclass of Python's
    CredentialRetrievalError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
)

from devops_core.errors import (
    AccessDeniedError,
    AwsError,
    RefusedError,
    ThrottledError,
    UnreachableError,
)

# The codes that the SDK itself retries as throttling (botocore.retries.standard), without
# LimitExceededException, which CloudFormation and ECS answer for a quota that is used up; and what
# DynamoDB answers when another transaction is on the same item at this moment.
_THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded", "EC2ThrottledException", "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException", "ReplicatedWriteConflictException",
        "RequestLimitExceeded", "RequestThrottled", "RequestThrottledException", "SlowDown",
        "ThrottledException", "Throttling", "ThrottlingException", "TooManyRequestsException",
        "TransactionConflictException", "TransactionInProgressException",
    }
)  # fmt: skip
_DENIED = frozenset({"AuthorizationError", "NotAuthorized", "UnauthorizedOperation"})
# Credentials of a role run out and are fetched anew, so this says nothing about the call.
_CREDENTIALS = frozenset(
    {
        "ExpiredToken", "ExpiredTokenException", "IncompleteSignature", "InvalidAccessKeyId",
        "InvalidClientTokenId", "InvalidSignatureException", "MissingAuthenticationToken",
        "RequestExpired", "RequestTimeTooSkewed", "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)  # fmt: skip
_UNREACHABLE = (HTTPClientError, ConnectionError, IncompleteReadError, FlexibleChecksumError)
_NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError)

# IAM's words name the user, "is not authorized to perform: iam:PassRole on resource", the resource.
_ACTION = re.compile(r"not authorized to perform:? ([a-z0-9-]+:[A-Za-z]+)")
# The answer to a HEAD request has no words, and the call is not called like what IAM has to allow
# (S3 API Reference, HeadBucket and HeadObject).
_ACTIONS = {"HeadBucket": "s3:ListBucket", "HeadObject": "s3:GetObject"}


@contextmanager
def translated() -> Iterator[None]:
    """Run SDK calls and raise what they raise as an `AwsError`; also a decorator."""
    try:
        yield
    except ClientError as error:
        raise _from_answer(error) from error
    except _UNREACHABLE as error:
        raise UnreachableError(f"no answer from AWS: {error}") from error
    except _NO_CREDENTIALS as error:
        raise AccessDeniedError("the service has no AWS credentials") from error
    except BotoCoreError as error:
        raise RefusedError(str(error)) from error


def code(error: ClientError) -> str:
    """Return AWS's error code; for a HEAD request it is the HTTP status."""
    return str(error.response["Error"].get("Code", ""))


def message(error: ClientError) -> str:
    """Return AWS's own words, which may hold ARNs."""
    return str(error.response["Error"].get("Message") or error)


def _from_answer(error: ClientError) -> AwsError:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    name, words, operation = code(error), message(error), error.operation_name
    action = _ACTION.search(words)
    if name in _THROTTLED or "Rate exceeded" in words:
        return ThrottledError(f"AWS throttles {operation}")
    if status >= 500:
        # It may have been done all the same.
        return UnreachableError(f"AWS could not do {operation}: {words}")
    if name in _CREDENTIALS:
        return AccessDeniedError("AWS does not accept the credentials of the service")
    if action or name.startswith("AccessDenied") or name in _DENIED or status in (401, 403):
        lacking = action[1] if action else _ACTIONS.get(operation, operation)
        return AccessDeniedError(f"the service's role may not {lacking}")
    return RefusedError(words)
