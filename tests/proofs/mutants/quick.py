"""A pytest plugin that shortens the run of a mutant by the order of the tests."""

from __future__ import annotations

import gc
from zlib import crc32

import pytest

# The process of a mutant ends after seconds and has enough memory.
_COLLECTION_THRESHOLD = 100_000
# Tests that compare whole records detect most changes. Tests of all cases or of long periods run
# last.
_EXACT = ("_records.py", "_rows.py", "_counts.py")
_SLOW = ("_properties.py", "_deadlines.py")


def pytest_configure() -> None:
    gc.freeze()
    gc.set_threshold(_COLLECTION_THRESHOLD)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with quick and exact tests, because one failure is enough; shuffle equal ones."""
    items.sort(key=lambda item: (_rank(item.nodeid), crc32(item.nodeid.encode())))


def _rank(name: str) -> int:
    if any(slow in name for slow in _SLOW):
        return 3
    if "functional" not in name:
        return 0
    return 1 if any(exact in name for exact in _EXACT) else 2
