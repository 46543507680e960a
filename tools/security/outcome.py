"""Runs a tool, and represents its outcome."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

# The programs of the current virtual environment.
BIN = Path(sys.executable).parent
# Seconds; the slowest tool takes thirty on an idle laptop.
_TIMEOUT = 600


class Status(StrEnum):
    """The status of a check; UNAVAILABLE means that its online service did not respond."""

    PASSED = "passed"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True)
class Outcome:
    """The status of a check, and a line of text for each finding."""

    status: Status
    lines: tuple[str, ...] = ()

    @classmethod
    def of(cls, findings: Sequence[str]) -> Outcome:
        """Return PASSED without findings, FAILED with them."""
        return cls(Status.FAILED if findings else Status.PASSED, tuple(findings))


def run(
    command: Sequence[str | Path], folder: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a tool in a folder and wait for its end; its exit code is not checked."""
    return subprocess.run(  # noqa: S603 - fixed tools, no shell
        list(map(str, command)),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=_TIMEOUT,
    )


def from_exit_code(done: subprocess.CompletedProcess[str]) -> Outcome:
    """Return PASSED for the exit code 0; otherwise FAILED with the output of the tool."""
    if done.returncode == 0:
        return Outcome(Status.PASSED)
    return Outcome(Status.FAILED, tuple((done.stdout + done.stderr).strip().splitlines()))
