"""Starts the processes that are measured, and communicates with them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_PROGRAM = Path(__file__).with_name("process.py")


class WorkerError(Exception):
    """A measured process has failed; the message contains its output."""


class Worker:
    """A process that calls one function; the first call includes its start and its imports."""

    def __init__(self, python: Path, environment: Mapping[str, str], *function: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own program, no shell
            [str(python), str(_PROGRAM), *function],
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def call(self, *arguments: Any) -> Any:
        """Call the function in the process and return its result."""
        try:
            print(json.dumps(arguments), file=self._process.stdin, flush=True)
            return json.loads(self._process.stdout.readline() if self._process.stdout else "")
        except (OSError, ValueError) as error:
            raise WorkerError(self._process.communicate()[1]) from error

    def end(self) -> None:
        """Close the input of the process and wait for its end."""
        self._process.communicate()


def run(environment: Mapping[str, str], *command: str) -> str:
    """Run a command line tool and return its output."""
    done = subprocess.run(  # noqa: S603 - a tool of requirements.txt, no shell
        command, env=dict(environment), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise WorkerError(f"{' '.join(command)}: {done.stderr or done.stdout}")
    return done.stdout
