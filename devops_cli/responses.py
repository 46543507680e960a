"""HTTP responses of the service, and safe access to the members of their JSON bodies.

Unknown members are ignored, because later versions of the service may add some. A member whose type
differs from the contract counts as missing, so that a malformed response never causes a traceback.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isfinite
from typing import Any, NoReturn

from devops_cli.failures import NotTheServiceError

Object = Mapping[str, Any]  # a JSON object

IN_PROGRESS = "IN_PROGRESS"
SUCCEEDED = "SUCCEEDED"
FAILED = "FAILED"
LONGEST_PAUSE = 60.0  # seconds; no command waits longer for one response
_STATUSES = {IN_PROGRESS, SUCCEEDED, FAILED}


@dataclass(frozen=True)
class Response:
    """An HTTP response whose body is a JSON object; `content` holds the unchanged bytes."""

    status: int
    content: bytes
    body: Object
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(
        cls, status: int, content: bytes, headers: Mapping[str, str], address: str
    ) -> Response:
        """Return the response that `address` sent.

        Raises:
            NotTheServiceError: the body is not a JSON object, or the response is a redirection.

        """
        body = _decode(content)
        if body is None or 300 <= status < 400:
            kind = headers.get("content-type", "no content type")
            raise NotTheServiceError(
                f"{address} answered {status} with a body that is not the service's JSON ({kind})",
                "Check the address: it must be that of the service and end with the stage, as in"
                " .../dev.",
                "A proxy may have answered instead of the service: check HTTPS_PROXY and NO_PROXY.",
            )
        return cls(status, content, body, headers)

    @property
    def is_error(self) -> bool:
        """Whether the status is 400 or higher."""
        return self.status >= 400

    @property
    def error_message(self) -> str:
        """The error message of the service, or of API Gateway in front of it."""
        for name in ("errorMessage", "message", "Message"):
            if isinstance(message := self.body.get(name), str) and message:
                return message
        return f"the service answered {self.status} without a message"

    @property
    def operation(self) -> Object | None:
        """The operation in the body; None if the body has `"operation": null`.

        Raises:
            NotTheServiceError: the member is missing or is not an operation.

        """
        if "operation" in self.body and self.body["operation"] is None:
            return None
        return self.required_operation

    @property
    def required_operation(self) -> Object:
        """The operation in the body.

        Raises:
            NotTheServiceError: the member is missing or is not an operation.

        """
        found = self.required("operation", "id", "applicationName", "status")
        if get_text(found, "status") not in _STATUSES:
            raise NotTheServiceError(
                f"the operation has the unknown status {get_text(found, 'status')!r}:"
                " a newer version of devops may know it"
            )
        return found

    def required(self, name: str, *members: str) -> Object:
        """Return the object in the member `name`, which must have the texts `members`.

        Raises:
            NotTheServiceError: the member is missing, is not an object, or lacks a text.

        """
        found = get_object(self.body, name)
        if not all(_is_printable(found.get(each)) for each in members):
            raise NotTheServiceError(
                f"the response (status {self.status}) contains no {name};"
                " it may not come from the service"
            )
        return found


def _decode(content: bytes) -> Object | None:
    """Return the JSON object in UTF-8; None for other content, also for numbers beyond a float."""
    try:
        body = json.loads(
            content.decode("utf-8-sig"), parse_float=_finite, parse_constant=_not_finite
        )
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _finite(number: str) -> float:
    found = float(number)
    return found if isfinite(found) else _not_finite(number)


def _not_finite(number: str) -> NoReturn:
    raise ValueError(f"{number[:20]} is not a finite number")


def _is_printable(value: object) -> bool:
    """Return whether a value is a text that a URL and a command line can contain."""
    return isinstance(value, str) and value != "" and value.isprintable()


def get_object(parent: Object | None, name: str) -> Object:
    """Return a member that is an object; an empty object if there is none."""
    found = (parent or {}).get(name)
    return found if isinstance(found, dict) else {}


def get_objects(parent: Object | None, name: str) -> list[Object]:
    """Return the objects of a member that is a list; an empty list if there is none."""
    found = (parent or {}).get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def get_texts(parent: Object | None, name: str) -> list[str]:
    """Return the scalar elements of a member that is a list, as texts; otherwise an empty list."""
    found = (parent or {}).get(name)
    elements = found if isinstance(found, list) else []
    return [text for each in elements if (text := _text(each))]


def get_text(parent: Object | None, name: str) -> str:
    """Return a scalar member as text; otherwise an empty text."""
    return _text((parent or {}).get(name))


def _text(value: object) -> str:
    # The text of a deeply nested object can exceed the recursion limit of Python.
    return "" if value is None or isinstance(value, dict | list) else str(value)


def get_time(parent: Object | None, name: str) -> datetime | None:
    """Return a member in UTC; None if it is missing, is not a time, or has no zone."""
    try:
        found = datetime.fromisoformat(get_text(parent, name))
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None


def error_code(content: bytes) -> str:
    """Return the code of an error response of the service; an empty text without one."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    return get_text(body, "code") if isinstance(body, dict) else ""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of the header Retry-After; None if it is missing.

    The service always sends seconds. RFC 9110 also allows a date, which is ignored here.
    """
    seconds = headers.get("retry-after", "")
    return float(seconds) if seconds.isascii() and seconds.isdecimal() else None
