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
    """Start with quick and exact tests, because one failure is enough; shuffle equal ones.

    The process of a mutant collects the tests a second time. Pytest then escapes a backslash in an
    explicit id again and does not find the test, which mutmut counts as a failed test.

    Raises:
        pytest.UsageError: the explicit id of a test contains a backslash.
    """
    for name in (item.nodeid for item in items if "\\" in item.nodeid and _has_explicit_id(item)):
        raise pytest.UsageError(f"give the parameters of this test ids without backslash: {name}")
    items.sort(key=lambda item: (_rank(item.nodeid), crc32(item.nodeid.encode())))


def _rank(name: str) -> int:
    if any(slow in name for slow in _SLOW):
        return 3
    if "functional" not in name:
        return 0
    return 1 if any(exact in name for exact in _EXACT) else 2


def _has_explicit_id(item: pytest.Item) -> bool:
    return any(mark.kwargs.get("ids") for mark in item.iter_markers("parametrize"))
