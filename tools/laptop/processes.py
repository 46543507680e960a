"""Finds the processes of a laptop cloud by a marker variable in their environment."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from pathlib import Path

_PROC = Path("/proc")


def started_by(directory: Path) -> list[int]:
    """Return the pids of the launcher, Lambda workers and tasks of the laptop cloud in a directory.

    Without /proc (macOS) the list is empty; there the processes end when the pipe to their standard
    input closes.
    """
    marker = f"LAPTOP_CLOUD={directory}".encode()
    return [int(entry.name) for entry in _process_entries() if marker in _environment(entry)]


def tasks(directory: Path, application: str, service: str) -> list[int]:
    """Return the pids of the task programs of an ECS service."""
    markers = {
        f"LAPTOP_CLOUD={directory}".encode(),
        f"APPLICATION={application}".encode(),
        f"ENVIRONMENT={service}".encode(),
    }
    entries = _process_entries()
    return [int(entry.name) for entry in entries if markers <= set(_environment(entry))]


def kill(pids: Iterable[int]) -> None:
    """Send SIGKILL to processes; ended processes are skipped."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _process_entries() -> list[Path]:
    return [entry for entry in _PROC.iterdir() if entry.name.isdigit()] if _PROC.exists() else []


def _environment(entry: Path) -> list[bytes]:
    try:
        return (entry / "environ").read_bytes().split(b"\0")
    except OSError:  # the process has ended, or belongs to another user
        return []
