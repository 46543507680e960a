"""Worker threads that a function can abandon.

Lambda freezes the threads of a function between two invocations. A thread that waits for AWS when
its function returns would therefore continue minutes later, after the end of its lease, and could
repeat a call that another worker has made (docs/decisions/0003-lease.md). So the requests of such
a thread are refused.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")

# Set when the workers of this context are abandoned.
_ABANDONED: ContextVar[threading.Event | None] = ContextVar("abandoned", default=None)


class AbandonedError(BaseException):
    """The end of an abandoned worker. No handler of errors may catch it, like a crash."""


def refuse_if_abandoned(**_: Any) -> None:
    """Raise AbandonedError in an abandoned worker; a handler of botocore's event "before-send".

    botocore emits this event before each attempt of a call.
    """
    abandoned = _ABANDONED.get()
    if abandoned is not None and abandoned.is_set():
        raise AbandonedError


def work_off(calls: Iterable[Callable[[], T]], workers: int, seconds: float) -> list[T]:
    """Make calls in threads and return the results that exist after at most some seconds.

    A worker takes the next call when its last one has ended, so a slow call delays only its own
    worker. The first error of a call is raised.
    """
    work = _Work(calls)
    threads = [
        threading.Thread(target=work.run, name=f"worker-{number}", daemon=True)
        for number in range(workers)
    ]
    for thread in threads:
        thread.start()
    return work.results(len(threads), seconds)


class _Work:
    """The calls that are left, and the results so far."""

    def __init__(self, calls: Iterable[Callable[[], Any]]) -> None:
        self._calls = iter(calls)
        self._changed = threading.Condition()
        self._abandoned = threading.Event()
        self._results: list[Any] = []
        self._errors: list[Exception] = []
        self._ended = 0

    def run(self) -> None:
        """Make calls until none is left; the body of a thread."""
        _ABANDONED.set(self._abandoned)
        try:
            while call := self._next():
                result = call()
                with self._changed:
                    self._results.append(result)
        except AbandonedError:
            pass
        except Exception as error:  # noqa: BLE001 - `results` raises it
            self._errors.append(error)
        finally:
            with self._changed:
                self._ended += 1
                self._changed.notify_all()

    def results(self, workers: int, seconds: float) -> list[Any]:
        """Wait for the workers and return the results; abandon the workers that have not ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended == workers, timeout=max(seconds, 0))
            self._abandoned.set()
            if self._errors:
                raise self._errors[0]
            return list(self._results)

    def _next(self) -> Callable[[], Any] | None:
        with self._changed:
            return None if self._abandoned.is_set() else next(self._calls, None)
