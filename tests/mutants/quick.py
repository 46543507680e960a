"""A pytest plugin that lets the tests of a mutant cost less, for there are thousands of mutants."""

from __future__ import annotations

import gc
from zlib import crc32

import pytest

# A mutant's process lives for seconds and has memory enough.
_RARELY = 100_000


def pytest_configure() -> None:
    gc.freeze()
    gc.set_threshold(_RARELY)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what is quick, then mix what is alike: the first failure ends a run."""
    items.sort(key=lambda item: (_cost(item), crc32(item.nodeid.encode())))


def _cost(item: pytest.Item) -> int:
    if "properties" in item.nodeid:
        return 2
    return int("functional" in item.nodeid)
