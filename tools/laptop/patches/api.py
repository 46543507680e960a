"""API Gateway: a fixed API id, the authorization of callers, and the limit of the body."""

from __future__ import annotations

import json
from typing import Any

from ministack import app
from ministack.core.iam_evaluator import AuthError
from ministack.services import apigateway_v1

API_ID = "devops"
_TEST_KEY = {"authorization": "AWS4-HMAC-SHA256 Credential=test/"}
_DENIED = "AccessDeniedException"
# Maximum payload of a request in bytes (API Gateway Developer Guide, quotas of a REST API).
MAX_PAYLOAD = 10 * 1024 * 1024

_resolve_custom_rest_api_id = apigateway_v1._resolve_custom_rest_api_id
_authorize = apigateway_v1._authorize_request_v1
_iam_caller_identity = apigateway_v1._iam_caller_identity
_enforce_execute_api = app._enforce_execute_api
_check_request_validation = apigateway_v1._check_request_validation


def apply() -> None:
    """Apply the corrections; without authentication, unsigned calls are accepted."""
    apigateway_v1._resolve_custom_rest_api_id = pinned_rest_api_id
    apigateway_v1._check_request_validation = check_request_validation
    if app.AUTH:
        apigateway_v1._AUTHENTICATION_GATEWAY_ERRORS[_DENIED] = ("ACCESS_DENIED", _DENIED)
        app._enforce_execute_api = enforce_execute_api
    else:
        apigateway_v1._authorize_request_v1 = authorize
        apigateway_v1._iam_caller_identity = iam_caller_identity


def pinned_rest_api_id(tags: Any) -> Any:
    """Assign a fixed id to the first REST API.

    Not a gap: with a fixed id, the deployment can pass the service its own URL. On AWS that
    requires a custom domain or a second deployment.
    """
    custom_id, error = _resolve_custom_rest_api_id(tags)
    if custom_id or error or apigateway_v1.find_api_scope(API_ID) is not None:
        return custom_id, error
    return API_ID, None


async def authorize(api_id: str, stage: str, method: dict[str, Any], *rest: Any) -> Any:
    """Accept a request without a signature for a method with the authorization AWS_IAM.

    Not a gap: it allows calls with plain `curl`. On AWS the same request gets 403.
    """
    if method.get("authorizationType") == "AWS_IAM":
        return None, None
    return await _authorize(api_id, stage, method, *rest)


def iam_caller_identity(headers: Any, query_params: Any) -> Any:
    """Treat a caller without a signature as the caller with the key `test`."""
    return _iam_caller_identity(headers, query_params) or _iam_caller_identity(_TEST_KEY, {})


def enforce_execute_api(
    api_id: str,
    stage: str,
    method: str,
    path: str,
    headers: Any,
    query_params: Any,
    **options: Any,
) -> Any:
    """Refuse a caller without permission for a route with the gateway response of the API.

    Gap: the emulator returns its own response.
    """
    refusal = _enforce_execute_api(api_id, stage, method, path, headers, query_params, **options)
    body = json.loads(refusal[2]) if refusal else {}
    if body.get("__type") != _DENIED:
        return refusal
    error = AuthError(_DENIED, body["message"])
    return apigateway_v1.authentication_error_response(api_id, stage, error, headers, query_params)


def check_request_validation(
    method: Any, api_id: str, request: Any, headers: Any, body: bytes | None, query_params: Any
) -> Any:
    """Refuse a body above the payload limit of API Gateway.

    Gap: the emulator passes every body to the function.
    """
    if len(body or b"") > MAX_PAYLOAD:
        message = f"HTTP content length exceeded {MAX_PAYLOAD} bytes."
        return apigateway_v1._gw_error("REQUEST_TOO_LARGE", message)
    return _check_request_validation(method, api_id, request, headers, body, query_params)
