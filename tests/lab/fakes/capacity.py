"""What DynamoDB charges: capacity units by the rules of the Amazon DynamoDB Developer Guide.

"DynamoDB read consistency and capacity" and "write operations" (chapter "Read and write
operations"): a read counts each 4 KB of an item begun, half when it may be stale; a write each
1 KB of the larger of the item before and after; in a transaction both count double. An item that
does not exist counts as the smallest one. Query and Scan count the bytes of all items they look at,
whatever they return. "DynamoDB item sizes and formats" has the sizes. A change of an index
entry ("Global secondary indexes", write capacity) counts each 1 KB of the entry.
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
    """Units consumed, and the names of the calls that did."""

    read: float = 0
    write: float = 0
    calls: tuple[str, ...] = ()

    def reads(self, bytes_: int, *, consistent: bool) -> None:
        """Count bytes that are read at once."""
        self.read += _begun(bytes_, _READ) * (1 if consistent else 0.5)

    def writes(self, before: Item, after: Item, *, transaction: bool = False) -> None:
        """Count an item that was one thing and becomes another; empty is none."""
        self.write += _begun(max(size(before), size(after)), _WRITE) * (2 if transaction else 1)

    def indexes(self, before: Item, after: Item) -> None:
        """Count what a write changes in an index: an entry goes, and another one comes."""
        if before != after:
            self.write += sum(_begun(size(entry), _WRITE) for entry in (before, after) if entry)


def size(item: Item) -> int:
    """Return the bytes of an item: its attributes' names and values."""
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
    return 1  # BOOL, NULL; nothing else is stored


def _begun(bytes_: int, unit: int) -> int:
    return max(1, -(-bytes_ // unit))
