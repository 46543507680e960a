"""AWS Lambda: no more functions run at once than a laptop can bear."""

from __future__ import annotations

import threading
from typing import Any

from ministack.services import lambda_svc

# Each is a process with a cold start of most of a second of CPU. On AWS each has a CPU of its own;
# here fifty at once take so much from each other that they run out of their time.
AT_ONCE = 12

_acquire_worker = lambda_svc.acquire_worker
_release_worker = lambda_svc.release_worker
_free = threading.Semaphore(AT_ONCE)


def apply() -> None:
    """Put the limit in place."""
    lambda_svc.acquire_worker = acquire_worker
    lambda_svc.release_worker = release_worker


def acquire_worker(*args: Any, **kwargs: Any) -> Any:
    """Take a worker, when fewer than the limit are taken: an invocation waits, its time does not.

    Not a gap: on AWS there is room for a thousand. No function here invokes another one, which
    would wait for itself.
    """
    _free.acquire()
    try:
        worker, reason = _acquire_worker(*args, **kwargs)
    except BaseException:
        _free.release()
        raise
    if worker is None:
        _free.release()
    return worker, reason


def release_worker(worker: Any) -> None:
    """Give a worker back; None is one that has failed and is gone."""
    _release_worker(worker)
    _free.release()
