"""Checks the parameters of a call against botocore's model of a service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

SERVICE = "application-autoscaling"
# Java's name for the printable characters, and the surrogate pairs of UTF-16 as one range.
_PATTERNS = {r"\p{Print}": r"[\x20-\x7E]", r"\uD800\uDC00-\uDBFF\uDFFF": r"\U00010000-\U0010FFFF"}


@cache
def service_model(service: str = SERVICE) -> ServiceModel:
    """Return the model of a service."""
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


def faults(operation: str, parameters: Any, service: str = SERVICE) -> list[str]:
    """Return a message for each parameter that the model of an operation does not allow.

    Stricter than AWS: an unknown parameter is a fault.
    """
    shape = service_model(service).operation_model(operation).input_shape
    report = ParamValidator().validate(parameters, shape)
    if report.has_errors():  # types, required members and unknown members
        return str(report.generate_report()).splitlines()
    return list(_constraints(parameters, shape, ""))


def _constraints(value: Any, shape: Any, at: str) -> Iterator[str]:
    if shape.type_name == "structure":
        for name, each in value.items():
            yield from _constraints(each, shape.members[name], f"{at}.{name}" if at else name)
    elif shape.type_name in ("list", "map"):
        yield from _size(value, len(value), shape, at)
        elements = enumerate(value, 1) if shape.type_name == "list" else value.items()
        for key, each in elements:
            if shape.type_name == "map":
                yield from _constraints(key, shape.key, f"{at}.{key}")
            inner = shape.member if shape.type_name == "list" else shape.value
            yield from _constraints(each, inner, f"{at}.{key}")
    elif shape.type_name == "string":
        yield from _size(value, len(value), shape, at)
        yield from _text(value, shape, at)


def _text(value: str, shape: Any, at: str) -> Iterator[str]:
    allowed, pattern = shape.metadata.get("enum"), shape.metadata.get("pattern")
    if allowed and value not in allowed:
        yield _fault(value, at, f"enum value set: [{', '.join(allowed)}]")
    if pattern and not _compiled(pattern).fullmatch(value):
        yield _fault(value, at, f"regular expression pattern: {pattern}")


def _size(value: Any, size: int, shape: Any, at: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield _fault(value, at, f"length greater than or equal to {least}")
    if most is not None and size > most:
        yield _fault(value, at, f"length less than or equal to {most}")


def _fault(value: Any, at: str, constraint: str) -> str:
    return (
        f"Value '{value}' at '{at}' failed to satisfy constraint: Member must satisfy {constraint}"
    )


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    for known, written in _PATTERNS.items():
        pattern = pattern.replace(known, written)
    return re.compile(pattern)
