"""A server that responds with given bytes, also with bytes that are not HTTP."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_PATIENCE = 10.0  # seconds for a request of the same machine


@contextmanager
def raw_server(
    respond: Callable[[], bytes], wrap: Callable[[socket.socket], socket.socket] = lambda each: each
) -> Iterator[int]:
    """A server that closes each connection after the bytes that `respond` returns; yields its port.

    `wrap` changes each accepted connection, for example to TLS.
    """

    def serve(connection: socket.socket) -> None:
        connection.settimeout(_PATIENCE)
        # The client can close the connection at any time.
        with connection, suppress(OSError), wrap(connection) as stream:
            _read_request(stream)
            stream.sendall(respond())

    with accepting(serve) as port:
        yield port


@contextmanager
def accepting(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Pass each connection to a function, one after the other; yields the port."""

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:  # the end of the test
                return
            serve(connection)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def _read_request(connection: socket.socket) -> None:
    """Read a request with its body; closing a connection with unread bytes would reset it."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _some(connection)
    headers, _, body = received.partition(b"\r\n\r\n")
    length = 0
    for line in headers.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        length = int(value) if name == b"content-length" else length
    while len(body) < length:
        body += _some(connection)


def _some(connection: socket.socket) -> bytes:
    part = connection.recv(65536)
    if not part:
        raise ConnectionError("the client has closed the connection")
    return part
