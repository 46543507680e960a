"""Translation of the SDK's errors into `devops_core.errors`, chained to the original error."""

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

# The codes that the SDK itself retries as throttling (botocore.retries.standard), and DynamoDB's
# codes for an item in another transaction. Without LimitExceededException, which means a used-up
# quota in CloudFormation and ECS.
_THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded", "EC2ThrottledException", "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException", "ReplicatedWriteConflictException",
        "RequestLimitExceeded", "RequestThrottled", "RequestThrottledException", "SlowDown",
        "ThrottledException", "Throttling", "ThrottlingException", "TooManyRequestsException",
        "TransactionConflictException", "TransactionInProgressException",
    }
)  # fmt: skip
# RegisterTaskDefinition reports with the code ClientException that another registration of the
# family is in progress (github.com/hashicorp/terraform-provider-aws/issues/9777). Both texts mean
# that the same call can succeed later.
_THROTTLED_TEXT = re.compile(r"Rate exceeded|Too many concurrent attempts")
_DENIED = frozenset({"AuthorizationError", "NotAuthorized", "UnauthorizedOperation"})
# A role's credentials expire and the SDK fetches new ones, so these do not refuse the call itself.
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

# IAM's message: "<user> is not authorized to perform: iam:PassRole on resource: <resource>", and
# that of Application Auto Scaling, a ValidationException: "User is missing the following
# permissions: ecs:UpdateService", also with a list in brackets
# (github.com/awsdocs/aws-auto-scaling-user-guide/pull/3).
_ACTION = re.compile(
    r"(?:not authorized to perform|missing the following permissions):? \[?([a-z0-9-]+:[A-Za-z]+)"
)
# The response to a HEAD request has no message, and the IAM action has another name than the
# operation (S3 API Reference, HeadBucket and HeadObject).
_ACTIONS = {"HeadBucket": "s3:ListBucket", "HeadObject": "s3:GetObject"}


@contextmanager
def translated() -> Iterator[None]:
    """Run SDK calls and raise their errors as `AwsError`; also a decorator."""
    try:
        yield
    except ClientError as error:
        raise _from_response(error) from error
    except _UNREACHABLE as error:
        raise UnreachableError(f"AWS does not respond: {error}") from error
    except _NO_CREDENTIALS as error:
        raise AccessDeniedError("the service has no AWS credentials") from error
    except BotoCoreError as error:
        raise RefusedError(str(error)) from error


def code(error: ClientError) -> str:
    """Return AWS's error code; for a HEAD request, the HTTP status ("404")."""
    return str(error.response["Error"].get("Code", ""))


def message(error: ClientError) -> str:
    """Return AWS's message, which can contain ARNs."""
    return str(error.response["Error"].get("Message") or error)


def _from_response(error: ClientError) -> AwsError:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    name, text, operation = code(error), message(error), error.operation_name
    action = _ACTION.search(text)
    if name in _THROTTLED or _THROTTLED_TEXT.search(text):
        return ThrottledError(f"AWS throttles {operation}")
    if status >= 500:
        # The call can have taken effect.
        return UnreachableError(f"AWS could not complete {operation}: {text}")
    if name in _CREDENTIALS:
        return AccessDeniedError("AWS does not accept the credentials of the service")
    if action or name.startswith("AccessDenied") or name in _DENIED or status in (401, 403):
        missing = action[1] if action else _ACTIONS.get(operation, operation)
        return AccessDeniedError(f"the service's role lacks the permission {missing}")
    return RefusedError(text)
