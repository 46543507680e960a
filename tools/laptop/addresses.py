"""Loopback addresses for tasks: every task has its own 127.x.y.z, like its own ENI on AWS."""

from __future__ import annotations

import errno
import socket
import threading

PRIVILEGED = 1024  # lower ports need a privilege that a developer usually does not have
SHIFT = 20_000  # added to a privileged port that the user cannot bind


class Addresses:
    """Assigns 127.x.y.1 to 127.x.y.254, where x and y are the two bytes of the emulator's port.

    Only one process can bind a port, so two laptop clouds never share an address.
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
        """Release an address; an address that is not in use is ignored."""
        with self._lock:
            self._used.discard(int(address.rsplit(".", 1)[1]))


def bindable_port(address: str, port: int) -> int:
    """Return `port`, or the shifted port if this user is not allowed to bind it."""
    if port >= PRIVILEGED:
        return port
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Like the task program: connections of the previous task with this address may still be in
        # the state TIME_WAIT.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EPERM):
                return port + SHIFT
            raise
    return port
