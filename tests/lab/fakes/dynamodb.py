"""DynamoDB in memory that counts what it reads and writes, behind a client of botocore.

It knows what the service uses of it: single items, transactions, one query of a sparse index,
queries of a part of one partition, and a scan with a limit. Conditions are read by moto's parser.
Tables can have seeds: partitions that are there from the start and made when somebody looks at
them, so that a million items take no memory, and a scan of all of them would be seen in what it
reads.
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

from tests.lab.fakes.capacity import Capacity, Item, size

Key = tuple[str, str]
Partition = dict[str, Item]
Seeds = Callable[[str], Partition]

_PAGE = 1_000_000  # bytes that Query and Scan look at, at most (DynamoDB API)


@dataclass
class Table:
    """A table: partitions by the value of their key; `index` has the keys of what is open."""

    sort: str
    partitions: dict[str, Partition] = field(default_factory=dict)
    index: dict[Key, Item] = field(default_factory=dict)
    seeded: tuple[str, ...] = ()  # names of the partitions that `seeds` makes
    seeds: Seeds = lambda _: {}

    def partition(self, name: str) -> Partition:
        """Return a partition; a seeded one is made now."""
        if name not in self.partitions:
            at = bisect_right(self.seeded, name)
            there = at and self.seeded[at - 1] == name
            self.partitions[name] = self.seeds(name) if there else {}
        return self.partitions[name]

    def get(self, key: Item) -> Item:
        """Return an item, empty if there is none."""
        return self.partition(key["applicationName"]["S"]).get(key[self.sort]["S"], {})

    def set(self, key: Item, item: Item) -> None:
        """Put an item where its key says; empty removes it."""
        name, sort = key["applicationName"]["S"], key[self.sort]["S"]
        self.partition(name).pop(sort, None)
        self.index.pop((sort, name), None)
        if item:
            self.partition(name)[sort] = item
            if entry := self.entry(item):
                self.index[sort, name] = entry

    def entry(self, item: Item) -> Item:
        """Return what the index has of an item: keys only, of those that have all of them."""
        names = ("open", "applicationName", self.sort)
        return {name: item[name] for name in names} if "open" in item else {}

    def after(self, last: Item | None) -> Iterator[Item]:
        """Return all items that follow one, in the order of their keys."""
        start = (last["applicationName"]["S"], last[self.sort]["S"]) if last else ("", "")
        seeded = self.seeded[max(0, bisect_right(self.seeded, start[0]) - 1) :]
        names = sorted({*seeded, *self.partitions})
        for name in names:
            for sort, item in sorted(self.partition(name).items()) if name >= start[0] else ():
                if (name, sort) > start:
                    yield item


class RefusedError(Exception):
    """A condition did not hold."""


class DynamoDB:
    """The tables by name, and what they have consumed."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self.tables = tables
        self.consumed = Capacity()

    def attach(self, client: Any) -> None:
        """Answer the calls of a client in place of AWS."""
        client.meta.events.register("before-call.dynamodb", self._answer)

    def _answer(self, model: Any, params: Mapping[str, Any], **_: Any) -> Any:
        does: Mapping[str, Callable[[Any], dict[str, Any]]] = {
            "GetItem": self._get,
            "BatchGetItem": self._batch,
            "PutItem": self._put,
            "DeleteItem": self._delete,
            "TransactWriteItems": self._transaction,
            "Query": self._query,
            "Scan": self._scan,
        }
        self.consumed.calls += (model.name,)
        return _OK, does[model.name](json.loads(params["body"]))

    def _get(self, asked: Any) -> dict[str, Any]:
        item = self.tables[asked["TableName"]].get(asked["Key"])
        self.consumed.reads(size(item), consistent=asked.get("ConsistentRead", False))
        return {"Item": item} if item else {}

    def _batch(self, asked: Any) -> dict[str, Any]:
        found: dict[str, list[Any]] = {}
        for name, wanted in asked["RequestItems"].items():
            consistent = wanted.get("ConsistentRead", False)
            items = [self.tables[name].get(key) for key in wanted["Keys"]]
            for item in items:
                self.consumed.reads(size(item), consistent=consistent)
            found[name] = [item for item in items if item]
        return {"Responses": found, "UnprocessedKeys": {}}

    def _put(self, asked: Any) -> dict[str, Any]:
        self._write([("Put", asked)], transaction=False)
        return {}

    def _delete(self, asked: Any) -> dict[str, Any]:
        self._write([("Delete", asked)], transaction=False)
        return {}

    def _transaction(self, asked: Any) -> dict[str, Any]:
        # What is measured is what goes through: a transaction that is refused fails the test.
        self._write([next(iter(each.items())) for each in asked["TransactItems"]])
        return {}

    def _write(self, actions: list[tuple[str, Any]], *, transaction: bool = True) -> None:
        """Do all actions or none."""
        changes = []
        for kind, asked in actions:
            table = self.tables[asked["TableName"]]
            key = asked["Item"] if kind == "Put" else asked["Key"]
            before = table.get(key)
            after = _after(kind, asked, before)
            self.consumed.writes(before, after, transaction=transaction)
            _check(asked, before)
            changes.append((table, key, before, after))
        for table, key, before, after in changes:
            self.consumed.indexes(table.entry(before), table.entry(after))
            table.set(key, after)

    def _query(self, asked: Any) -> dict[str, Any]:
        table = self.tables[asked["TableName"]]
        if "IndexName" in asked:
            assert (asked["IndexName"], asked["KeyConditionExpression"]) == (
                "OpenOperations",
                "#open = :open",
            )
            found = [entry for _, entry in sorted(table.index.items())][: asked["Limit"]]
            self.consumed.reads(sum(map(size, found)), consistent=False)
            return {"Items": found}
        return self._range(table, asked)

    def _range(self, table: Table, asked: Any) -> dict[str, Any]:
        """Answer a query of a part of one partition."""
        assert asked["KeyConditionExpression"] == (
            "#partition = :partition AND #entry BETWEEN :low AND :high"
        )
        name, low, high = (
            asked["ExpressionAttributeValues"][f":{each}"]["S"]
            for each in ("partition", "low", "high")
        )
        forward = asked["ScanIndexForward"]
        start = asked.get("ExclusiveStartKey", {}).get(table.sort, {}).get("S")
        keys = sorted(
            key
            for key in table.partition(name)
            if low <= key <= high
            if start is None or (key > start if forward else key < start)
        )
        turn = (keys if forward else keys[::-1])[: asked["Limit"]]
        looked = [table.partition(name)[key] for key in turn]
        self.consumed.reads(sum(map(size, looked)), consistent=asked["ConsistentRead"])
        last = {table.sort: {"S": turn[-1]}, "applicationName": {"S": name}} if turn else {}
        return {
            "Items": [item for item in looked if _meets(asked, item)],
            "ScannedCount": len(looked),
            **({"LastEvaluatedKey": last} if len(turn) < len(keys) else {}),
        }

    def _scan(self, asked: Any) -> dict[str, Any]:
        table = self.tables[asked["TableName"]]
        found: list[Item] = []
        read, last = 0, {}
        for item in table.after(asked.get("ExclusiveStartKey")):
            if len(found) == asked.get("Limit") or read + size(item) > _PAGE:
                last = {"LastEvaluatedKey": {
                    name: found[-1][name] for name in ("applicationName", table.sort)
                }}  # fmt: skip
                break
            found.append(item)
            read += size(item)
        self.consumed.reads(read, consistent=asked.get("ConsistentRead", False))
        return {"Items": found} | last


@dataclass(frozen=True)
class _Http:
    status_code: int


_OK = _Http(200)


def _moto(item: Item) -> MotoItem:
    return MotoItem(DynamoType({"S": ""}), None, dict(item))


def _check(asked: Any, before: Item) -> None:
    if not _meets(asked, before, "ConditionExpression"):
        raise RefusedError(f"{asked['ConditionExpression']} is not so of {before}")


def _meets(asked: Any, item: Item, member: str = "FilterExpression") -> bool:
    condition = get_filter_expression(
        asked.get(member),
        asked.get("ExpressionAttributeNames"),
        asked.get("ExpressionAttributeValues"),
    )
    return bool(condition.expr(_moto(item)))


def _after(kind: str, asked: Any, before: Item) -> Item:
    """Return what an action makes of an item."""
    if kind == "Put":
        return dict(asked["Item"])
    if kind == "Delete":
        return {}
    if kind == "ConditionCheck" or not before:
        return before
    assert asked["UpdateExpression"] == "SET #claim = :operation, #revision = #revision + :one"
    values = asked["ExpressionAttributeValues"]
    revision = str(int(before["revision"]["N"]) + int(values[":one"]["N"]))
    return {**before, "claim": values[":operation"], "revision": {"N": revision}}
