"""HTTP: requests for pages of an application, through its load balancer."""

from __future__ import annotations

import io
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any

from devops_core.errors import UnreachableError

# Seconds until a request fails, from the first connection attempt to the last header of the
# response. A function outside the VPC gets no response from an internal load balancer, and the swap
# waits for this time-out.
TIMEOUT = 3.0


class HttpWeb:
    """`ports.Web` over urllib, which botocore imports anyway; uses the environment's proxies.

    It does not follow redirects, because they can lead to any host. It does not read the body.
    """

    def __init__(self, timeout: float = TIMEOUT) -> None:
        self._timeout = timeout
        self._opener = urllib.request.build_opener(HttpHandler, HttpsHandler, _NoRedirects)

    def get(self, url: str) -> int:
        """Return the HTTP status of a page; UnreachableError without a response in time."""
        if not url.startswith(("http://", "https://")):
            raise UnreachableError(f"{url} is not an HTTP URL")
        try:
            with self._opener.open(url, timeout=self._timeout) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except (OSError, ValueError, HTTPException) as error:
            raise UnreachableError(f"no response: {getattr(error, 'reason', error)}") from error


class HttpConnection(HTTPConnection):
    """A connection for one request, whose time-out includes all addresses and all reads.

    The time-out of the base class applies to each address and to each read, so a server that sends
    one byte at a time could extend a request without a limit.
    """

    def __init__(
        self,
        host: str,
        port: int | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        **options: Any,
    ) -> None:
        super().__init__(host, port, **options)
        _limit(self, clock)


class _HttpsConnection(HTTPSConnection):
    def __init__(self, host: str, **options: Any) -> None:
        super().__init__(host, **options)
        _limit(self, time.monotonic)


class HttpHandler(urllib.request.HTTPHandler):
    """Opens `http` URLs with a total time-out."""

    def http_open(self, req: urllib.request.Request) -> HTTPResponse:
        """Send a request and return its response."""
        return self.do_open(HttpConnection, req)


class HttpsHandler(urllib.request.HTTPSHandler):
    """Opens `https` URLs with a total time-out."""

    def https_open(self, req: urllib.request.Request) -> HTTPResponse:
        """Send a request and return its response."""
        return self.do_open(_HttpsConnection, req)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Return the redirect itself as the response."""


def _limit(connection: Any, clock: Callable[[], float]) -> None:
    """Apply the time-out of a connection to the sum of its steps."""
    end = clock() + float(connection.timeout)

    def left() -> float:
        seconds = end - clock()
        if seconds <= 0:
            raise TimeoutError("timed out")
        return seconds

    def connect(address: tuple[str, int], *_: Any) -> socket.socket:
        error = OSError(f"{address[0]} has no address")
        for found in socket.getaddrinfo(*address, type=socket.SOCK_STREAM):
            try:
                connected = socket.create_connection((str(found[4][0]), address[1]), left())
            except OSError as refused:
                error = refused
                continue
            try:
                # Python applies this time-out to a TLS handshake as a whole.
                connected.settimeout(left())
            except TimeoutError:
                connected.close()
                raise
            return connected
        raise error

    def respond(sock: socket.socket, *arguments: Any, **options: Any) -> HTTPResponse:
        response = HTTPResponse(sock, *arguments, **options)
        response.fp = io.BufferedReader(_LimitedReads(sock, response.fp.detach(), left))
        return response

    connection._create_connection = connect  # HTTPConnection has no public hook
    connection.response_class = respond


class _LimitedReads(io.RawIOBase):
    """The bytes that a socket receives before the end of the time-out."""

    def __init__(self, sock: socket.socket, stream: Any, left: Callable[[], float]) -> None:
        self._sock, self._stream, self._left = sock, stream, left

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read bytes into a buffer and return their number."""
        self._sock.settimeout(self._left())
        received: int | None = self._stream.readinto(buffer)
        return received

    def close(self) -> None:
        """Release the socket."""
        self._stream.close()
        super().close()
