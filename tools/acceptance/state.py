"""The record of an application that must be removed; it survives the end of the process."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from devops_cli.failures import UsageError

_FILE = "pending.json"
_LOCK = "lock"


@dataclass(frozen=True)
class Pending:
    """An application that may exist, and the settings that reach its installation.

    `sent` is the time before the request that creates the application; `answered` is whether its
    response was received.
    """

    application: str
    api: str
    profile: str
    region: str
    sent: datetime
    answered: bool = False


class State:
    """The record in a directory."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / _FILE

    def read(self) -> Pending | None:
        """Return the application that must be removed; None without one.

        Raises:
            UsageError: the file cannot be read or is not valid.

        """
        try:
            members = json.loads(self._file.read_text(encoding="utf-8"))
            return Pending(**{**members, "sent": datetime.fromisoformat(members["sent"])})
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise UsageError(
                f"{self._file} is not valid: {error!r}",
                "It names an application that must be removed. Delete the application with"
                " `devops delete`, then delete the file.",
            ) from error

    def write(self, pending: Pending) -> None:
        """Save the record; it is on the disk when the function returns.

        Raises:
            UsageError: the file cannot be written.

        """
        new_file = self._file.with_name(f"{_FILE}.new")
        text = json.dumps({**asdict(pending), "sent": pending.sent.isoformat()}, indent=2)
        try:
            with new_file.open("w", encoding="utf-8") as stream:
                stream.write(text + "\n")
                stream.flush()
                os.fsync(stream.fileno())
            new_file.replace(self._file)
        except OSError as error:
            raise UsageError(f"{self._file} cannot be written: {error}") from error

    def clear(self) -> None:
        """Remove the record after the removal of the application."""
        self._file.unlink(missing_ok=True)


@contextmanager
def locked(directory: Path) -> Iterator[State]:
    """Create a directory and return its state; no other process can use it meanwhile.

    Raises:
        UsageError: another process uses the directory, or it cannot be created.

    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = (directory / _LOCK).open("w")
    except OSError as error:
        raise UsageError(f"{directory} cannot be used: {error}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(
                f"another acceptance test uses {directory}",
                "Wait for its end, or use another directory: --directory PATH",
            ) from error
        yield State(directory)
