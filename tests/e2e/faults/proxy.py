"""A reverse proxy between the Lambda functions and the emulator that breaks chosen calls."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from tests.e2e.faults.calls import Call, call_of

TIMEOUT = 30.0  # seconds for the emulator to answer
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


class Moment(Enum):
    """When a call is struck: before it takes effect, or after it, so that its answer is lost."""

    BEFORE = "before"
    AFTER = "after"


@dataclass
class Fault:
    """Strikes one call, in all its tries.

    The call is the `number`th one of an operation whose body has all the `words`. `strike` gets
    the local port of the client's connection while the call hangs; the connection is cut when it
    returns. `struck` counts the tries that were struck.
    """

    operation: str
    words: tuple[str, ...]
    moment: Moment
    number: int = 1
    strike: Callable[[int], None] = lambda _: None
    struck: int = 0
    _seen: list[str] = field(default_factory=list)

    def hits(self, call: Call) -> bool:
        """Tell whether this is a try of the call to be struck; to be asked once for each try."""
        if call.operation != self.operation or any(word not in call.body for word in self.words):
            return False
        if call.invocation not in self._seen:
            self._seen.append(call.invocation)
        return self._seen.index(call.invocation) + 1 == self.number


class Proxy(ThreadingHTTPServer):
    """Passes on everything; `faults` may be added at any time, `calls` counts by operation."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.endpoint = ""  # of the emulator, which must know the proxy's address when it starts
        self.faults: list[Fault] = []
        self.calls: Counter[str] = Counter()
        self._turn = threading.Lock()

    @property
    def url(self) -> str:
        """Where the Lambda functions call AWS."""
        return f"http://127.0.0.1:{self.server_port}"

    def meet(self, call: Call) -> Fault | None:
        """Count a call; return the fault that strikes it, if one does."""
        with self._turn:
            self.calls[call.operation] += 1
            hits = [fault for fault in self.faults if fault.hits(call)]
        return hits[0] if hits else None

    def handle_error(self, *_: Any) -> None:
        """Say nothing when a client is gone: clients are killed here."""


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
        """Pass a request on and its answer back, unless a fault strikes it."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        call = call_of(self.command, self.path, dict(self.headers.items()), body)
        fault = self.server.meet(call)
        if fault and fault.moment is Moment.BEFORE:
            return self._struck(fault)
        try:
            status, headers, content = self._ask(body)
        except (OSError, http.client.HTTPException):
            return self._cut()
        if fault:
            return self._struck(fault)
        return self._answer(status, headers, content)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = forward  # noqa: N815 - http.server's names

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
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

    def _struck(self, fault: Fault) -> None:
        fault.strike(self.client_address[1])
        fault.struck += 1
        self._cut()

    def _cut(self) -> None:
        """Reset the connection: what a client sees of a machine that is gone."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def proxy() -> Iterator[Proxy]:
    """Run a proxy; the caller says where the emulator is as soon as it runs."""
    server = Proxy()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
