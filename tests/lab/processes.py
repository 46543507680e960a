"""Processes that run the cases of a proof on all cores."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context


def processes() -> ProcessPoolExecutor:
    """Return a pool of forked processes, which inherit a planted bug.

    They would inherit the tracing of coverage too, which doubles their time, although its results
    would be lost. Therefore they switch it off.
    """
    return ProcessPoolExecutor(
        mp_context=get_context("fork"), initializer=sys.settrace, initargs=(None,)
    )
