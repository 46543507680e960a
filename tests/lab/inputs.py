"""Arguments of SDK calls, generated from the models with a value for every member."""

from __future__ import annotations

from typing import Any

# Values with formats that the SDK or its endpoint rules require.
_NAMED = {
    "Bucket": "templates",
    "TableName": "Log",
    "ExpectedBucketOwner": "123456789012",
    "ClientRequestToken": "token",
    "SSECustomerKey": "0123456789abcdef0123456789abcdef",
}
# Depth of recursive structures (the M of an attribute value).
_DEPTH = 5


def full_input(operation: Any) -> dict[str, Any]:
    """Return arguments for an operation's call."""
    given = _value(operation.input_shape, "", 0) if operation.input_shape else {}
    assert isinstance(given, dict)
    # The SDK computes the checksum of a key from the key. A global endpoint of EventBridge requires
    # another package for its signatures, which the service does not have.
    for name in ("SSECustomerKeyMD5", "EndpointId"):
        given.pop(name, None)
    return given


def _value(shape: Any, name: str, depth: int) -> Any:
    if shape.type_name == "structure":
        members = shape.members.items()
        inner = {
            key: _value(member, key, depth + 1)
            for key, member in members
            if depth < _DEPTH or key in shape.required_members
        }
        # A union has exactly one member.
        return dict(list(inner.items())[:1]) if shape.is_tagged_union else inner
    if shape.type_name == "list":
        return [_value(shape.member, name, depth + 1)]
    if shape.type_name == "map":
        return {_value(shape.key, "", depth + 1): _value(shape.value, "", depth + 1)}
    return _scalar(shape, name)


def _scalar(shape: Any, name: str) -> Any:
    if shape.type_name == "string":
        least = shape.metadata.get("min", 1)
        return shape.enum[0] if shape.enum else _NAMED.get(name, "a" * max(least, 4))
    number = shape.metadata.get("min", 1)
    return {
        "boolean": True,
        "integer": number,
        "long": number,
        "float": 0.5,
        "double": 0.5,
        "blob": b"bytes",
        "timestamp": "2026-01-31T12:00:00Z",
    }[shape.type_name]
