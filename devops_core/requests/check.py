"""Hold what a caller sent to a schema, and tell all that is wrong at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from voluptuous import Invalid, MultipleInvalid, Schema

from devops_core.errors import InvalidRequestError, brief

_MESSAGES = {
    "required key not provided": "is required",
    "extra keys not allowed": "is not a known field",
    "expected a dictionary": "must be an object",
}


def checked(schema: dict[Any, Any], body: Any, further: list[tuple[str, str]] | None = None) -> Any:
    """Return an object with what the schema makes of its members.

    Raises InvalidRequestError with all that is wrong, `further` problems among it.
    """
    if not isinstance(body, dict):
        raise InvalidRequestError([("body", "must be a JSON object")])
    problems = list(further or [])
    data = None
    try:
        data = Schema(schema)(body)
    except MultipleInvalid as invalid:
        problems += [(_field(error.path), _message(error)) for error in invalid.errors]
    if problems:
        raise InvalidRequestError(sorted(set(problems)))
    return data


def _message(error: Invalid) -> str:
    return _MESSAGES.get(error.msg, error.msg)


def _field(path: Iterable[Any]) -> str:
    # The caller wrote these keys.
    named = ".".join(brief(str(part)) for part in path)
    return named or "body"
