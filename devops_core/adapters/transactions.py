"""DynamoDB transactions: their actions, and the reading of why one was cancelled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from devops_core.adapters.attributes import Item, encode
from devops_core.adapters.translate import translated
from devops_core.errors import AwsError, RefusedError, ThrottledError

if TYPE_CHECKING:
    from devops_core.model import Row

# How often a transaction is sent when another one is on the same items at the same moment. It
# has ended when ours is cancelled (a transaction takes milliseconds), and the next try can tell
# who was first.
_ATTEMPTS = 3
# Codes of cancellation reasons (DynamoDB API, TransactionCanceledException).
_THROTTLED = ("ThrottlingError", "ProvisionedThroughputExceeded", "RequestLimitExceeded")


class About(Enum):
    """What an action of a transaction is about."""

    OPERATION = auto()
    EVENT = auto()
    IDEMPOTENCY_RECORD = auto()
    NAME = auto()
    NEW_ROW = auto()
    ROW = auto()


@dataclass(frozen=True, slots=True)
class Part:
    """One action of a transaction, as TransactWriteItems takes it; `row` when it is about one."""

    about: About
    action: Mapping[str, Any]
    row: Row | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """A part whose condition did not hold and the item that was there; empty if there was none.

    `conflict` says that another transaction was on the item each time, so nothing is known of it.
    """

    part: Part
    found: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    conflict: bool = False


def put(table: str, item: Item, condition: str = "", **values: Any) -> dict[str, Any]:
    """Return a Put; in the condition `#name` is the attribute of that name, `:name` its value."""
    return {"Put": {"TableName": table, "Item": item} | conditional(condition, values)}


def update(table: str, key: Item, change: str, condition: str, **values: Any) -> dict[str, Any]:
    """Return an Update."""
    action = {"TableName": table, "Key": key, "UpdateExpression": change}
    return {"Update": action | conditional(condition, values, change)}


def delete(table: str, key: Item, condition: str = "", **values: Any) -> dict[str, Any]:
    """Return a Delete."""
    return {"Delete": {"TableName": table, "Key": key} | conditional(condition, values)}


def check(table: str, key: Item, condition: str, **values: Any) -> dict[str, Any]:
    """Return a ConditionCheck."""
    return {"ConditionCheck": {"TableName": table, "Key": key} | conditional(condition, values)}


def conditional(condition: str, values: Mapping[str, Any], change: str = "") -> dict[str, Any]:
    """Return the members of a conditional write; all names are written `#name` (reserved words)."""
    if not condition:
        return {}
    words = f"{condition} {change}".replace("(", " ").replace(")", " ").replace(",", " ").split()
    members: dict[str, Any] = {
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {word: word[1:] for word in words if word.startswith("#")},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    if values:
        attributes = encode({f":{name}": value for name, value in values.items()})
        members["ExpressionAttributeValues"] = attributes
    return members


def commit(client: Any, parts: Sequence[Part]) -> list[Broken]:
    """Do all parts or none; return the parts that stood against it, none when it is done.

    The SDK gives each call a token of its own, so that what it sends twice is done once.
    """
    broken: list[Broken] = []
    for _ in range(_ATTEMPTS):
        broken = _send(client, parts)
        if not broken or not all(one.conflict for one in broken):
            break
    return [one for one in broken if not one.conflict] or broken


def _send(client: Any, parts: Sequence[Part]) -> list[Broken]:
    with translated():
        try:
            client.transact_write_items(TransactItems=[part.action for part in parts])
        except client.exceptions.TransactionCanceledException as cancelled:
            return broken_parts(parts, cancelled.response["CancellationReasons"])
    return []


def broken_parts(parts: Sequence[Part], reasons: Sequence[Mapping[str, Any]]) -> list[Broken]:
    """Return what stood against a cancelled transaction; the reasons are in the parts' order.

    Raises ThrottledError or RefusedError when the conditions had nothing to do with it.
    """
    broken = []
    troubles: list[AwsError] = []
    for part, reason in zip(parts, reasons, strict=True):
        name = reason.get("Code", "None")
        if name == "ConditionalCheckFailed":
            broken.append(Broken(part, reason.get("Item", {})))
        elif name == "TransactionConflict":
            broken.append(Broken(part, conflict=True))
        elif name in _THROTTLED:
            troubles.append(ThrottledError("AWS throttles TransactWriteItems"))
        elif name != "None":
            troubles.append(RefusedError(reason.get("Message") or name))
    if troubles and not broken:
        raise troubles[0]
    return broken
