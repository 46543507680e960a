"""HTTP responses of the service, and safe access to the members of their JSON bodies.

Unknown members are ignored, because later versions of the service may add some. A member whose type
differs from the contract counts as missing, so that a malformed response never causes a traceback.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from devops_cli.failures import NotTheServiceError

Object = Mapping[str, Any]  # a JSON object

IN_PROGRESS = "IN_PROGRESS"
SUCCEEDED = "SUCCEEDED"
FAILED = "FAILED"


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
        try:
            body = json.loads(content)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict) or 300 <= status < 400:
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
        return self.required("operation", "id", "applicationName", "status")

    def required(self, name: str, *members: str) -> Object:
        """Return the object in the member `name`, which must have all of `members`.

        Raises:
            NotTheServiceError: the member is missing, is not an object, or lacks a member.

        """
        found = get_object(self.body, name)
        if not set(members) <= found.keys():
            raise NotTheServiceError(
                f"the response (status {self.status}) contains no {name};"
                " it may not come from the service"
            )
        return found


def get_object(parent: Object | None, name: str) -> Object:
    """Return a member that is an object; an empty object if there is none."""
    found = (parent or {}).get(name)
    return found if isinstance(found, dict) else {}


def get_objects(parent: Object | None, name: str) -> list[Object]:
    """Return the objects of a member that is a list; an empty list if there is none."""
    found = (parent or {}).get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def get_texts(parent: Object | None, name: str) -> list[str]:
    """Return the elements of a member that is a list, as texts; an empty list if there is none."""
    found = (parent or {}).get(name)
    return [str(each) for each in found] if isinstance(found, list) else []


def get_text(parent: Object | None, name: str) -> str:
    """Return a member as text; an empty text if it is missing or null."""
    found = (parent or {}).get(name)
    return "" if found is None else str(found)


def get_time(parent: Object | None, name: str) -> datetime | None:
    """Return a member as a time with a zone; None if it is missing or is not such a time."""
    try:
        found = datetime.fromisoformat(get_text(parent, name))
    except ValueError:
        return None
    return found if found.tzinfo else None


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
