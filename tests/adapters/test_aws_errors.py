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


def _answer(code: str, message: str = "", status: int = 400) -> ClientError:
    answer: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, "CreateStack")


@pytest.mark.parametrize(
    ("error", "expected", "words"),
    [
        (_answer("Throttling", "Rate exceeded"), ThrottledError, "AWS throttles CreateStack"),
        (_answer("ThrottlingException"), ThrottledError, "AWS throttles CreateStack"),
        (_answer("RequestLimitExceeded"), ThrottledError, "AWS throttles CreateStack"),
        (_answer("TooManyRequestsException"), ThrottledError, "AWS throttles CreateStack"),
        (_answer("ProvisionedThroughputExceededException"), ThrottledError, "AWS throttles"),
        (_answer("SlowDown", status=503), ThrottledError, "AWS throttles CreateStack"),
        (_answer("PriorRequestNotComplete"), ThrottledError, "AWS throttles CreateStack"),
        (_answer("TransactionConflictException"), ThrottledError, "AWS throttles CreateStack"),
        (_answer("LimitExceededException", "Rate exceeded"), ThrottledError, "AWS throttles"),
        (
            _answer("InternalFailure", "oops", 500),
            UnreachableError,
            "AWS could not complete .*: oops",
        ),
        (_answer("ServiceUnavailable", "later", 503), UnreachableError, "AWS could not complete"),
        (_answer("LimitExceededException", "200 stacks"), RefusedError, "200 stacks"),
        (_answer("AccessDenied", "no", 403), AccessDeniedError, "lacks the permission CreateStack"),
        (
            _answer("AccessDeniedException", "no"),
            AccessDeniedError,
            "lacks the permission CreateStack",
        ),
        (_answer("UnauthorizedOperation"), AccessDeniedError, "lacks the permission CreateStack"),
        (_answer("NotAuthorized"), AccessDeniedError, "lacks the permission CreateStack"),
        (_answer("403", "Forbidden", 403), AccessDeniedError, "lacks the permission CreateStack"),
        (
            _answer("AccessDenied", _DENIED, 403),
            AccessDeniedError,
            "lacks the permission iam:PassRole",
        ),
        (
            _answer("ClientException", _DENIED),
            AccessDeniedError,
            "lacks the permission iam:PassRole",
        ),
        (_answer("ExpiredTokenException"), AccessDeniedError, "credentials"),
        (_answer("UnrecognizedClientException"), AccessDeniedError, "credentials"),
        (_answer("ValidationError", "bad template"), RefusedError, "bad template"),
        (_answer("ClientException"), RefusedError, "ClientException"),
        (EndpointConnectionError(endpoint_url=_URL), UnreachableError, "no answer from AWS"),
        (ReadTimeoutError(endpoint_url=_URL), UnreachableError, "no answer from AWS"),
        (ConnectTimeoutError(endpoint_url=_URL), UnreachableError, "no answer from AWS"),
        (ConnectionClosedError(endpoint_url=_URL), UnreachableError, "no answer from AWS"),
        (IncompleteReadError(actual_bytes=1, expected_bytes=2), UnreachableError, "no answer"),
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
