"""Shell completion of names and environments, with the real program and a local server."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from devops_cli import completion
from devops_cli.clock import SystemClock
from devops_cli.main import app
from devops_cli.runtime import Runtime, console
from tests.lab.dripping import dripping
from tests.lab.prepared_service import Source

PAGES = {
    "/dev/stacks?limit=100": (["Shop", "Basket"], "t"),
    "/dev/stacks?limit=100&nextToken=t": (["Shelf"], None),
}


class Pages(BaseHTTPRequestHandler):
    """A service with two pages of applications."""

    def do_GET(self) -> None:
        names, token = PAGES[self.path]
        environments = [{"environment": "DEV", "status": "ACTIVE", "url": "http://x"}]
        stacks = [{"applicationName": name, "environments": environments} for name in names]
        body = json.dumps({"stacks": stacks, "nextToken": token}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def serving() -> Iterator[str]:
    """Serve the pages; yield the address of the service."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/dev"
        finally:
            server.shutdown()
            thread.join()


def offers(typed: str, environment: Mapping[str, str]) -> list[str]:
    """Return the sorted offers; repeat the completion if the machine is slower than the limit."""
    results = (complete(typed, environment) for _ in range(5))
    found = next((each.stdout.split() for each in results if each.stdout.strip()), [])
    return sorted(found)


def complete(typed: str, environment: Mapping[str, str]) -> Result:
    """Complete a command line as fish does."""
    environment = {"AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nowhere"} | dict(environment)
    out = console(environment, terminal=False)
    runtime = Runtime(environment, out, out, SystemClock(), credentials=lambda _: Source(None))
    shell = {
        "_DEVOPS_COMPLETE": "complete_fish",
        "_TYPER_COMPLETE_ARGS": typed,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    return CliRunner(env=shell).invoke(app, prog_name="devops", obj=runtime)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("devops status ", ["Basket", "Shelf", "Shop"]),
        ("devops deploy Sh", ["Shelf", "Shop"]),
        ("devops events --since 2h S", ["Shelf", "Shop"]),
    ],
)
def test_names_of_applications_are_completed(typed: str, offered: list[str]) -> None:
    with serving() as address:
        assert offers(typed, {"DEVOPS_API": address}) == offered


@pytest.mark.parametrize("typed", ["devops abort b", "devops create S"])
def test_other_names_are_not_completed(typed: str) -> None:
    with serving() as address:
        assert complete(typed, {"DEVOPS_API": address}).stdout.split() == []


def test_the_connection_options_select_the_service(tmp_path: Path) -> None:
    file = tmp_path / "config"
    with serving() as address:
        file.write_text(f"[test]\napi = {address}\n")
        environment = {"DEVOPS_CONFIG": str(file)}
        assert complete("devops swap Ba", environment).stdout.split() == []
        assert offers("devops swap --profile test Ba", environment) == ["Basket"]
        assert offers(f"devops swap --api {address} Ba", {}) == ["Basket"]


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"DEVOPS_API": "http://127.0.0.1:1/dev"},
        {"DEVOPS_API": "not a URL"},
        {"DEVOPS_API": "https://x.execute-api.eu-west-1.amazonaws.com/dev", "AWS_PROFILE": "none"},
    ],
)
def test_errors_complete_nothing_and_print_nothing(environment: dict[str, str]) -> None:
    started = time.monotonic()
    result = complete("devops status ", environment)
    assert (result.stdout.split(), result.stderr, result.exit_code) == ([], "", 0)
    assert time.monotonic() - started < completion.LIMIT + 5


def test_a_slow_service_ends_the_completion() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
    with dripping(head, iter(lambda: b" ", b"")) as port:
        started = time.monotonic()
        result = complete("devops status ", {"DEVOPS_API": f"http://127.0.0.1:{port}/dev"})
        assert (result.stdout.split(), result.stderr) == ([], "")
        assert time.monotonic() - started < completion.LIMIT + 5


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("devops deploy Shop --env s", ["stage"]),
        ("devops deploy Shop --env dev,", ["dev,qa", "dev,stage", "dev,training", "dev,da"]),
        ("devops create Shop --env dev,da,q", ["dev,da,qa"]),
        ("devops promote Shop --from q", ["qa"]),
        ("devops ls --env prod", ["prod-blue", "prod-green"]),
    ],
)
def test_environments_are_completed(typed: str, offered: list[str]) -> None:
    assert complete(typed, {}).stdout.split() == offered
