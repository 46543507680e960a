"""Serves the fake account over HTTP, as AWS_ENDPOINT_URL of the measured processes."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tools.bench.calls.call import parse_call
from tools.bench.cold.account import Account


class Server(ThreadingHTTPServer):
    """Serves an account, one call at a time."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, account: Account) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.account = account
        self.turn = threading.Lock()

    @property
    def url(self) -> str:
        """The URL of the server."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        call = parse_call(self.command, self.path, dict(self.headers.items()), body)
        with self.server.turn:
            status, kind, content = self.server.account.respond(call.operation, call.body)
        self.send_response_only(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_HEAD = do_POST = serve  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """Print nothing."""
