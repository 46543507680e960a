"""Checks descriptions in files with the models of AWS, which other programs can have changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session

_KINDS: Mapping[str, tuple[str, type | tuple[type, ...]]] = {
    "structure": ("an object", dict),
    "map": ("an object", dict),
    "list": ("a list", list),
    "boolean": ("true or false", bool),
    "integer": ("a whole number", int),
    "long": ("a whole number", int),
    "double": ("a number", (int, float)),
    "float": ("a number", (int, float)),
}
# Files can have numbers instead of texts, for example for cpu.
_SCALAR = ("a text", (str, int, float, bool))


def without_null(value: Any) -> Any:
    """Return a value without members that are null, as the console of ECS writes them."""
    if isinstance(value, dict):
        return {name: without_null(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [without_null(each) for each in value]
    return value


def problem(service: str, shape: str, value: Any, place: str) -> str:
    """Return the first place of a value that does not have the type of a shape, else an empty text.

    Members that the model does not know have no type.
    """
    return next(_problems(_model(service).shape_for(shape), value, place), "")


def with_texts(service: str, shape: str, value: Any) -> Any:
    """Return a value without a problem, with texts instead of the numbers where AWS has texts."""
    return _with_texts(_model(service).shape_for(shape), value)


@cache
def _model(service: str) -> Any:
    return botocore.session.Session().get_service_model(service)


def _with_texts(shape: Any, value: Any) -> Any:
    if shape.type_name == "string":
        return value if isinstance(value, str) else json.dumps(value)
    if shape.type_name == "list":
        return [_with_texts(shape.member, each) for each in value]
    parts = {name: _with_texts(inner, each) for name, inner, each in _inner(shape, value)}
    return {**value, **parts} if isinstance(value, dict) else value


def _problems(shape: Any, value: Any, place: str) -> Iterator[str]:
    name, types = _KINDS.get(shape.type_name, _SCALAR)
    if not _has_type(value, types):
        yield f"{place} must be {name}"
    else:
        required = shape.required_members if shape.type_name == "structure" else ()
        yield from (f"{place} needs {member}" for member in required if member not in value)
        for member, inner, each in _inner(shape, value):
            yield from _problems(inner, each, f"{place}.{member}")


def _has_type(value: Any, types: type | tuple[type, ...]) -> bool:
    """Return whether a value has one of some types. In Python `True` is an int, but not in JSON."""
    return isinstance(value, types) and not (types is int and isinstance(value, bool))


def _inner(shape: Any, value: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield the name, the shape and the value of each inner part."""
    if shape.type_name == "structure":
        for member, inner in shape.members.items():
            if member in value:
                yield member, inner, value[member]
    elif shape.type_name == "list":
        for number, each in enumerate(value):
            yield str(number), shape.member, each
    elif shape.type_name == "map":
        for member, each in value.items():
            yield member, shape.value, each
