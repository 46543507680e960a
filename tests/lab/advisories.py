"""Stand-ins for the services that know of vulnerable packages."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tools.bench.serving import serving

Advisories = Mapping[str, Any]


class Service(ThreadingHTTPServer):
    """OSV and npm's registry in one; both know the advisories by the package's name.

    With another `status` than 200 it answers nothing but that. `asked` are the packages that it was
    asked about, with their versions.
    """

    def __init__(self, advisories: Advisories, status: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.advisories, self.status = advisories, status
        self.asked: dict[str, Any] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def service(advisories: Advisories | None = None, status: int = 200) -> Iterator[Service]:
    with serving(Service(advisories or {}, status)) as running:
        yield running


class _Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        question = json.loads(body)
        if "package" in question:
            name = question["package"]["name"]
            self.server.asked[name] = question["version"]
            known = self.server.advisories.get(name)
            self.answer({"vulns": [known]} if known else {})
        else:
            self.server.asked |= question
            self.answer({n: [a] for n, a in self.server.advisories.items() if n in question})

    def do_GET(self) -> None:
        """npm asks for the versions of a vulnerable package, to say which ones are sound."""
        name = self.path.strip("/")
        self.answer(
            {"name": name, "versions": {v: {"version": v} for v in self.server.asked[name]}}
        )

    def answer(self, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is given
        """Say nothing."""
