"""Responses of AWS that moto does not have, in the format of each service."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from botocore.awsrequest import AWSResponse
from moto.core.botocore_stubber import MockRawResponse

_QUERY = ("cloudformation", "elbv2")
# Status and code by service ("Common Errors" of each API reference).
_THROTTLED: Mapping[str, tuple[int, str]] = {
    "application-autoscaling": (400, "ThrottlingException"),
    "cloudformation": (400, "Throttling"),
    "cloudwatch": (400, "ThrottlingException"),
    "dynamodb": (400, "ThrottlingException"),
    "ecr": (400, "ThrottlingException"),
    "ecs": (400, "ThrottlingException"),
    "elbv2": (400, "Throttling"),
    "logs": (400, "ThrottlingException"),
    "s3": (503, "SlowDown"),
}
_BROKEN: Mapping[str, str] = {
    "application-autoscaling": "InternalServiceException",
    "cloudformation": "InternalFailure",
    "cloudwatch": "InternalServiceFault",
    "dynamodb": "InternalServerError",
    "ecr": "ServerException",
    "ecs": "ServerException",
    "elbv2": "InternalFailure",
    "logs": "ServiceUnavailableException",
    "s3": "InternalError",
}


def throttled(service: str) -> AWSResponse:
    """Return the response of a throttled call."""
    status, code = _THROTTLED[service]
    return failure(service, status, code, "Rate exceeded")


def broken(service: str) -> AWSResponse:
    """Return the response of a service with an internal error."""
    return failure(service, 500, _BROKEN[service], "An internal error occurred")


def denied(service: str, action: str) -> AWSResponse:
    """Return the response to a call without permission."""
    words = (
        f"User: arn:aws:sts::123456789012:assumed-role/x/y is not authorized to perform: {action}"
    )
    if service in (*_QUERY, "s3"):
        return failure(service, 403, "AccessDenied", words)
    return failure(service, 400, "AccessDeniedException", words)


def failure(service: str, status: int, code: str, message: str) -> AWSResponse:
    """Return an error response."""
    words = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
    if service == "s3":
        return _response(status, f"<Error>{words}</Error>")
    if service in _QUERY:
        return _response(status, f"<ErrorResponse><Error>{words}</Error></ErrorResponse>")
    return _response(status, json.dumps({"__type": code, "message": message}))


def json_result(members: Mapping[str, Any]) -> AWSResponse:
    """Return the response of a JSON API."""
    return _response(200, json.dumps(members))


def no_cache_rules() -> AWSResponse:
    """Return the response of DescribePullThroughCacheRules in a registry without rules."""
    return json_result({"pullThroughCacheRules": []})


def parameters(template: str) -> AWSResponse:
    """Return the response of ValidateTemplate for a template in JSON."""
    members = "".join(
        f"<member><ParameterKey>{escape(name)}</ParameterKey>"
        + (
            f"<DefaultValue>{escape(str(parameter['Default']))}</DefaultValue>"
            if "Default" in parameter
            else ""
        )
        + "</member>"
        for name, parameter in json.loads(template)["Parameters"].items()
    )
    result = f"<ValidateTemplateResult><Parameters>{members}</Parameters></ValidateTemplateResult>"
    return _response(200, f"<ValidateTemplateResponse>{result}</ValidateTemplateResponse>")


def result(operation: str, members: str) -> AWSResponse:
    """Return the response of an operation of CloudFormation."""
    wrapped = f"<{operation}Result>{members}</{operation}Result>"
    return _response(200, f"<{operation}Response>{wrapped}</{operation}Response>")


def unprotected(stack_id: str) -> AWSResponse:
    """Return the response of UpdateTerminationProtection."""
    return result("UpdateTerminationProtection", f"<StackId>{escape(stack_id)}</StackId>")


def _response(status: int, body: str) -> AWSResponse:
    return AWSResponse("https://aws.example", status, {}, MockRawResponse(body))
