"""A server that sends its response slowly."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

PAUSE = 0.05  # seconds between two parts


@contextmanager
def dripping(start: bytes, rest: Iterable[bytes]) -> Iterator[int]:
    """A server that sends some bytes and then one more after each pause; yields its port.

    It never ends a response itself.
    """
    ended = threading.Event()

    def serve() -> None:
        try:
            connection, _ = listening.accept()
        except OSError:  # no client has connected
            return
        with connection:
            try:
                connection.sendall(start)
                for part in rest:
                    if ended.wait(PAUSE):
                        return
                    connection.sendall(part)
            except OSError:  # the client has closed the connection
                return

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            ended.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
