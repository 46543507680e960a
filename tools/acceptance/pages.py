"""The pages of the application: their fingerprints, and requests during a step."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, Self

import httpx

INTERVAL = 0.2  # seconds between two requests of a watched page
_TIMEOUT = 5.0  # seconds for one request
# Bytes of a page that are compared; longer pages are cut off.
_LONGEST = 1024 * 1024


class PageError(Exception):
    """A page cannot be compared; the message is the reason."""


@dataclass(frozen=True)
class Fingerprint:
    """The identity of a page: status, header `Server`, and the SHA-256 of the body."""

    status: int
    server: str
    body: str

    @classmethod
    def of(cls, status: int, server: str, body: bytes) -> Self:
        """Return the fingerprint of a response."""
        return cls(status, server, hashlib.sha256(body).hexdigest())

    @property
    def failed(self) -> bool:
        """Whether a server or a load balancer has failed."""
        return self.status >= 500

    def __str__(self) -> str:
        return f"status {self.status}, server {self.server or '-'}, body {self.body[:8]}"


class Watch(Protocol):
    """The requests of a page during a step.

    `requests` and `failed` are the numbers of all requests and of the failed ones. `first_new` is
    the time of the first new page, in seconds since the start; None before it.
    """

    requests: int
    failed: int
    first_new: float | None

    def wait_for_new(self, seconds: float) -> None:
        """Wait until the first new page, at most for some seconds."""
        ...


def stable(fetch: Callable[[str], Fingerprint], url: str) -> Fingerprint:
    """Return the fingerprint of a page that is equal in two requests.

    Raises:
        PageError: the page cannot be fetched, or it changes.

    """
    first, second = fetch(url), fetch(url)
    if first != second:
        raise PageError("the page differs between two requests")
    if first.failed:
        raise PageError(f"the page has the status {first.status}")
    return first


class Pages:
    """Fetches pages. `proxy` is the URL of an HTTP proxy, by default that of the environment."""

    def __init__(self, proxy: str = "", transport: httpx.BaseTransport | None = None) -> None:
        # The pages are only compared with each other and the requests contain no credentials, so a
        # certificate for another name than that of the load balancer is accepted.
        self._http = httpx.Client(
            proxy=proxy or None,
            transport=transport,
            timeout=_TIMEOUT,
            verify=False,  # noqa: S501 # nosec B501
            headers={"User-Agent": "devops-acceptance", "Connection": "close"},
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def fetch(self, url: str) -> Fingerprint:
        """Return the fingerprint of a page; redirections are not followed.

        Raises:
            PageError: there was no response.

        """
        try:
            with self._http.stream("GET", url) as response:
                body = b""
                for part in response.iter_bytes():
                    body += part
                    if len(body) > _LONGEST:
                        break
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = str(error) or type(error).__name__
            raise PageError(f"the page is not accessible from here: {reason}") from error
        return Fingerprint.of(
            response.status_code, response.headers.get("server", ""), body[:_LONGEST]
        )

    @contextmanager
    def watched(self, url: str, is_new: Callable[[Fingerprint], bool]) -> Iterator[Watch]:
        """Fetch a page repeatedly in a thread until the end of the context."""
        watcher = _Watcher(lambda: self.fetch(url), is_new)
        thread = threading.Thread(target=watcher.run, daemon=True)
        thread.start()
        try:
            yield watcher
        finally:
            watcher.stop()
            thread.join(_TIMEOUT)


class _Watcher:
    """Fetches a page until it is stopped; implements `Watch`."""

    def __init__(
        self, fetch: Callable[[], Fingerprint], is_new: Callable[[Fingerprint], bool]
    ) -> None:
        self.requests = self.failed = 0
        self.first_new: float | None = None
        self._fetch, self._is_new = fetch, is_new
        self._started = time.monotonic()
        self._seen, self._stopped = threading.Event(), threading.Event()

    def run(self) -> None:
        while not self._stopped.is_set():
            self._request()
            self._stopped.wait(INTERVAL)

    def stop(self) -> None:
        self._stopped.set()

    def wait_for_new(self, seconds: float) -> None:
        """Wait until the first new page, at most for some seconds."""
        self._seen.wait(seconds)

    def _request(self) -> None:
        try:
            page = self._fetch()
        except PageError:
            page = None
        self.requests += 1
        if page is None or page.failed:
            self.failed += 1
        elif self.first_new is None and self._is_new(page):
            self.first_new = time.monotonic() - self._started
            self._seen.set()
