"""API Gateway: an API id that is known before the deploy, who may call, and how large a body is."""

from __future__ import annotations

import json
from typing import Any

from ministack import app
from ministack.core.iam_evaluator import AuthError
from ministack.services import apigateway_v1

API_ID = "devops"
_TEST_KEY = {"authorization": "AWS4-HMAC-SHA256 Credential=test/"}
_DENIED = "AccessDeniedException"
# Bytes of a request's payload (API Gateway Developer Guide, quotas of a REST API).
MAX_PAYLOAD = 10 * 1024 * 1024

_resolve_custom_rest_api_id = apigateway_v1._resolve_custom_rest_api_id
_authorize = apigateway_v1._authorize_request_v1
_iam_caller_identity = apigateway_v1._iam_caller_identity
_enforce_execute_api = app._enforce_execute_api
_check_request_validation = apigateway_v1._check_request_validation


def apply() -> None:
    """Put the corrections in place: unsigned calls pass, unless authentication is on."""
    apigateway_v1._resolve_custom_rest_api_id = pinned_rest_api_id
    apigateway_v1._check_request_validation = check_request_validation
    if app.AUTH:
        apigateway_v1._AUTHENTICATION_GATEWAY_ERRORS[_DENIED] = ("ACCESS_DENIED", _DENIED)
        app._enforce_execute_api = enforce_execute_api
    else:
        apigateway_v1._authorize_request_v1 = authorize
        apigateway_v1._iam_caller_identity = iam_caller_identity


def pinned_rest_api_id(tags: Any) -> Any:
    """Give the first REST API a fixed id, others the one they would have had.

    Not a gap: it lets the service be told its own URL when it is deployed, which on AWS takes
    a custom domain or a second deployment, without anything local in serverless.yml.
    """
    custom_id, error = _resolve_custom_rest_api_id(tags)
    if custom_id or error or apigateway_v1.find_api_scope(API_ID) is not None:
        return custom_id, error
    return API_ID, None


async def authorize(api_id: str, stage: str, method: dict[str, Any], *rest: Any) -> Any:
    """Let a request without signature through where AWS_IAM protects a method.

    Not a gap: on the laptop a plain `curl` is enough; on AWS the same request gets 403.
    """
    if method.get("authorizationType") == "AWS_IAM":
        return None, None
    return await _authorize(api_id, stage, method, *rest)


def iam_caller_identity(headers: Any, query_params: Any) -> Any:
    """Take a caller who did not sign for the one whose key is `test`."""
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
    """Refuse a caller whom IAM does not allow a route in the words of the API.

    Gap: the emulator answers for itself then; API Gateway uses the API's gateway responses.
    """
    refused = _enforce_execute_api(api_id, stage, method, path, headers, query_params, **options)
    words = json.loads(refused[2]) if refused else {}
    if words.get("__type") != _DENIED:
        return refused
    error = AuthError(_DENIED, words["message"])
    return apigateway_v1.authentication_error_response(api_id, stage, error, headers, query_params)


def check_request_validation(
    method: Any, api_id: str, request: Any, headers: Any, body: bytes | None, query_params: Any
) -> Any:
    """Refuse a body that is larger than API Gateway takes.

    Gap: the emulator hands every body to the function.
    """
    if len(body or b"") > MAX_PAYLOAD:
        words = f"HTTP content length exceeded {MAX_PAYLOAD} bytes."
        return apigateway_v1._gw_error("REQUEST_TOO_LARGE", words)
    return _check_request_validation(method, api_id, request, headers, body, query_params)
