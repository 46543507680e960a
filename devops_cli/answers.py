"""Answers of the service, and how to take something out of them that may not be there.

Later versions of the service may add members; nothing here minds. What has another form than the
contract says counts as not there, so that no answer can end in a traceback.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from devops_cli.failures import NotTheServiceError

Object = Mapping[str, Any]

IN_PROGRESS = "IN_PROGRESS"
SUCCEEDED = "SUCCEEDED"
FAILED = "FAILED"


@dataclass(frozen=True)
class Answer:
    """An HTTP answer with a JSON object as body; `content` are its bytes as they came."""

    status: int
    content: bytes
    body: Object
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, status: int, content: bytes, headers: Mapping[str, str], address: str) -> Answer:
        """Return the answer that came from an address.

        Raises:
            NotTheServiceError: it is no JSON object.

        """
        try:
            body = json.loads(content)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict) or 300 <= status < 400:
            kind = headers.get("content-type", "no content type")
            raise NotTheServiceError(
                f"{address} answered {status} with something that is not the service's ({kind})",
                "Is the address that of the service, with its stage, as in .../dev?",
                "A proxy in between may have answered instead: see HTTPS_PROXY and NO_PROXY.",
            )
        return cls(status, content, body, headers)

    @property
    def is_error(self) -> bool:
        """Whether it is an error."""
        return self.status >= 400

    @property
    def error_message(self) -> str:
        """What the service, or API Gateway in front of it, has to say about an error."""
        for name in ("errorMessage", "message", "Message"):
            if isinstance(said := self.body.get(name), str) and said:
                return said
        return f"the service answered {self.status} without a message"

    @property
    def operation(self) -> Object | None:
        """The operation that it is about; None if it says that there is none.

        Raises:
            NotTheServiceError: nothing that could be an operation is there.

        """
        if "operation" in self.body and self.body["operation"] is None:
            return None
        return self.required_operation

    @property
    def required_operation(self) -> Object:
        """The operation that it must be about.

        Raises:
            NotTheServiceError: nothing that could be one is there.

        """
        return self.required("operation", "id", "applicationName", "status")

    def required(self, name: str, *members: str) -> Object:
        """Return the object that must be a member, with members that it must have.

        Raises:
            NotTheServiceError: it is not there, or is another thing.

        """
        found = part(self.body, name)
        if not set(members) <= found.keys():
            raise NotTheServiceError(
                f"the answer ({self.status}) has no {name} in it: is it that of the service?"
            )
        return found


def part(of: Object | None, name: str) -> Object:
    """Return the object that is a member; an empty one if there is none."""
    found = (of or {}).get(name)
    return found if isinstance(found, dict) else {}


def parts(of: Object | None, name: str) -> list[Object]:
    """Return the objects in a list that is a member; an empty list if there is none."""
    found = (of or {}).get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def words(of: Object | None, name: str) -> list[str]:
    """Return the texts in a list that is a member; an empty list if there is none."""
    found = (of or {}).get(name)
    return [str(each) for each in found] if isinstance(found, list) else []


def word(of: Object | None, name: str) -> str:
    """Return a member as text; an empty one if it is not there."""
    found = (of or {}).get(name)
    return "" if found is None else str(found)


def moment(of: Object | None, name: str) -> datetime | None:
    """Return a member as a time with its zone; None if it is none."""
    try:
        found = datetime.fromisoformat(word(of, name))
    except ValueError:
        return None
    return found if found.tzinfo else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that an answer asks to wait; None if it does not.

    The service writes seconds; RFC 9110 also allows a date, which counts as not asked.
    """
    asked = headers.get("retry-after", "")
    return float(asked) if asked.isascii() and asked.isdecimal() else None
