"""Finds the processes that a laptop cloud started, by the mark it leaves in their environment."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from pathlib import Path

_PROC = Path("/proc")


def started_by(directory: Path) -> list[int]:
    """Return the pids of the launcher, Lambdas and tasks of the laptop cloud in a directory.

    Where there is no /proc (macOS) the answer is empty: there, processes end by themselves when
    the pipe to their input closes.
    """
    mark = f"LAPTOP_CLOUD={directory}".encode()
    return [int(entry.name) for entry in _numbered() if mark in _environment(entry)]


def tasks(directory: Path, application: str, service: str) -> list[int]:
    """Return the pids of the stand-ins for the tasks of an ECS service."""
    marks = {
        f"LAPTOP_CLOUD={directory}".encode(),
        f"APPLICATION={application}".encode(),
        f"ENVIRONMENT={service}".encode(),
    }
    return [int(entry.name) for entry in _numbered() if marks <= set(_environment(entry))]


def kill(pids: Iterable[int]) -> None:
    """End processes without asking; those that are gone are skipped."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _numbered() -> list[Path]:
    return [entry for entry in _PROC.iterdir() if entry.name.isdigit()] if _PROC.exists() else []


def _environment(entry: Path) -> list[bytes]:
    try:
        return (entry / "environ").read_bytes().split(b"\0")
    except OSError:  # it ended meanwhile, or it is another user's
        return []
