"""The program that stands in for a container: says over HTTP who it is.

Usage: `python task_server.py ADDRESS PORT`, with IMAGE, VERSION, APPLICATION, ENVIRONMENT and
BEHAVIOUR ("", "crash" or "unhealthy") in the environment. `GET /` answers who is running; every
other path answers the same, with 503 if the image is unhealthy, so that any health check path
works. `?seconds=0.5` makes it a page that takes half a second to make. SIGTERM stops it
gracefully: requests in flight are answered. It also ends when its standard input closes, which is
how it learns that whoever started it is gone.
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
    """An HTTP server that can be told to finish what it is doing and stop."""

    daemon_threads = False  # server_close() then waits for the requests in flight
    request_queue_size = 128

    def __init__(self, address: str, port: int, *, identity: dict[str, str], healthy: bool) -> None:
        super().__init__((address, port), TaskHandler)
        self.body = json.dumps(identity).encode()
        self.healthy = healthy
        self.stopping = False
        self._open: set[socket.socket] = set()

    def server_bind(self) -> None:
        """Bind without the reverse look-up of HTTPServer, which can take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, so that an idle one can be closed at the stop."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection and close it."""
        self._open.discard(request)
        super().shutdown_request(request)

    def stop(self) -> None:
        """Accept nothing new, answer what has arrived, close what is idle."""
        self.stopping = True
        self.shutdown()
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RD)
            except OSError:  # it is closed already
                continue


class TaskHandler(BaseHTTPRequestHandler):
    """Answers every request with the identity of the task."""

    protocol_version = "HTTP/1.1"
    server: TaskServer

    def do_GET(self) -> None:
        """Answer 200, or 503 for an unhealthy image on any path but `/`."""
        asked = parse_qs(urlsplit(self.path).query).get("seconds", ["0"])
        threading.Event().wait(float(asked[0]))
        sick = not self.server.healthy and self.path != "/"
        self.send_response(503 if sick else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.server.body)))
        if self.server.stopping:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(self.server.body)

    do_HEAD = do_GET  # noqa: N815 - the names that http.server calls

    def do_POST(self) -> None:
        """Read the body, which the next request on the connection needs gone, and answer."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.do_GET()

    do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815 - as above

    def log_message(self, *_: object) -> None:
        """Print nothing per request: the task's log is for what the task does."""


def identity() -> dict[str, str]:
    """Return what `GET /` answers: application, environment (or slot), version, image."""
    names = ("application", "environment", "version", "image")
    return {name: os.environ.get(name.upper(), "") for name in names}


def exit_when_orphaned() -> None:
    """End the process when standard input closes: the laptop cloud was killed."""
    sys.stdin.buffer.read()
    os._exit(1)


def main() -> int:
    """Serve until SIGTERM; return the exit status."""
    address, port = sys.argv[1], int(sys.argv[2])
    who, behaviour = identity(), os.environ.get("BEHAVIOUR", "")
    if behaviour == "crash":
        print(f"fatal: version {who['version']} cannot start", flush=True)
        return 1
    server = TaskServer(address, port, identity=who, healthy=behaviour != "unhealthy")
    threading.Thread(target=exit_when_orphaned, daemon=True).start()
    signal.signal(
        signal.SIGTERM, lambda *_: threading.Thread(target=server.stop, daemon=True).start()
    )
    print(f"listening on port {port}: {json.dumps(who)}", flush=True)
    server.serve_forever(poll_interval=0.02)
    server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
