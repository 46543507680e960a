"""What a tool has found, and how it is run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

# The programs of the environment that this runs in.
BIN = Path(sys.executable).parent
# Seconds; the slowest takes thirty on a laptop that does nothing else.
_TIMEOUT = 600


class Status(StrEnum):
    """How a check ended. What could not be asked is neither sound nor unsound."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_ASKED = "not asked"


@dataclass(frozen=True)
class Outcome:
    """How a check ended, and what a person must see of it, a line for each finding."""

    status: Status
    lines: tuple[str, ...] = ()

    @classmethod
    def of(cls, findings: Sequence[str]) -> Outcome:
        """Return PASSED without findings, FAILED with them."""
        return cls(Status.FAILED if findings else Status.PASSED, tuple(findings))


def run(
    command: Sequence[str | Path], folder: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a tool in a folder to its end, whatever its exit code says."""
    return subprocess.run(  # noqa: S603 - fixed tools, no shell
        list(map(str, command)),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=_TIMEOUT,
    )


def judged(done: subprocess.CompletedProcess[str]) -> Outcome:
    """Return what a tool's exit code says; a failure has all that it printed."""
    if done.returncode == 0:
        return Outcome(Status.PASSED)
    return Outcome(Status.FAILED, tuple((done.stdout + done.stderr).strip().splitlines()))
