"""A reverse proxy between the Lambda functions and AWS that records and delays calls."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from tools.bench.calls.call import Call, parse_call

TIMEOUT = 30.0  # seconds for a response of the emulator
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})

RelayedResponse = tuple[int, list[tuple[str, str]], bytes]


class Handler(BaseHTTPRequestHandler):
    """One connection of a client, with one connection to the emulator."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Proxy

    def setup(self) -> None:
        """Set up without a connection to the emulator, which may be restarting."""
        super().setup()
        self._upstream: http.client.HTTPConnection | None = None

    def finish(self) -> None:
        """Close both connections."""
        super().finish()
        if self._upstream:
            self._upstream.close()

    def forward(self) -> None:
        """Relay a request and its response; record the call before the client has the response."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        call = parse_call(self.command, self.path, dict(self.headers.items()), body)
        began = time.monotonic()
        response = self.relay(call, body)
        self.server.calls.append(replace(call, began=began, ended=time.monotonic()))
        if response is None:
            self._cut()
        else:
            self._respond(*response)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = forward  # noqa: N815 - http.server's names

    def relay(self, call: Call, body: bytes) -> RelayedResponse | None:
        """Send a request to the emulator and return its response; None resets the connection."""
        del call
        if self.server.delay:
            threading.Event().wait(self.server.delay)
        try:
            return self._ask(body)
        except (OSError, http.client.HTTPException):
            return None

    def _ask(self, body: bytes) -> RelayedResponse:
        if self._upstream is None:
            netloc = urlsplit(self.server.endpoint).netloc
            self._upstream = http.client.HTTPConnection(netloc, timeout=TIMEOUT)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP_BY_HOP}
        self._upstream.request(self.command, self.path, body, headers)
        response = self._upstream.getresponse()
        return response.status, response.getheaders(), response.read()

    def _respond(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _cut(self) -> None:
        """Reset the connection, as after the failure of a machine."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


class Proxy(ThreadingHTTPServer):
    """The proxy; `calls` has the completed calls, `delay` is the delay of each call in seconds."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, handler: type[Handler] = Handler) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        # The URL of the emulator. It is set later, because the emulator needs the URL of the proxy
        # at its start.
        self.endpoint = ""
        self.delay = 0.0
        self.calls: list[Call] = []

    @property
    def url(self) -> str:
        """The URL of the proxy, which is the AWS endpoint of the Lambda functions."""
        return f"http://127.0.0.1:{self.server_port}"

    @contextmanager
    def recorded(self, delay: float) -> Iterator[list[Call]]:
        """Delay and record the calls during a `with` block.

        At the end of the block the list has the calls, ordered by their start.
        """
        start, calls = len(self.calls), list[Call]()
        self.delay = delay
        try:
            yield calls
        finally:
            self.delay = 0.0
            calls += sorted(self.calls[start:], key=lambda call: call.began)

    def handle_error(self, *_: Any) -> None:
        """Ignore lost connections, because tests kill clients."""
