from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    IncompleteReadError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
    UnknownRegionError,
)

from devops_core.adapters.aws.errors import translated
from devops_core.errors import (
    AccessDeniedError,
    AwsError,
    ConflictError,
    RefusedError,
    ThrottledError,
    UnreachableError,
)

_URL = "https://ecs.eu-west-1.amazonaws.com"
_DENIED = (
    "User: arn:aws:sts::123456789012:assumed-role/devops/create is not authorized to perform:"
    " iam:PassRole on resource: arn:aws:iam::123456789012:role/stack"
)
# RegisterTaskDefinition, shortly after another registration of the family
# (github.com/hashicorp/terraform-provider-aws/issues/9777).
_CONCURRENT = "Too many concurrent attempts to create a new revision of the specified family."


def _client_error(code: str, message: str = "", status: int = 400) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, "CreateStack")


@pytest.mark.parametrize(
    ("error", "expected", "words"),
    [
        (_client_error("Throttling", "Rate exceeded"), ThrottledError, "AWS throttles CreateStack"),
        (_client_error("ThrottlingException"), ThrottledError, "AWS throttles CreateStack"),
        (_client_error("RequestLimitExceeded"), ThrottledError, "AWS throttles CreateStack"),
        (_client_error("TooManyRequestsException"), ThrottledError, "AWS throttles CreateStack"),
        (_client_error("ProvisionedThroughputExceededException"), ThrottledError, "AWS throttles"),
        (_client_error("SlowDown", status=503), ThrottledError, "AWS throttles CreateStack"),
        (_client_error("PriorRequestNotComplete"), ThrottledError, "AWS throttles CreateStack"),
        (
            _client_error("TransactionConflictException"),
            ThrottledError,
            "AWS throttles CreateStack",
        ),
        (_client_error("LimitExceededException", "Rate exceeded"), ThrottledError, "AWS throttles"),
        (
            _client_error("InternalFailure", "oops", 500),
            UnreachableError,
            "AWS could not complete .*: oops",
        ),
        (
            _client_error("ServiceUnavailable", "later", 503),
            UnreachableError,
            "AWS could not complete",
        ),
        (_client_error("ClientException", _CONCURRENT), ThrottledError, "AWS throttles"),
        (_client_error("LimitExceededException", "200 stacks"), RefusedError, "200 stacks"),
        (
            _client_error("AccessDenied", "no", 403),
            AccessDeniedError,
            "lacks the permission CreateStack",
        ),
        (
            _client_error("AccessDeniedException", "no"),
            AccessDeniedError,
            "lacks the permission CreateStack",
        ),
        (
            _client_error("UnauthorizedOperation"),
            AccessDeniedError,
            "lacks the permission CreateStack",
        ),
        (_client_error("NotAuthorized"), AccessDeniedError, "lacks the permission CreateStack"),
        (
            _client_error("403", "Forbidden", 403),
            AccessDeniedError,
            "lacks the permission CreateStack",
        ),
        (
            _client_error("AccessDenied", _DENIED, 403),
            AccessDeniedError,
            "lacks the permission iam:PassRole",
        ),
        (
            _client_error("ClientException", _DENIED),
            AccessDeniedError,
            "lacks the permission iam:PassRole",
        ),
        (_client_error("ExpiredTokenException"), AccessDeniedError, "credentials"),
        (_client_error("UnrecognizedClientException"), AccessDeniedError, "credentials"),
        (_client_error("ValidationError", "bad template"), RefusedError, "bad template"),
        (_client_error("ClientException"), RefusedError, "ClientException"),
        (EndpointConnectionError(endpoint_url=_URL), UnreachableError, "AWS does not respond"),
        (ReadTimeoutError(endpoint_url=_URL), UnreachableError, "AWS does not respond"),
        (ConnectTimeoutError(endpoint_url=_URL), UnreachableError, "AWS does not respond"),
        (ConnectionClosedError(endpoint_url=_URL), UnreachableError, "AWS does not respond"),
        (
            IncompleteReadError(actual_bytes=1, expected_bytes=2),
            UnreachableError,
            "does not respond",
        ),
        (NoCredentialsError(), AccessDeniedError, "no AWS credentials"),
        (ParamValidationError(report="Missing StackName"), RefusedError, "Missing StackName"),
        (UnknownRegionError(region_name="x", error_msg="none"), RefusedError, "x"),
    ],
)
def test_every_error_of_the_sdk_has_its_meaning(
    error: Exception, expected: type[AwsError], words: str
) -> None:
    with pytest.raises(AwsError, match=words) as raised, translated():
        raise error

    assert type(raised.value) is expected
    assert raised.value.__cause__ is error
    assert "arn:" not in raised.value.message
    assert "123456789012" not in raised.value.message


def test_other_errors_pass() -> None:
    with pytest.raises(ConflictError), translated():
        raise ConflictError("busy")
