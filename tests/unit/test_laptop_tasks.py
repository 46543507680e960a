"""The program that replaces a container ends without traces of its own end in the task's log."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from tools.bench.serving import serving
from tools.laptop import task_server


@pytest.mark.parametrize("behaviour", ["", "unhealthy"])
def test_task_that_is_stopped_exits_with_0_and_one_log_line(behaviour: str) -> None:
    command = [sys.executable, "-I", "-S", "-u", task_server.__file__, "127.0.0.1", "0"]
    pipe = subprocess.PIPE
    with subprocess.Popen(  # noqa: S603 - the program of this repository
        command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, env={"BEHAVIOUR": behaviour}
    ) as task:
        assert task.stdout
        assert task.stdout.readline().startswith(b"listening on port 0")
        task.send_signal(signal.SIGTERM)
        assert task.stdout.read() == b""
        assert task.wait() == 0


@pytest.mark.parametrize(
    ("words", "expected"),
    [(["exit", "3"], 3), (["exit 4"], 4), ([], None), (["serve", "--port", "80"], None)],
)
def test_only_the_command_exit_ends_a_task(words: list[str], expected: int | None) -> None:
    assert task_server.exit_status(words) == expected


def test_a_page_shows_the_variables_that_a_request_names() -> None:
    server = task_server.TaskServer("127.0.0.1", 0, identity={"version": "1.0"}, healthy=True)
    with serving(server):
        for query, expected in (
            ("?variable=PATH&variable=NONE", {"PATH": os.environ["PATH"], "NONE": None}),
            ("", None),
        ):
            url = f"http://127.0.0.1:{server.server_port}/{query}"
            with urllib.request.urlopen(url) as response:
                page = json.load(response)
            assert (page["version"], page.get("variables")) == ("1.0", expected)


@pytest.mark.parametrize(("behaviour", "percent"), [("errors=5", 5), ("unhealthy", 0), ("", 0)])
def test_a_behaviour_has_a_share_of_errors(behaviour: str, percent: int) -> None:
    assert task_server.error_percent(behaviour) == percent


def test_a_share_of_the_requests_fails_but_no_health_check() -> None:
    server = task_server.TaskServer("127.0.0.1", 0, identity={}, healthy=True, error_percent=30)

    def status(path: str, agent: str = "curl/8") -> int:
        url = f"http://127.0.0.1:{server.server_port}{path}"
        request = urllib.request.Request(url, headers={"User-Agent": agent})
        try:
            with urllib.request.urlopen(request) as response:  # noqa: S310 - http
                return int(response.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    with serving(server):
        pages = [status("/?variable=A") for _ in range(20)]
        others = {status("/health"), status("/", "ELB-HealthChecker/2.0")}
    assert (pages.count(500), pages.count(200)) == (6, 14)
    assert others == {200}
