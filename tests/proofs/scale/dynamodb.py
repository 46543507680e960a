"""DynamoDB in memory with a meter of its capacity units, behind a client of botocore.

It supports the calls of the service: single items, transactions, one query of a sparse index,
queries of a range of one partition, and a scan with a limit. The parser of moto evaluates the
conditions. A table can have seeded partitions, which are built at their first access. Therefore a
million items need no memory, and a scan of all of them shows in the consumed units.

moto has no such meter, and would need all items in memory.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.dynamodb.comparisons import get_filter_expression
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.dynamo_type import Item as MotoItem

from tests.proofs.scale.capacity import Capacity, Item, size

Key = tuple[str, str]
Partition = dict[str, Item]
Seeds = Callable[[str], Partition]

_LAST = "\U0010ffff"  # after all other characters
_PAGE = 1_000_000  # maximum of bytes that one Query or Scan evaluates (DynamoDB API)


@dataclass
class Table:
    """A table: partitions by the value of their key; `index` has the keys of open operations."""

    sort: str
    partitions: dict[str, Partition] = field(default_factory=dict)
    index: dict[Key, Item] = field(default_factory=dict)
    seeded: tuple[str, ...] = ()  # names of the partitions that `seeds` builds
    seeds: Seeds = lambda _: {}

    def partition(self, name: str) -> Partition:
        """Return a partition; build it first if it is seeded."""
        if name not in self.partitions:
            at = bisect_right(self.seeded, name)
            there = at and self.seeded[at - 1] == name
            self.partitions[name] = self.seeds(name) if there else {}
        return self.partitions[name]

    def get(self, key: Item) -> Item:
        """Return an item, or an empty one if it is missing."""
        return self.partition(key["applicationName"]["S"]).get(key[self.sort]["S"], {})

    def set(self, key: Item, item: Item) -> None:
        """Write the item of a key; an empty item removes it."""
        name, sort = key["applicationName"]["S"], key[self.sort]["S"]
        self.partition(name).pop(sort, None)
        self.index.pop((sort, name), None)
        if item:
            self.partition(name)[sort] = item
            if entry := self.entry(item):
                self.index[sort, name] = entry

    def entry(self, item: Item) -> Item:
        """Return the index entry of an item: its keys and the deadline, if it has all keys."""
        names = ("open", "applicationName", self.sort, "deadline")
        return {name: item[name] for name in names if name in item} if "open" in item else {}

    def after(self, last: Item | None) -> Iterator[Item]:
        """Return all items after a key, in the order of their keys."""
        start = (last["applicationName"]["S"], last[self.sort]["S"]) if last else ("", "")
        seeded = self.seeded[max(0, bisect_right(self.seeded, start[0]) - 1) :]
        names = sorted({*seeded, *self.partitions})
        for name in names:
            for sort, item in sorted(self.partition(name).items()) if name >= start[0] else ():
                if (name, sort) > start:
                    yield item


class RefusedError(Exception):
    """A condition is false."""


class DynamoDB:
    """The tables by name, and the consumed capacity."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self.tables = tables
        self.consumed = Capacity()

    def attach(self, client: Any) -> None:
        """Respond to the calls of a client instead of AWS."""
        client.meta.events.register("before-call.dynamodb", self._respond)

    def _respond(self, model: Any, params: Mapping[str, Any], **_: Any) -> Any:
        effects: Mapping[str, Callable[[Any], dict[str, Any]]] = {
            "GetItem": self._get,
            "BatchGetItem": self._batch,
            "PutItem": self._put,
            "DeleteItem": self._delete,
            "TransactWriteItems": self._transaction,
            "Query": self._query,
            "Scan": self._scan,
        }
        self.consumed.calls += (model.name,)
        return _OK, effects[model.name](json.loads(params["body"]))

    def _get(self, request: Any) -> dict[str, Any]:
        item = self.tables[request["TableName"]].get(request["Key"])
        self.consumed.reads(size(item), consistent=request.get("ConsistentRead", False))
        return {"Item": item} if item else {}

    def _batch(self, request: Any) -> dict[str, Any]:
        found: dict[str, list[Any]] = {}
        for name, wanted in request["RequestItems"].items():
            consistent = wanted.get("ConsistentRead", False)
            items = [self.tables[name].get(key) for key in wanted["Keys"]]
            for item in items:
                self.consumed.reads(size(item), consistent=consistent)
            found[name] = [item for item in items if item]
        return {"Responses": found, "UnprocessedKeys": {}}

    def _put(self, request: Any) -> dict[str, Any]:
        self._write([("Put", request)], transaction=False)
        return {}

    def _delete(self, request: Any) -> dict[str, Any]:
        self._write([("Delete", request)], transaction=False)
        return {}

    def _transaction(self, request: Any) -> dict[str, Any]:
        # The proof measures successful transactions; a refused one fails the test.
        self._write([next(iter(each.items())) for each in request["TransactItems"]])
        return {}

    def _write(self, actions: list[tuple[str, Any]], *, transaction: bool = True) -> None:
        """Execute all actions or none."""
        changes = []
        for kind, request in actions:
            table = self.tables[request["TableName"]]
            key = request["Item"] if kind == "Put" else request["Key"]
            before = table.get(key)
            after = _after(kind, request, before)
            self.consumed.writes(before, after, transaction=transaction)
            _check(request, before)
            changes.append((table, key, before, after))
        for table, key, before, after in changes:
            self.consumed.indexes(table.entry(before), table.entry(after))
            table.set(key, after)

    def _query(self, request: Any) -> dict[str, Any]:
        table = self.tables[request["TableName"]]
        if "IndexName" in request:
            assert request["IndexName"] == "OpenOperations"
            low, high = _index_range(request)
            entries = [entry for key, entry in sorted(table.index.items()) if low <= key[0] <= high]
            found = entries[: request["Limit"]]
            self.consumed.reads(sum(map(size, found)), consistent=False)
            return {"Items": found}
        return self._range(table, request)

    def _range(self, table: Table, request: Any) -> dict[str, Any]:
        """Respond to a query of a range of one partition, or of keys with one beginning."""
        values = {
            name: value["S"]
            for name, value in request["ExpressionAttributeValues"].items()
            if "S" in value
        }
        if ":spec" in values:
            name, low, high = values[":application"], values[":spec"], values[":spec"] + _LAST
            key_condition = "#partition = :application AND begins_with(#entry, :spec)"
        else:
            name, low, high = (values[f":{each}"] for each in ("partition", "low", "high"))
            key_condition = "#partition = :partition AND #entry BETWEEN :low AND :high"
        assert request["KeyConditionExpression"] == key_condition
        forward = request.get("ScanIndexForward", True)
        start = request.get("ExclusiveStartKey", {}).get(table.sort, {}).get("S")
        keys = sorted(
            key
            for key in table.partition(name)
            if low <= key <= high
            if start is None or (key > start if forward else key < start)
        )
        turn = (keys if forward else keys[::-1])[: request.get("Limit", len(keys))]
        evaluated = [table.partition(name)[key] for key in turn]
        self.consumed.reads(sum(map(size, evaluated)), consistent=request["ConsistentRead"])
        last = {table.sort: {"S": turn[-1]}, "applicationName": {"S": name}} if turn else {}
        return {
            "Items": [item for item in evaluated if _meets(request, item)],
            "ScannedCount": len(evaluated),
            **({"LastEvaluatedKey": last} if len(turn) < len(keys) else {}),
        }

    def _scan(self, request: Any) -> dict[str, Any]:
        table = self.tables[request["TableName"]]
        found: list[Item] = []
        read, last = 0, {}
        for item in table.after(request.get("ExclusiveStartKey")):
            if len(found) == request.get("Limit") or read + size(item) > _PAGE:
                last = {"LastEvaluatedKey": {
                    name: found[-1][name] for name in ("applicationName", table.sort)
                }}  # fmt: skip
                break
            found.append(item)
            read += size(item)
        self.consumed.reads(read, consistent=request.get("ConsistentRead", False))
        return {"Items": found} | last


