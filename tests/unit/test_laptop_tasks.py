"""The program that replaces a container ends without traces of its own end in the task's log."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

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
