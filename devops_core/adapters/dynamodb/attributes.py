"""DynamoDB attribute values, and their conversion from and to dataclasses and NamedTuples.

The functions do not import boto3 (docs/decisions/0002-botocore-without-boto3.md), and its
boto3.dynamodb.types reads numbers as Decimal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from devops_core.model.times import timestamp

# An item or a key as the DynamoDB API has it: {"revision": {"N": "3"}}.
Item = dict[str, dict[str, Any]]


def encode(values: Mapping[str, Any]) -> Item:
    """Return an item with the attribute values of str, bool, numbers, mappings and sequences.

    Leaves out values that are None; TypeError for other types.
    """
    return {name: _attribute(value) for name, value in values.items() if value is not None}


def decode(item: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the values of an item: the inverse of `encode`."""
    return {name: _value(attribute) for name, attribute in item.items()}


def plain(value: Any) -> Any:
    """Return a value for `encode`, with times and enum members as strings.

    A dataclass or NamedTuple becomes a map with camelCase names, without members that are None.
    """
    if names := _member_names(value.__class__):
        members = {_camel_case(name): getattr(value, name) for name in names}
        return {name: plain(member) for name, member in members.items() if member is not None}
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
    """Return the value of the annotated type `hint` from the result of `plain`."""
    if value is None:
        return None
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is UnionType:
        return typed(next(each for each in arguments if each is not type(None)), value)
    if _member_names(hint):
        return _instance(hint, value)
    if hint is float:
        return float(value)
    if hint is datetime:
        return datetime.fromisoformat(value)
    if origin is tuple:
        return tuple(typed(arguments[0], member) for member in value)
    if origin is Mapping:
        return {name: typed(arguments[1], member) for name, member in value.items()}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(value)
    return value


def _instance(kind: Any, values: Mapping[str, Any]) -> Any:
    members = {
        name: typed(hint, values.get(_camel_case(name)))
        for name, (hint, required) in _typed_members(kind).items()
        # A member without an attribute is None, or newer than the record.
        if required or _camel_case(name) in values
    }
    return kind(**members)


@cache
def _typed_members(kind: Any) -> dict[str, tuple[Any, bool]]:
    """Return the members of a dataclass or NamedTuple: type, and whether there is no default."""
    if is_dataclass(kind):
        defaults = {
            each.name
            for each in fields(kind)
            if each.default is not MISSING or each.default_factory is not MISSING
        }
    else:
        defaults = set(kind._field_defaults)
    hints = get_type_hints(kind)
    return {name: (hints[name], name not in defaults) for name in _member_names(kind)}


@cache
def _member_names(kind: Any) -> Sequence[str]:
    """Return the names of a dataclass's or NamedTuple's members; empty for other types."""
    if is_dataclass(kind):
        return [each.name for each in fields(kind)]
    return getattr(kind, "_fields", ())


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def _attribute(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"S": str(value)}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int | float):
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
        return int(value) if value.lstrip("-").isdecimal() else float(value)
    if kind == "M":
        return decode(value)
    if kind == "L":
        return [_value(member) for member in value]
    return value
