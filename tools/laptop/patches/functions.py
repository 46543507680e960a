"""AWS Lambda: the number of concurrent invocations is limited."""

from __future__ import annotations

import threading
from typing import Any

from ministack.services import lambda_svc

# Each worker is a process whose cold start takes most of a second of CPU. On AWS each has its own
# CPU; on a laptop, fifty concurrent cold starts would exceed the time limit of the functions.
MAX_CONCURRENCY = 12

_acquire_worker = lambda_svc.acquire_worker
_release_worker = lambda_svc.release_worker
_free = threading.Semaphore(MAX_CONCURRENCY)


def apply() -> None:
    """Apply the limit."""
    lambda_svc.acquire_worker = acquire_worker
    lambda_svc.release_worker = release_worker


def acquire_worker(*args: Any, **kwargs: Any) -> Any:
    """Acquire a worker, and wait while the limit is reached; the wait is not invocation time.

    Not a gap: the limit of AWS is a thousand. A deadlock is not possible, because no function
    invokes another one.
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
    """Release a worker; None stands for a worker that has failed."""
    _release_worker(worker)
    _free.release()
