"""A pytest plugin that shortens the run of a mutant.

mutmut first runs all tests, and then those of a mutant in a copy of the process. Their collection
would take most of the time of a mutant, so its process repeats the items of the first run.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping
from zlib import crc32

import pytest
from mutmut.state import state

# The process of a mutant ends after seconds and has enough memory.
_COLLECTION_THRESHOLD = 100_000
# Tests that compare whole records detect most changes. Tests of all cases or of long periods, and
# those that take more than a second, run last.
_EXACT = ("_records.py", "_rows.py", "_counts.py")
_SLOW = ("_properties.py", "_deadlines.py")
_SLOW_SECONDS = 1.0
# The tests of the first run by name.
_COLLECTED: dict[str, pytest.Item] = {}


def pytest_configure() -> None:
    gc.freeze()
    gc.set_threshold(_COLLECTION_THRESHOLD)


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> bool | None:
    """Use the items of the first run if the session names its tests, as that of a mutant does."""
    if not all(name in _COLLECTED for name in session.config.args):
        return None
    session.items = _in_order({name: _COLLECTED[name] for name in session.config.args})
    # The first session has the fixtures of the files, and remains the node of those for a session.
    first = session.items[0].session
    session._fixturemanager, first._setupstate = first._fixturemanager, session._setupstate
    for item in session.items:
        item.session, item.config = session, session.config
    # Without collected tests, pytest ends with another exit code, which is not that of a survivor.
    session.testscollected = len(session.items)
    return True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Remember the items of the first run."""
    named = {item.nodeid: item for item in items}
    _COLLECTED.update(named)
    items[:] = _in_order(named)


def _in_order(items: Mapping[str, pytest.Item]) -> list[pytest.Item]:
    """Return quick and exact tests first, because one failure is enough; shuffle equal ones."""
    names = sorted(items, key=lambda name: (_rank(name), crc32(name.encode())))
    return [items[name] for name in names]


def _rank(name: str) -> int:
    slow = state().duration_by_test.get(name, 0) > _SLOW_SECONDS
    if slow or any(part in name for part in _SLOW):
        return 3
    if "functional" not in name:
        return 0
    return 1 if any(exact in name for exact in _EXACT) else 2
