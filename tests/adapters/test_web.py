"""Requests over real HTTP to a server of the test."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from devops_core.adapters.web import HttpWeb
from devops_core.errors import UnreachableError


class Pages(BaseHTTPRequestHandler):
    """Responds with the status in the path; 302 redirects, /hangs never responds."""

    asked: list[str]

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        if self.path == "/drops":
            return
        self.send_response(int(self.path.strip("/").partition("?")[0]))
        self.send_header("Location", "/200")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as running:
        running.asked = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.mark.parametrize("path", ["/200", "/200?a=b&c=%20", "/404", "/503", "/302"])
def test_a_page_has_its_status_and_redirects_are_not_followed(
    server: ThreadingHTTPServer, path: str
) -> None:
    status = HttpWeb().get(f"http://127.0.0.1:{server.server_port}{path}")
    assert status == int(path[1:4])
    assert server.asked == [path]  # type: ignore[attr-defined]


def test_a_server_without_a_response_is_unreachable(server: ThreadingHTTPServer) -> None:
    with pytest.raises(UnreachableError, match="no response: "):
        HttpWeb().get(f"http://127.0.0.1:{server.server_port}/drops")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(UnreachableError, match="refused"):
            HttpWeb().get(f"http://127.0.0.1:{closed.getsockname()[1]}/200")


@pytest.mark.parametrize("url", ["file:///etc/hostname", "/page", "ftp://127.0.0.1/", ""])
def test_only_http_urls_are_requested(url: str) -> None:
    with pytest.raises(UnreachableError, match="is not an HTTP URL"):
        HttpWeb().get(url)
