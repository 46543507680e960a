"""The program that replaces a container: it returns its identity over HTTP.

Usage: `python task_server.py ADDRESS PORT`, with IMAGE, VERSION, APPLICATION, ENVIRONMENT and
BEHAVIOUR ("", "crash" or "unhealthy") in the environment. `GET /` returns application, environment,
version and image, and the variable GREETING of a specification if it is set. Every other path
returns the same, with 503 if the image is unhealthy, so that any health check path works.
`?seconds=0.5` delays the response by half a second. After SIGTERM it completes the requests in
flight and ends. It also ends when its standard input closes, because then its parent process has
ended.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class TaskServer(ThreadingHTTPServer):
    """An HTTP server with a graceful stop."""

    daemon_threads = False  # so that server_close() waits for the requests in flight
    request_queue_size = 128

    def __init__(self, address: str, port: int, *, identity: dict[str, str], healthy: bool) -> None:
        super().__init__((address, port), TaskHandler)
        self.body = json.dumps(identity).encode()
        self.healthy = healthy
        self.stopping = False
        self._open: set[socket.socket] = set()

    def server_bind(self) -> None:
        """Bind without the reverse DNS lookup of HTTPServer, which can take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Record the connection, so that `stop` can close it if it is idle."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close the connection and remove its record."""
        self._open.discard(request)
        super().shutdown_request(request)

    def stop(self) -> None:
        """Accept no new connections, complete received requests, close idle connections."""
        self.stopping = True
        self.shutdown()
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RD)
            except OSError:  # already closed
                continue


class TaskHandler(BaseHTTPRequestHandler):
    """Returns the identity of the task for every request."""

    protocol_version = "HTTP/1.1"
    server: TaskServer

    def do_GET(self) -> None:
        """Return 200, or 503 for an unhealthy image on any path except `/`."""
        seconds = parse_qs(urlsplit(self.path).query).get("seconds", ["0"])
        threading.Event().wait(float(seconds[0]))
        unhealthy = not self.server.healthy and self.path != "/"
        self.send_response(503 if unhealthy else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.server.body)))
        if self.server.stopping:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(self.server.body)

    do_HEAD = do_GET  # noqa: N815 - names of http.server

    def do_POST(self) -> None:
        """Read the body, so that the next request on the connection is readable, and respond."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.do_GET()

    do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815 - names of http.server

    def log_message(self, *_: object) -> None:
        """Print no line per request; the log of a task contains only its start and end."""


def identity() -> dict[str, str]:
    """Return the body of `GET /`: application, environment (or slot), version, image, greeting."""
    names = ("application", "environment", "version", "image")
    greeting = {"greeting": text} if (text := os.environ.get("GREETING")) else {}
    return {name: os.environ.get(name.upper(), "") for name in names} | greeting


def exit_when_orphaned() -> None:
    """End the process when standard input closes, because the laptop cloud was killed.

    `os.read` holds no lock of `sys.stdin`: Python aborts at its end while a thread holds one.
    """
    while os.read(0, 1024):
        pass
    os._exit(1)


def main() -> int:
    """Serve until SIGTERM; return the exit status."""
    address, port = sys.argv[1], int(sys.argv[2])
    task, behaviour = identity(), os.environ.get("BEHAVIOUR", "")
    if behaviour == "crash":
        print(f"fatal: version {task['version']} cannot start", flush=True)
        return 1
    server = TaskServer(address, port, identity=task, healthy=behaviour != "unhealthy")
    threading.Thread(target=exit_when_orphaned, daemon=True).start()
    signal.signal(
        signal.SIGTERM, lambda *_: threading.Thread(target=server.stop, daemon=True).start()
    )
    print(f"listening on port {port}: {json.dumps(task)}", flush=True)
    server.serve_forever(poll_interval=0.02)
    server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
