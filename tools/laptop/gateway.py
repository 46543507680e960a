"""Builds the event that API Gateway passes to a function, for direct calls of the handlers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def http_event(
    method: str,
    resource: str,
    body: str | None = None,
    *,
    caller: str,
    headers: Mapping[str, str] | None = None,
    parameters: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    base64: bool = False,
) -> dict[str, Any]:
    """Return an event of API Gateway's proxy integration, payload format 1.0.

    Args:
        method: the HTTP method, such as `POST`.
        resource: the path with the names of its parameters in braces.
        body: the unchanged body.
        caller: the ARN of the IAM identity that signed the request.
        headers: headers in addition to the content type.
        parameters: the path parameters by name.
        query: the parameters of the query string.
        base64: whether the body is encoded with Base64.

    """
    path = resource
    for name, value in (parameters or {}).items():
        path = path.replace(f"{{{name}}}", value)
    return {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": {"Content-Type": "application/json", **(headers or {})},
        "queryStringParameters": dict(query) if query else None,
        "pathParameters": dict(parameters) if parameters else None,
        "requestContext": _request_context(method, resource, path, caller),
        "body": body,
        "isBase64Encoded": base64,
    }


def _request_context(method: str, resource: str, path: str, caller: str) -> dict[str, Any]:
    return {
        "accountId": caller.split(":")[4],
        "resourcePath": resource,
        "httpMethod": method,
        "path": f"/dev{path}",
        "stage": "dev",
        "domainName": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com",
        "requestId": "7f0d9a6e-0000-4000-8000-3b1d4f1c2a5e",
        "identity": {"sourceIp": "192.0.2.7", "userArn": caller},
    }
