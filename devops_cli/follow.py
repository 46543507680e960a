"""Polls an operation until it ends, and yields a snapshot after each poll.

Each read of an operation also makes the service continue it. The state of the application in ECS is
read as well; an error of that read is ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from devops_cli.clock import Clock
from devops_cli.exits import Exit
from devops_cli.failures import (
    ApiError,
    CliError,
    NotTheServiceError,
    TimedOutError,
    UnreachableError,
)
from devops_cli.responses import (
    IN_PROGRESS,
    LONGEST_PAUSE,
    Object,
    Response,
    get_object,
    get_text,
    get_time,
    retry_after,
)

DEFAULT_TIMEOUT = timedelta(hours=1)  # the time limit for waiting
INTERVAL = 2.0  # seconds between two polls, at first
# Each poll makes the service call AWS, whose rates all callers share. So the interval grows to a
# tenth of the age of the operation, with this limit in seconds.
_LONGEST_INTERVAL = 5.0
# A swap with a policy waits for minutes or hours, and the service checks it once a minute.
_LONGEST_SWAP_INTERVAL = 15.0
# The state in ECS and ELB requires more calls. After the first 20 seconds its interval grows with
# the age, up to 20 seconds.
_STATE_INTERVAL = 20.0
_FIRST = (0.5, 1.0)  # seconds before the first polls; short operations have ended by then
# Seconds without a response until polling fails. A deployment of the service or a short network
# outage must not end the wait, because the operation continues anyway.
SILENCE_LIMIT = 180.0


class Reader(Protocol):
    """A client of the service, such as `client.Api`."""

    address: str

    def get(
        self, path: str, query: Mapping[str, Any] | None = None, *, attempts: int = ...
    ) -> Response:
        """Send a GET request to a path or a complete URL."""
        ...


@dataclass(frozen=True)
class Snapshot:
    """The result of one poll.

    `response` is the last response with the operation. `stack` is the application with its state in
    ECS, empty if it could not be read. `seconds` is the time since the operation was requested.
    `trouble` is the reason why the last read of the operation failed; empty if it succeeded.
    """

    response: Response
    operation: Object
    stack: Object
    seconds: float
    trouble: str = ""

    @property
    def ended(self) -> bool:
        """Whether the operation has ended."""
        return get_text(self.operation, "status") != IN_PROGRESS


def follow(
    api: Reader,
    response: Response,
    operation: Object,
    clock: Clock,
    timeout: timedelta,
    repeat: Callable[[float], Response] | None = None,
) -> Iterator[Snapshot]:
    """Yield snapshots of an operation; the first contains `operation` as given, the last its end.

    `repeat` sends the write of the operation again, and returns its response after at most the
    given number of seconds. It replaces the reads if IAM does not allow them to the caller.

    Raises:
        TimedOutError: the operation is still in progress after `timeout`.
        CliError: a read failed with a permanent error, or reads failed for SILENCE_LIMIT seconds.

    """
    started = last_read = clock.monotonic()
    requested = started - _age(response, operation, clock)
    application = _Application(api, get_text(operation, "applicationName"))
    source = _Source(api, repeat)
    end = started + timeout.total_seconds()
    trouble, pauses, pause = "", iter(_FIRST[1:]), _FIRST[0]
    while True:
        seconds = clock.monotonic() - requested
        ended = get_text(operation, "status") != IN_PROGRESS
        stack = application.read(seconds, now=ended)
        snapshot = Snapshot(response, operation, stack, seconds, trouble)
        yield snapshot
        if snapshot.ended:
            return
        _pause(clock, pause, end, operation)
        try:
            found = source.read(operation, end - clock.monotonic())
            operation, response = found.required_operation, found
            last_read, trouble = clock.monotonic(), ""
            pause = next(pauses, min(max(seconds // 10, INTERVAL), _longest(operation)))
            pause = max(pause, requested_pause(found))
        except CliError as error:
            if not is_transient(error) or clock.monotonic() - last_read >= SILENCE_LIMIT:
                raise
            trouble, pause = str(error), max(INTERVAL, requested_pause(error.response))


def _longest(operation: Object) -> float:
    """Return the limit of the interval between two polls."""
    return _LONGEST_SWAP_INTERVAL if get_object(operation, "policy") else _LONGEST_INTERVAL


def _pause(clock: Clock, seconds: float, end: float, operation: Object) -> None:
    left = end - clock.monotonic()
    if left <= 0:
        raise TimedOutError(f"{get_text(operation, 'id')} is still in progress")
    clock.pause(min(seconds, left))


def requested_pause(response: Response | None) -> float:
    """Return the seconds of Retry-After, limited; zero without a response or the header."""
    requested = retry_after(response.headers) if response else None
    return min(requested or 0.0, LONGEST_PAUSE)


class _Source:
    """Reads an operation; if the caller is not allowed to read it, repeats its write instead."""

    def __init__(self, api: Reader, repeat: Callable[[float], Response] | None) -> None:
        self._api = api
        self._repeat = repeat
        self._refused = False

    def read(self, operation: Object, seconds: float) -> Response:
        """Return a response with the operation; a repeated write waits for at most some seconds.

        Raises:
            CliError: the read failed.

        """
        if self._repeat is None:
            return self._get(operation)
        if not self._refused:
            try:
                return self._get(operation)
            except ApiError as error:
                if get_text(error.response.body, "code") != "ACCESS_DENIED":
                    raise
                self._refused = True
        return self._repeat(seconds)

    def _get(self, operation: Object) -> Response:
        return self._api.get(operation_url(operation, self._api.address), attempts=1)


class _Application:
    """Reads an application with its state in ECS; returns an empty object after an error."""

    def __init__(self, api: Reader, name: str) -> None:
        self._api = api
        self._path = f"/stacks/{quote(name, safe='')}"
        self._refused = False
        self._found: Object = {}
        self._next_read = 0.0

    def read(self, age: float, *, now: bool) -> Object:
        """Return the state; the previous one before the end of the interval, except with `now`.

        `age` is the age of the operation in seconds.
        """
        if self._refused or (age < self._next_read and not now):
            return self._found
        self._next_read = age + min(max(age - _STATE_INTERVAL, 0.0), _STATE_INTERVAL)
        self._found = {}
        try:
            response = self._api.get(self._path, {"live": "true"}, attempts=1)
            self._found = get_object(response.body, "stack")
        except CliError as error:
            # A caller without permission will not have it at the next poll. Other errors may pass.
            self._refused = error.code is Exit.DENIED
        return self._found


def operation_url(operation: Object, address: str) -> str:
    """Return the URL or path for reading an operation.

    The URL in the operation is used only if it has the origin of the service's address, because the
    request carries credentials. Otherwise the result is the path of the operation.
    """
    url = get_text(operation, "url")
    if url.isascii() and url.isprintable() and same_origin(url, address):
        return url
    return operation_path(get_text(operation, "applicationName"), get_text(operation, "id"))


def operation_path(name: str, operation: str) -> str:
    """Return the path of an operation."""
    return f"/stacks/{quote(name, safe='')}/operations/{quote(operation, safe='')}"


def same_origin(one: str, other: str) -> bool:
    """Return whether two URLs have the same scheme, host and port."""
    try:
        return _origin(one) == _origin(other)
    except ValueError:  # not a valid URL
        return False


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    if parts.username is not None or "\\" in url:
        raise ValueError("different URL parsers may find different hosts in this URL")
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def is_transient(error: CliError) -> bool:
    """Return whether a later read may succeed."""
    if isinstance(error, ApiError):
        return error.code is Exit.FAILED  # 429, 5xx
    return isinstance(error, UnreachableError | NotTheServiceError)


def _age(response: Response, operation: Object, clock: Clock) -> float:
    """Return the seconds since an operation was requested.

    The current time is taken from the header Date of the response, if there is one.
    """
    now, requested = _date(response) or clock.now(), get_time(operation, "requestedAt")
    return max((now - requested).total_seconds(), 0.0) if requested else 0.0


def _date(response: Response) -> datetime | None:
    """Return the time in the header Date; None if it is missing, not a time, or has no zone."""
    try:
        found = parsedate_to_datetime(response.headers.get("date", ""))
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else None
