"""Capacity units by the rules of the Amazon DynamoDB Developer Guide.

Chapter "Read and write operations": a read consumes one unit for each started 4 KB of an item, an
eventually consistent read half a unit. A write consumes one unit for each started 1 KB of the
larger of the old and the new item. A transaction consumes twice as much. A missing item consumes
as much as the smallest item. Query and Scan consume the bytes of all items that they evaluate, also
of items that a filter removes. "DynamoDB item sizes and formats" has the sizes. A changed index
entry ("Global secondary indexes", write capacity) consumes one unit for each started 1 KB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Item = Mapping[str, Mapping[str, Any]]

_READ, _WRITE = 4096, 1024  # bytes
_OVERHEAD = 3  # bytes of a list or map; one more for each element


@dataclass
class Capacity:
    """The consumed units, and the names of the calls that consumed them."""

    read: float = 0
    write: float = 0
    calls: tuple[str, ...] = ()

    def reads(self, bytes_: int, *, consistent: bool) -> None:
        """Add a read of a number of bytes."""
        self.read += _started(bytes_, _READ) * (1 if consistent else 0.5)

    def writes(self, before: Item, after: Item, *, transaction: bool = False) -> None:
        """Add a write; an empty item is a missing one."""
        self.write += _started(max(size(before), size(after)), _WRITE) * (2 if transaction else 1)

    def indexes(self, before: Item, after: Item) -> None:
        """Add the index entries that a write removes and adds."""
        if before != after:
            self.write += sum(_started(size(entry), _WRITE) for entry in (before, after) if entry)


def size(item: Item) -> int:
    """Return the number of bytes of an item: the names and values of its attributes."""
    return sum(len(name.encode()) + _value(value) for name, value in item.items())


def _value(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return -(-len(content.strip("-0.")) // 2) + 1
    if kind == "M":
        return _OVERHEAD + len(content) + size(content)
    if kind == "L":
        return _OVERHEAD + len(content) + sum(map(_value, content))
    return 1  # BOOL and NULL; the service stores no other types


def _started(bytes_: int, unit: int) -> int:
    return max(1, -(-bytes_ // unit))
