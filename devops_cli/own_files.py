"""Writes files that only the owner can read, because they can contain secrets."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def create(file: Path, content: str) -> None:
    """Write a new file with mode 600. A name that exists is kept, also a symbolic link to nothing.

    Raises:
        FileExistsError: the name exists.
        OSError: the file cannot be written.

    """
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        _write(descriptor, content)
    except OSError:
        file.unlink()
        raise


def replace(file: Path, content: str) -> None:
    """Write a file with mode 600, which replaces an existing one.

    The replacement is atomic: a reader finds the old file or the new one.

    Raises:
        OSError: the file cannot be written, and is unchanged.

    """
    # mkstemp creates the file with mode 600, so that no other user can read it at any time.
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    new_file = Path(name)
    try:
        _write(descriptor, content)
        new_file.replace(file)
    finally:
        new_file.unlink(missing_ok=True)  # it exists only after a failure


def _write(descriptor: int, content: str) -> None:
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(content)
