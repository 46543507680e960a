"""DynamoDB attribute values, and frozen dataclasses as the plain values that go into them.

boto3.dynamodb.types would do the first half, but importing boto3 costs a cold start 38 ms of CPU
(measured, CPython 3.11), and its Decimal numbers would have to be turned back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

Item = dict[str, dict[str, Any]]


def encode(values: Mapping[str, Any]) -> Item:
    """Return an item of attribute values; a member that is None is left out.

    Takes str, bool, int, mappings and sequences of these; TypeError for anything else.
    """
    return {name: _attribute(value) for name, value in values.items() if value is not None}


def decode(item: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the plain values of an item."""
    return {name: _value(attribute) for name, attribute in item.items()}


def timestamp(time: datetime) -> str:
    """Return a time as the tables hold it: ISO 8601 in UTC, "2026-01-31T12:00:00.000Z"."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def plain(value: Any) -> Any:
    """Return a value with dataclasses as maps with camelCase names; None members are left out."""
    if is_dataclass(value):
        members = {entry.name: getattr(value, entry.name) for entry in fields(value)}
        return {
            _camel(name): plain(member) for name, member in members.items() if member is not None
        }
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {name: plain(member) for name, member in value.items()}
    if isinstance(value, tuple | list):
        return [plain(member) for member in value]
    return value


def typed(hint: Any, value: Any) -> Any:
    """Return what `plain` was given; `hint` is its type as annotated."""
    if value is None:
        return None
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is UnionType:
        return typed(next(one for one in arguments if one is not type(None)), value)
    if is_dataclass(hint):
        return _instance(hint, value)
    if hint is datetime:
        return datetime.fromisoformat(value)
    if origin is tuple:
        return tuple(typed(arguments[0], member) for member in value)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(value)
    return value


def _instance(kind: Any, values: Mapping[str, Any]) -> Any:
    hints = _hints(kind)
    members = {
        entry.name: typed(hints[entry.name], values.get(_camel(entry.name)))
        for entry in fields(kind)
        # An attribute that is absent is None, or came to the model after the record was written.
        if _camel(entry.name) in values or _required(entry)
    }
    return kind(**members)


def _required(entry: Any) -> bool:
    return entry.default is MISSING and entry.default_factory is MISSING


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def _attribute(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"S": str(value)}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, Mapping):
        return {"M": encode(value)}
    if isinstance(value, list | tuple):
        return {"L": [_attribute(member) for member in value]}
    raise TypeError(f"no attribute value for {type(value).__name__}")


def _value(attribute: Mapping[str, Any]) -> Any:
    ((kind, value),) = attribute.items()
    if kind == "NULL":
        return None
    if kind == "N":
        return int(value)
    if kind == "M":
        return decode(value)
    if kind == "L":
        return [_value(member) for member in value]
    return value
