"""The script of the pipelines survives lost connections and overloaded servers."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.lab.dropping import DroppingProxy
from tests.lab.laptop.proxy import Moment
from tests.lab.templates import ROOT
from tools.bench.serving import serving

RECIPE = ROOT / "docs" / "ci" / "deploy.sh"


class Handler(BaseHTTPRequestHandler):
    """Starts one operation for each Idempotency-Key, and returns the next prepared status."""

    server: Service

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status, pause = next(self.server.answers)
        self.server.statuses.append(status)
        if status in (200, 202):
            self.server.operations.add(self.headers["Idempotency-Key"])
        self.send_response(status)
        if pause is not None:
            self.send_header("Retry-After", pause)
        content = json.dumps({"operations": len(self.server.operations)}).encode()
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


class Service(ThreadingHTTPServer):
    """A service; `operations` has the key of each operation, `statuses` each sent status."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: Iterator[tuple[int, str | None]] = iter(())
        self.operations: set[str] = set()
        self.statuses: list[int] = []


@pytest.fixture
def service() -> Iterator[Service]:
    with serving(Service()) as running:
        yield running


# The loop of a page for one call with curl.
_LOOP = re.compile(r"^```sh\n(until\n.*?)^```$", re.MULTILINE | re.DOTALL)


def deploy(
    port: int, folder: Path, command: Sequence[str] = (str(RECIPE), "Shop", "dev", "1.0")
) -> subprocess.CompletedProcess[str]:
    """Run the script, whose program `sleep` records its pauses in the file `slept`."""
    sleep = folder / "sleep"
    sleep.write_text(f'#!/bin/sh\necho "$1" >> {folder}/slept\n')
    sleep.chmod(0o755)
    return subprocess.run(  # noqa: S603 - our own recipe
        [*command],
        cwd=folder,
        env={
            "API_URL": f"http://127.0.0.1:{port}",
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "BUILD_ID": "1",
            "PATH": f"{folder}:{os.environ['PATH']}",
            "no_proxy": "*",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def pauses(folder: Path) -> list[str]:
    return (folder / "slept").read_text().split()


def test_the_script_pauses_as_the_service_requests(service: Service, tmp_path: Path) -> None:
    service.answers = iter([(202, "7"), (202, "2"), (202, None), (200, None)])
    done = deploy(service.server_port, tmp_path)
    assert done.returncode == 0, done.stderr
    assert pauses(tmp_path) == ["7", "2", "1"]


@pytest.mark.parametrize("moment", Moment)
def test_every_second_request_can_lose_its_connection(
    service: Service, tmp_path: Path, moment: Moment
) -> None:
    """After a lost response the service has already started or ended the operation."""
    accepted, ended = [(202, "1")] * 3, itertools.repeat((200, None))
    service.answers = itertools.chain(accepted, ended)
    with serving(DroppingProxy(f"http://127.0.0.1:{service.server_port}", moment)) as proxy:
        done = deploy(proxy.server_port, tmp_path)
    assert (done.returncode, done.stdout) == (0, '{"operations": 1}'), done.stderr
    assert len(service.operations) == 1
    assert proxy.dropped >= 2


@pytest.mark.parametrize("moment", Moment)
def test_the_documented_loop_survives_lost_connections(
    service: Service, tmp_path: Path, moment: Moment
) -> None:
    [loop] = _LOOP.findall((ROOT / "docs" / "operations.md").read_text())
    service.answers = itertools.chain([(202, "1")], itertools.repeat((200, None)))
    with serving(DroppingProxy(f"http://127.0.0.1:{service.server_port}", moment)) as proxy:
        done = deploy(proxy.server_port, tmp_path, ("bash", "-c", loop))
    assert (done.returncode, done.stdout) == (0, '{"operations": 1}'), done.stderr
    assert (len(service.operations), proxy.dropped) == (1, 2 if moment is Moment.BEFORE else 1)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_the_script_repeats_a_call_after_a_temporary_error(
    service: Service, tmp_path: Path, status: int
) -> None:
    """The pause of an earlier response does not count for a later one."""
    service.answers = iter([(status, "1"), (202, None), (status, "2"), (200, None)])
    done = deploy(service.server_port, tmp_path)
    assert done.returncode == 0, done.stderr
    assert service.statuses == [status, 202, status, 200]
    assert pauses(tmp_path) == ["1"]
    assert len(service.operations) == 1


@pytest.mark.parametrize("status", [400, 403, 409, 422, 424])
def test_the_script_does_not_repeat_a_call_after_a_refusal(
    service: Service, tmp_path: Path, status: int
) -> None:
    service.answers = iter([(status, None)])
    done = deploy(service.server_port, tmp_path)
    assert (done.returncode, service.statuses) == (1, [status])


def test_the_script_does_not_wait_longer_than_five_minutes(
    service: Service, tmp_path: Path
) -> None:
    service.answers = iter([(503, "301")])
    done = deploy(service.server_port, tmp_path)
    assert (done.returncode, service.statuses) == (1, [503])
