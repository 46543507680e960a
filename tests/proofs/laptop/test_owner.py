"""A laptop cloud of a test or of the demonstration ends with the process that started it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tools.laptop import processes
from tools.laptop.client import until
from tools.laptop.cloud import ROOT, running

_OWNER = """
import sys
from pathlib import Path
from tools.laptop.cloud import started
with started(Path(sys.argv[1])):
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_remains_after_its_owner_ended(tmp_path: Path, end: signal.Signals) -> None:
    command = [sys.executable, "-c", _OWNER, str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(  # noqa: S603 - the program above
        command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL
    ) as owner:
        assert owner.stdout
        assert owner.stdout.readline() == b"ready\n"
        assert processes.started_by(tmp_path)
        owner.send_signal(end)
    assert until(lambda: not processes.started_by(tmp_path))
    assert running(tmp_path) is None
