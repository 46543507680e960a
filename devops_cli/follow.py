"""Following an operation to its end: looks again and again, and yields what it sees.

Reading an operation is also what moves it forward. How it looks in ECS meanwhile is read beside it;
that may fail without harm.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from devops_cli.answers import IN_PROGRESS, Answer, Object, moment, part, retry_after, word
from devops_cli.clock import Clock
from devops_cli.exits import Exit
from devops_cli.failures import (
    ApiError,
    CliError,
    NotTheServiceError,
    TimedOutError,
    UnreachableError,
)

INTERVAL = 2.0  # seconds from one look to the next
_FIRST = (0.5, 1.0)  # the first looks come sooner: what is quick is over by then
# Seconds without an answer until following is given up. A service that is being deployed, or a
# network that is away for a moment, does not end a wait; the operation goes on anyway.
PATIENCE = 180.0


class Reader(Protocol):
    """What reads the service, such as `client.Api`."""

    address: str

    def get(
        self, path: str, query: Mapping[str, Any] | None = None, *, attempts: int = ...
    ) -> Answer:
        """Read a path, or a whole URL."""
        ...


@dataclass(frozen=True)
class Snapshot:
    """What one look has seen.

    `answer` is the last one about the operation; `stack` the application as ECS shows it, empty
    where that could not be read; `seconds` the time since the operation was asked for; `trouble`
    why the last look at the operation failed, if it did.
    """

    answer: Answer
    operation: Object
    stack: Object
    seconds: float
    trouble: str = ""

    @property
    def ended(self) -> bool:
        """Whether the operation has ended."""
        return word(self.operation, "status") != IN_PROGRESS


def follow(
    api: Reader, answer: Answer, operation: Object, clock: Clock, timeout: timedelta
) -> Iterator[Snapshot]:
    """Yield what is seen of an operation, first as the answer has it, last when it has ended.

    Raises:
        TimedOutError: it is still in progress after that time.
        CliError: it cannot be read, for good or for too long.

    """
    begun = heard = clock.monotonic()
    asked = begun - _age(answer, operation, clock)
    application = _Application(api, word(operation, "applicationName"))
    trouble, pauses, pause = "", iter(_FIRST[1:]), _FIRST[0]
    while True:
        seconds = clock.monotonic() - asked
        yield (seen := Snapshot(answer, operation, application.look(), seconds, trouble))
        if seen.ended:
            return
        _pause(clock, pause, begun + timeout.total_seconds(), operation)
        try:
            found = api.get(url_of(operation, api.address), attempts=1)
            operation, answer = found.required_operation, found
            heard, trouble, pause = clock.monotonic(), "", next(pauses, INTERVAL)
        except CliError as error:
            if not _passes(error) or clock.monotonic() - heard >= PATIENCE:
                raise
            trouble, pause = str(error), max(INTERVAL, _asked_pause(error))


def _pause(clock: Clock, seconds: float, end: float, operation: Object) -> None:
    left = end - clock.monotonic()
    if left <= 0:
        raise TimedOutError(f"{word(operation, 'id')} is still in progress")
    clock.pause(min(seconds, left))


def _asked_pause(error: CliError) -> float:
    """Return the seconds that the service asks to wait; zero if it does not."""
    return (retry_after(error.answer.headers) if error.answer else None) or 0.0


class _Application:
    """An application as ECS shows it; without an answer nothing is known, which is no harm."""

    def __init__(self, api: Reader, name: str) -> None:
        self._api = api
        self._path = f"/stacks/{quote(name, safe='')}"
        self._refused = False

    def look(self) -> Object:
        if self._refused:
            return {}
        try:
            return part(self._api.get(self._path, {"live": "true"}, attempts=1).body, "stack")
        except CliError as error:
            # Who may not read it now will not may in two seconds; a 404 or a 503 passes.
            self._refused = error.code is Exit.DENIED
            return {}


def url_of(operation: Object, address: str) -> str:
    """Return where to read an operation.

    That is the URL which the service gave, if it is of the same origin as the service's address:
    calls carry credentials, which nobody else gets. Otherwise it is a path of the address.
    """
    url = word(operation, "url")
    if url.isascii() and url.isprintable() and same_origin(url, address):
        return url
    return path_of(word(operation, "applicationName"), word(operation, "id"))


def path_of(name: str, operation: str) -> str:
    """Return the path of an operation."""
    return f"/stacks/{quote(name, safe='')}/operations/{quote(operation, safe='')}"


def same_origin(one: str, other: str) -> bool:
    """Tell whether two URLs have the same scheme, host and port."""
    try:
        return _origin(one) == _origin(other)
    except ValueError:  # it is no URL
        return False


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    if parts.username is not None or "\\" in url:
        raise ValueError("two readers of such a URL may find two hosts in it")
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _passes(error: CliError) -> bool:
    """Tell whether what went wrong may go away by itself."""
    if isinstance(error, ApiError):
        return error.code is Exit.FAILED  # 429, 5xx
    return isinstance(error, UnreachableError | NotTheServiceError)


def _age(answer: Answer, operation: Object, clock: Clock) -> float:
    """Return the seconds since an operation was asked for, by the service's own clock if known."""
    try:
        now = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        now = clock.now()
    asked = moment(operation, "requestedAt")
    return max((now - asked).total_seconds(), 0.0) if asked else 0.0
