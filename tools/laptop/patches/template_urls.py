"""CloudFormation: a TemplateURL in each form of AWS, also with a version of the object."""

from __future__ import annotations

from typing import Any

from ministack.services import s3
from ministack.services.cloudformation import helpers

from tools.laptop.template_urls import TemplateObject

_resolve_document = helpers._resolve_document


def apply() -> None:
    """Apply the correction."""
    helpers._resolve_document = resolve_document


def resolve_document(params: Any, body_key: str, url_key: str, label: str) -> Any:
    """Return the template of a call, or the error of CloudFormation.

    Gap: the emulator knows only URLs with the bucket in the path, and ignores versions.
    """
    url = helpers._p(params, url_key)
    if helpers._p(params, body_key) or not url:
        return _resolve_document(params, body_key, url_key, label)
    content = read(url)
    if content is None:
        return None, helpers._error(
            "ValidationError", "S3 error: The specified key does not exist."
        )
    if len(content) > helpers.TEMPLATE_URL_MAX_BYTES:
        limit = f"Template may not exceed {helpers.TEMPLATE_URL_MAX_BYTES} bytes in size."
        return None, helpers._error("ValidationError", limit)
    return content.decode(), None


def read(url: str) -> bytes | None:
    """Return the bytes of the object that a URL names, None if it does not exist."""
    bucket, key, version = TemplateObject.parse(url)
    content: bytes | None = s3._get_object_data(bucket, key, version)
    return content
