"""Requests over real HTTP to a server of the test."""

from __future__ import annotations

import gc
import itertools
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from devops_core.adapters.web import HttpConnection, HttpWeb
from devops_core.errors import UnreachableError
from tests.lab.dripping import dripping


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


# The time-out of these tests, and a time that no test exceeds on a busy machine.
SHORT, LONG = 0.3, 30.0


@pytest.mark.parametrize(
    ("scheme", "start", "part"),
    [
        ("http", b"", b"H"),  # the status line
        ("http", b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),  # a header
        ("http", b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),  # many headers
        ("http", b"", b"HTTP/1.1 100 Continue\r\n\r\n"),  # many interim responses
        ("https", b"\x16\x03\x03\x40\x00", b"\x00"),  # the handshake of TLS
    ],
)
def test_a_server_that_drips_its_response_is_unreachable_after_the_time_out(
    scheme: str, start: bytes, part: bytes
) -> None:
    with dripping(start, itertools.repeat(part)) as port:
        finished = threading.Event()

        def get() -> None:
            with pytest.raises(UnreachableError, match=r"no response: .*timed out"):
                HttpWeb(timeout=SHORT).get(f"{scheme}://127.0.0.1:{port}/")
            finished.set()

        # A thread, so that the test fails instead of waiting without end.
        thread = threading.Thread(target=get, daemon=True)
        thread.start()
        assert finished.wait(LONG)


def test_a_connection_that_opens_at_the_end_of_the_time_out_is_closed() -> None:
    """Python reports an open connection as a warning when it removes the object."""
    times = iter([0.0, 0.5, 2.0])
    with dripping(b"", ()) as port:
        connection = HttpConnection("127.0.0.1", port, timeout=1.0, clock=times.__next__)
        with pytest.raises(TimeoutError, match="timed out"):
            connection.connect()
        del connection
        gc.collect()
    assert not list(times)


@pytest.mark.parametrize(
    "response", [b"no HTTP\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 101]
)
def test_an_invalid_response_is_no_response(response: bytes) -> None:
    with (
        dripping(response, itertools.repeat(b"x")) as port,
        pytest.raises(UnreachableError, match="no response: "),
    ):
        HttpWeb(timeout=LONG).get(f"http://127.0.0.1:{port}/")


def test_a_slow_response_within_the_time_out_has_its_status() -> None:
    response = b"HTTP/1.1 204 No Content\r\n\r\n"
    with dripping(b"", [response[:12], response[12:]]) as port:
        assert HttpWeb(timeout=LONG).get(f"http://127.0.0.1:{port}/") == 204


def test_a_body_is_not_read() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"
    with dripping(head, itertools.repeat(b"x")) as port:
        assert HttpWeb(timeout=LONG).get(f"http://127.0.0.1:{port}/") == 200


@pytest.mark.parametrize("url", ["file:///etc/hostname", "/page", "ftp://127.0.0.1/", ""])
def test_only_http_urls_are_requested(url: str) -> None:
    with pytest.raises(UnreachableError, match="is not an HTTP URL"):
        HttpWeb().get(url)
