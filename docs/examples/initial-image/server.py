"""A web server that returns 200 for each path, on the port in the variable PORT.

It is the program of an example of the first image (`repouri` in parameters.yml), which all services
of a new application run until their first deploy. ECS stops a task with SIGTERM; the server then
completes the open requests and ends.
"""

from __future__ import annotations

import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer

# Seconds. It ends a connection without requests, so that a stop does not wait for it.
_IDLE = 5


class Handler(BaseHTTPRequestHandler):
    """Returns the same text for each request."""

    protocol_version = "HTTP/1.1"
    timeout = _IDLE

    def do_GET(self) -> None:
        """Return 200 with a text that names the application and the environment."""
        names = (os.environ.get(name, "-") for name in ("APPLICATION", "ENVIRONMENT"))
        body = f"first image: {' '.join(names)}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - the name in http.server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in http.server
        """Write no line for a request: load balancers send a health check every few seconds."""


class Server(ThreadingHTTPServer):
    """A server whose end waits for the open requests."""

    daemon_threads = False

    def server_bind(self) -> None:
        """Bind without the DNS lookup of HTTPServer, which can take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    server = Server(("", int(os.environ.get("PORT", "80"))), Handler)
    for number in (signal.SIGTERM, signal.SIGINT):
        # `shutdown` waits for `serve_forever`, so another thread calls it.
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"listening on port {server.server_port}", flush=True)
    with server:
        server.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()
