"""Admission of waiting calls (docs/decisions/0011-waiting-calls.md).

A waiting call occupies an execution of Lambda until its end. The number of waiting calls is
limited, so that executions remain for other calls and for reconcile.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from devops_core.errors import AwsError
from devops_core.ports import Cloud


@contextmanager
def admission(cloud: Cloud) -> Iterator[bool]:
    """Count this call while it waits; False if too many calls wait already.

    An error of the count does not affect the call: it waits.
    """
    limit = cloud.settings.waiting_limit
    window = None
    admitted = True
    if limit is not None:
        with suppress(AwsError):
            window, waiting = cloud.tables.begin_wait()
            admitted = waiting <= limit
    try:
        yield admitted
    finally:
        if window is not None:
            with suppress(AwsError):
                cloud.tables.end_wait(window)
