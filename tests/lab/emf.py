"""CloudWatch's embedded metric format, as far as a line of ours can miss it.

The rules are those of the Amazon CloudWatch User Guide, "Specification: Embedded metric format".
"""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

from jsonschema_rs import Draft202012Validator

# CloudWatch API, MetricDatum: the units, those of rates left out.
_UNITS = ["Seconds", "Milliseconds", "Microseconds", "Bytes", "Bits", "Percent", "Count", "None"]
_DEFINITION = {
    "type": "object",
    "required": ["Name"],
    "properties": {
        "Name": {"type": "string", "minLength": 1, "maxLength": 1024},
        "Unit": {"enum": _UNITS},
        "StorageResolution": {"enum": [1, 60]},
    },
    "additionalProperties": False,
}
_DIRECTIVE = {
    "type": "object",
    "required": ["Namespace", "Dimensions", "Metrics"],
    "properties": {
        "Namespace": {"type": "string", "minLength": 1, "maxLength": 1024},
        "Dimensions": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "array",
                "maxItems": 30,
                "uniqueItems": True,
                "items": {"type": "string", "minLength": 1, "maxLength": 250},
            },
        },
        "Metrics": {"type": "array", "minItems": 1, "maxItems": 100, "items": _DEFINITION},
    },
    "additionalProperties": False,
}
_VALIDATOR = Draft202012Validator(
    {
        "type": "object",
        "required": ["_aws"],
        "properties": {
            "_aws": {
                "type": "object",
                "required": ["Timestamp", "CloudWatchMetrics"],
                "properties": {
                    # In milliseconds: what has fewer digits is in seconds.
                    "Timestamp": {"type": "integer", "minimum": 10**12},
                    "CloudWatchMetrics": {"type": "array", "minItems": 1, "items": _DIRECTIVE},
                },
                "additionalProperties": False,
            }
        },
    }
)


def problems(line: Mapping[str, Any]) -> list[str]:
    """Return why CloudWatch would not read every metric out of a line."""
    found = [f"{error.instance_path}: {error.message}" for error in _VALIDATOR.iter_errors(line)]
    return found or [problem for each in _directives(line) for problem in _targets(line, each)]


def points(line: Mapping[str, Any]) -> dict[tuple[str, ...], float]:
    """Return the data points of a line: value by name of the metric and values of dimensions."""
    return {
        (metric["Name"], *(line[name] for name in dimensions)): line[metric["Name"]]
        for directive in _directives(line)
        for dimensions in directive["Dimensions"]
        for metric in directive["Metrics"]
    }


def _directives(line: Mapping[str, Any]) -> list[dict[str, Any]]:
    directives: list[dict[str, Any]] = line["_aws"]["CloudWatchMetrics"]
    return directives


def _targets(line: Mapping[str, Any], directive: Mapping[str, Any]) -> list[str]:
    dimensions = {name for names in directive["Dimensions"] for name in names}
    metrics = {metric["Name"] for metric in directive["Metrics"]}
    return [
        f"{name}: {line.get(name)!r} must be text of 1 to 1024 characters"
        for name in sorted(dimensions)
        if not isinstance(line.get(name), str) or not 1 <= len(line[name]) <= 1024
    ] + [
        f"{name}: {line.get(name)!r} must be a number"
        for name in sorted(metrics)
        if not isinstance(line.get(name), Real) or isinstance(line[name], bool)
    ]
