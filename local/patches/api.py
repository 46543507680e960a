"""API Gateway: an API id that is known before the deploy, and callers that need not sign."""

from __future__ import annotations

from typing import Any

from ministack.services import apigateway_v1

API_ID = "devops"
_TEST_KEY = {"authorization": "AWS4-HMAC-SHA256 Credential=test/"}

_resolve_custom_rest_api_id = apigateway_v1._resolve_custom_rest_api_id
_authorize = apigateway_v1._authorize_request_v1
_iam_caller_identity = apigateway_v1._iam_caller_identity


def apply() -> None:
    """Put both in place."""
    apigateway_v1._resolve_custom_rest_api_id = pinned_rest_api_id
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
