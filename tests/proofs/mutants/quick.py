"""A pytest plugin that lets the tests of a mutant cost less, for there are thousands of mutants."""

from __future__ import annotations

import gc
from zlib import crc32

import pytest

# A mutant's process lives for seconds and has memory enough.
_RARELY = 100_000
# Tests that compare whole records see nearly every change; those that go through all cases or let
# an hour pass are for what nothing else has seen.
_EXACT = ("_records.py", "_rows.py", "_counts.py")
_SLOW = ("_properties.py", "_deadlines.py")


def pytest_configure() -> None:
    gc.freeze()
    gc.set_threshold(_RARELY)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what is quick or sees most, then mix what is alike: one failure is enough."""
    items.sort(key=lambda item: (_rank(item.nodeid), crc32(item.nodeid.encode())))


def _rank(name: str) -> int:
    if any(slow in name for slow in _SLOW):
        return 3
    if "functional" not in name:
        return 0
    return 1 if any(exact in name for exact in _EXACT) else 2
