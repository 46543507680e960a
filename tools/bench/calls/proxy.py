"""A reverse proxy between the Lambda functions and AWS that notes every call, and may slow it."""

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

from tools.bench.calls.call import Call, call_of

TIMEOUT = 30.0  # seconds for the emulator to answer
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})

RelayedResponse = tuple[int, list[tuple[str, str]], bytes]


class Handler(BaseHTTPRequestHandler):
    """One connection of a client, and one to the emulator for as long as it lasts."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Proxy

    def setup(self) -> None:
        """Open nothing yet: the emulator may be restarting."""
        super().setup()
        self._upstream: http.client.HTTPConnection | None = None

    def finish(self) -> None:
        """Close both sides."""
        super().finish()
        if self._upstream:
            self._upstream.close()

    def forward(self) -> None:
        """Pass a request on and its answer back; note the call before the client has the answer."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        call = call_of(self.command, self.path, dict(self.headers.items()), body)
        began = time.monotonic()
        answer = self.relay(call, body)
        self.server.calls.append(replace(call, began=began, ended=time.monotonic()))
        if answer is None:
            self._cut()
        else:
            self._answer(*answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = forward  # noqa: N815 - http.server's names

    def relay(self, call: Call, body: bytes) -> RelayedResponse | None:
        """Bring a request to the emulator and return its answer; None cuts the connection."""
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
        answer = self._upstream.getresponse()
        return answer.status, answer.getheaders(), answer.read()

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _cut(self) -> None:
        """Reset the connection: what a client sees of a machine that is gone."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


class Proxy(ThreadingHTTPServer):
    """Passes on everything; `calls` are those that have ended, `delay` is seconds for each."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, handler: type[Handler] = Handler) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.endpoint = ""  # of the emulator, which must know the proxy's address when it starts
        self.delay = 0.0
        self.calls: list[Call] = []

    @property
    def url(self) -> str:
        """Where the Lambda functions call AWS."""
        return f"http://127.0.0.1:{self.server_port}"

    @contextmanager
    def noted(self, delay: float) -> Iterator[list[Call]]:
        """Delay each call of a `with` block; the list has them, the earliest first, at its end."""
        start, calls = len(self.calls), list[Call]()
        self.delay = delay
        try:
            yield calls
        finally:
            self.delay = 0.0
            calls += sorted(self.calls[start:], key=lambda call: call.began)

    def handle_error(self, *_: Any) -> None:
        """Say nothing when a client is gone: clients are killed by tests."""
