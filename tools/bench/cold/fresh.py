"""Runs one call in a new process and returns its cost."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PROGRAM = Path(__file__).with_name("process.py")


class ProcessError(Exception):
    """The process failed; the message is its output."""


@dataclass(frozen=True, slots=True)
class Cost:
    """User and system CPU in ms, the peak of resident memory in MiB, and the response.

    `cpu` is the CPU of the whole process. `answered` is the CPU until the response, because Lambda
    keeps a process for the next call. `modules` maps loaded modules to files; it may be empty.
    """

    cpu: float
    answered: float
    peak: float
    response: Any
    modules: Mapping[str, str]


def run(
    python: str, module: str, event: Mapping[str, Any], environment: Mapping[str, str], *more: str
) -> Cost:
    """Start an interpreter, call `handle` of a module with an event, and wait for its end."""
    process = subprocess.Popen(  # noqa: S603 - our own program
        # Without site, because its start-up hooks belong to this machine and not to Lambda.
        [python, "-S", "-P", str(_PROGRAM), module, "handle", *more],
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stdin  # noqa: S101 - opened as pipes above
    assert process.stderr  # noqa: S101 - likewise
    with process.stdin as stdin, process.stderr as stderr:
        stdin.write(json.dumps(event).encode())
        stdin.close()
        printed = stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise ProcessError(printed)
    result = json.loads(printed.splitlines()[-1])
    cpu = (usage.ru_utime + usage.ru_stime) * 1000
    peak, modules = result["peak"] / 1024, result.get("modules", {})
    return Cost(cpu, result["cpu"], peak, result["response"], modules)
