"""The recipe for curl pauses between two calls as the service requests."""

from __future__ import annotations

import os
import subprocess
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from tests.lab.templates import ROOT
from tools.bench.serving import serving

RECIPE = ROOT / "docs" / "ci" / "deploy.sh"
PAUSES = ("7", "2")


class Handler(BaseHTTPRequestHandler):
    """Responds with 202 and the next pause, after the last one with 200."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        pause = next(self.server.pauses, None)  # type: ignore[attr-defined]
        self.send_response(202 if pause else 200)
        if pause:
            self.send_header("retry-after", pause)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def test_the_recipe_pauses_as_the_service_requests(tmp_path: Path) -> None:
    sleep, slept = tmp_path / "sleep", tmp_path / "slept"
    sleep.write_text(f'#!/bin/sh\necho "$1" >> {slept}\n')
    sleep.chmod(0o755)
    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.pauses = iter(PAUSES)  # type: ignore[attr-defined]
    with serving(server):
        environment = {
            "API_URL": f"http://127.0.0.1:{server.server_port}",
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "BUILD_ID": "1",
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "no_proxy": "*",
        }
        done = subprocess.run(  # noqa: S603 - our own recipe
            [str(RECIPE), "Shop", "dev", "1.0"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    assert slept.read_text().split() == [*PAUSES]
