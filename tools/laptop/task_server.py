"""The program that replaces a container: it returns its identity over HTTP.

Usage: `python task_server.py ADDRESS PORT`, with IMAGE, VERSION, APPLICATION, ENVIRONMENT and
BEHAVIOUR ("", "crash", "unhealthy" or "errors=5") in the environment. `GET /` returns application,
environment, version and image. Every other path returns the same, with 503 if the image is
unhealthy, so that any health check path works. With "errors=5", five percent of the requests for
`/` fail with 500, evenly distributed; those of the health checks do not. `?seconds=0.5` delays the
response by half a second. `?variable=LEVEL` adds the value of a variable to the response, null
without the variable. After SIGTERM the program completes the requests in flight and ends. It also
ends when its standard input closes, because then its parent process has ended. COMMAND has the
words of the container's command, as JSON: `exit 3` ends the task with this status, and other
commands have no effect.
"""

from __future__ import annotations

import itertools
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

_HEALTH_CHECK = "ELB-HealthChecker"  # the start of the User-Agent of health checks


class TaskServer(ThreadingHTTPServer):
    """An HTTP server with a graceful stop."""

    daemon_threads = False  # so that server_close() waits for the requests in flight
    request_queue_size = 128

    def __init__(
        self,
        address: str,
        port: int,
        *,
        identity: dict[str, str],
        healthy: bool,
        error_percent: int = 0,
    ) -> None:
        super().__init__((address, port), TaskHandler)
        self.identity = identity
        self.healthy = healthy
        self.error_percent = error_percent
        self._requests = itertools.count(1)
        self.stopping = False
        self._open: set[socket.socket] = set()

    def server_bind(self) -> None:
        """Bind without the reverse DNS lookup of HTTPServer, which can take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def fails(self) -> bool:
        """Count a request and return whether it fails."""
        percent, number = self.error_percent, next(self._requests)
        return number * percent // 100 > (number - 1) * percent // 100

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
        """Return 200, 503 for an unhealthy image on any path except `/`, or 500 for an error."""
        query = parse_qs(urlsplit(self.path).query)
        threading.Event().wait(float(query.get("seconds", ["0"])[0]))
        body = self._body(query.get("variable", []))
        self.send_response(self._status())
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.server.stopping:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _status(self) -> int:
        if not self.server.healthy and self.path != "/":
            return 503
        is_check = self.headers.get("User-Agent", "").startswith(_HEALTH_CHECK)
        is_page = urlsplit(self.path).path == "/" and not is_check
        return 500 if is_page and self.server.fails() else 200

    def _body(self, variables: list[str]) -> bytes:
        """Return the identity of the task, with the values of the named variables."""
        body: dict[str, Any] = dict(self.server.identity)
        if variables:
            body["variables"] = {name: os.environ.get(name) for name in variables}
        return json.dumps(body).encode()

    do_HEAD = do_GET  # noqa: N815 - names of http.server

    def do_POST(self) -> None:
        """Read the body, so that the next request on the connection is readable, and respond."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.do_GET()

    do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815 - names of http.server

    def log_message(self, *_: object) -> None:
        """Print no line per request; the log of a task contains only its start and end."""


def identity() -> dict[str, str]:
    """Return the body of `GET /`: application, environment (or slot), version, image."""
    names = ("application", "environment", "version", "image")
    return {name: os.environ.get(name.upper(), "") for name in names}


def error_percent(behaviour: str) -> int:
    """Return the percentage of failing requests of a behaviour such as "errors=5"."""
    name, _, percent = behaviour.partition("=")
    return int(percent) if name == "errors" else 0


def exit_status(command: list[str]) -> int | None:
    """Return the status with which a command ends the task; None if the task continues."""
    words = " ".join(command).split()
    return int(words[1]) if len(words) == 2 and words[0] == "exit" else None


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
    status = exit_status(json.loads(os.environ.get("COMMAND", "[]")))
    if status is not None:
        print(f"fatal: the command ends with status {status}", flush=True)
        return status
    server = TaskServer(
        address,
        port,
        identity=task,
        healthy=behaviour != "unhealthy",
        error_percent=error_percent(behaviour),
    )
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
