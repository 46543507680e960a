"""Work of one test on all cores."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor


def processes() -> ProcessPoolExecutor:
    """Return a pool of processes that coverage does not look into.

    A fork inherits the tracing and pays for it with half of its time, but nobody gets to know what
    it has seen.
    """
    return ProcessPoolExecutor(initializer=sys.settrace, initargs=(None,))
