"""API Gateway: the API has an id that is known before it is deployed."""

from __future__ import annotations

from typing import Any

from ministack.services import apigateway_v1

API_ID = "devops"

_resolve_custom_rest_api_id = apigateway_v1._resolve_custom_rest_api_id


def apply() -> None:
    """Put the pinned id in place."""
    apigateway_v1._resolve_custom_rest_api_id = pinned_rest_api_id


def pinned_rest_api_id(tags: Any) -> Any:
    """Give the first REST API a fixed id, others the one they would have had.

    Not a gap: it lets the service be told its own URL when it is deployed, which on AWS takes
    a custom domain or a second deployment, without anything local in serverless.yml.
    """
    custom_id, error = _resolve_custom_rest_api_id(tags)
    if custom_id or error or apigateway_v1.find_api_scope(API_ID) is not None:
        return custom_id, error
    return API_ID, None
