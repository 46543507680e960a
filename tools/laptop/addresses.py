"""Loopback addresses for tasks: every task has its own 127.x.y.z, as it has its own ENI on AWS."""

from __future__ import annotations

import errno
import socket
import threading

PRIVILEGED = 1024  # ports below need a privilege that a developer usually lacks
SHIFT = 20_000  # added to a privileged port that may not be bound


class Addresses:
    """Hands out 127.x.y.1 to 127.x.y.254, x.y being the two bytes of the emulator's port.

    Only one process can hold a port, so two laptop clouds never share an address.
    """

    def __init__(self, emulator_port: int) -> None:
        self._prefix = f"127.{emulator_port >> 8}.{emulator_port & 0xFF}"
        self._used: set[int] = set()
        self._last = 0
        self._lock = threading.Lock()

    def acquire(self) -> str:
        """Return a free address, the one released longest ago first.

        Raises:
            RuntimeError: 254 tasks are running.

        """
        with self._lock:
            for step in range(1, 255):
                host = (self._last + step - 1) % 254 + 1
                if host not in self._used:
                    self._used.add(host)
                    self._last = host
                    return f"{self._prefix}.{host}"
        raise RuntimeError("all 254 task addresses of this laptop cloud are in use")

    def release(self, address: str) -> None:
        """Give an address back; one that is not in use is ignored."""
        with self._lock:
            self._used.discard(int(address.rsplit(".", 1)[1]))


def bindable_port(address: str, port: int) -> int:
    """Return `port`, or the shifted one where this user may not listen on it."""
    if port >= PRIVILEGED:
        return port
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the task itself: connections of who had the address before may still be in TIME_WAIT.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EPERM):
                return port + SHIFT
            raise
    return port