@dataclass(frozen=True)
class _Http:
    status_code: int


_OK = _Http(200)


def _moto(item: Item) -> MotoItem:
    return MotoItem(DynamoType({"S": ""}), None, dict(item))


def _index_range(request: Any) -> tuple[str, str]:
    """Return the first and the last key of a query of open operations or of notifications."""
    values = request["ExpressionAttributeValues"]
    if "begins_with" in request["KeyConditionExpression"]:
        assert request["KeyConditionExpression"].endswith("begins_with(#entry, :operation)")
        first = values[":operation"]["S"]
        return first, first + _LAST
    assert request["KeyConditionExpression"].endswith("#entry BETWEEN :low AND :high")
    return values[":low"]["S"], values[":high"]["S"]


def _check(request: Any, before: Item) -> None:
    if not _meets(request, before, "ConditionExpression"):
        raise RefusedError(f"{request['ConditionExpression']} is false for {before}")


def _meets(request: Any, item: Item, member: str = "FilterExpression") -> bool:
    condition = get_filter_expression(
        request.get(member),
        request.get("ExpressionAttributeNames"),
        request.get("ExpressionAttributeValues"),
    )
    return bool(condition.expr(_moto(item)))


def _after(kind: str, request: Any, before: Item) -> Item:
    """Return an item after an action."""
    if kind == "Put":
        return dict(request["Item"])
    if kind == "Delete":
        return {}
    if kind == "ConditionCheck" or not before:
        return before
    values = request["ExpressionAttributeValues"]
    changes: Mapping[str, Mapping[str, Any]] = {
        "SET #claim = :operation, #revision = #revision + :one": {
            "claim": values.get(":operation"),
            "revision": {"N": str(int(before.get("revision", {"N": 0})["N"]) + 1)},
        },
        "SET #claim = :operation": {"claim": values.get(":operation")},
        "SET #stack = :stack REMOVE #claim": {"stack": values.get(":stack"), "claim": None},
        "REMOVE #claim": {"claim": None},
    }
    after = {**before, **changes[request["UpdateExpression"]]}
    return {name: value for name, value in after.items() if value is not None}
