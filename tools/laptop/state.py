"""What a laptop cloud keeps over a stop when it is asked to: in `state` of its directory.

The emulator writes it when it is stopped and reads it when it starts; here is where, and what
belongs to it: the port, which is in URLs that were handed out, and `env`, which says that the
service is installed, with those of other callers.
"""

from __future__ import annotations

import shutil
from pathlib import Path


def environment(directory: Path) -> dict[str, str]:
    """Return what tells the emulator to keep its state, the objects of S3 included."""
    state = _of(directory)
    return {
        "PERSIST_STATE": "1",
        "STATE_DIR": str(state / "services"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(state / "objects"),
        "ECS_RESTORE_RECONCILE_DELAY_SECONDS": "0.5",  # the default is two seconds
    }


def port(directory: Path) -> int:
    """Return the port that a kept state is bound to, 0 when there is none."""
    try:
        return int((_of(directory) / "port").read_text())
    except FileNotFoundError:
        return 0


def begin(directory: Path, port: int) -> None:
    """Keep state from now on; what was kept is taken up."""
    _of(directory).mkdir(exist_ok=True)
    (_of(directory) / "port").write_text(str(port))
    _move_environments(_of(directory), directory)


def end(directory: Path) -> None:
    """Put away what belongs to the state, if any is kept."""
    if _of(directory).exists():
        _move_environments(directory, _of(directory))


def forget(directory: Path) -> None:
    """Remove what was kept."""
    shutil.rmtree(_of(directory), ignore_errors=True)


def environments(directory: Path) -> list[Path]:
    """Return the files that callers get their environment from: `env`, `pipeline.env`, ..."""
    return [path for path in (directory / "env", *directory.glob("*.env")) if path.exists()]


def _of(directory: Path) -> Path:
    return directory / "state"


def _move_environments(old: Path, new: Path) -> None:
    for path in environments(old):
        path.replace(new / path.name)
