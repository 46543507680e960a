"""The saved state of a laptop cloud (option `keep`), in the folder `state` of its directory.

The emulator writes its state at the stop and reads it at the start. This module adds the port,
which is part of published URLs, the clock, and the environment files of the callers. The file `env`
also marks that the service is installed.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

from tools.laptop.clock import Clock


def environment(directory: Path) -> dict[str, str]:
    """Return the variables that make the emulator keep its state, including the objects of S3."""
    state = _state_directory(directory)
    return {
        "PERSIST_STATE": "1",
        "STATE_DIR": str(state / "services"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(state / "objects"),
        "ECS_RESTORE_RECONCILE_DELAY_SECONDS": "0.5",  # default: two seconds
    }


def port(directory: Path) -> int:
    """Return the port of the saved state; 0 without a saved state."""
    try:
        return int((_state_directory(directory) / "port").read_text())
    except FileNotFoundError:
        return 0


def clock(directory: Path) -> Clock | None:
    """Return the clock of the saved state; None without a saved state."""
    try:
        return Clock(**json.loads((_state_directory(directory) / "clock").read_text()))
    except FileNotFoundError:
        return None


def restore(directory: Path, port: int, clock: Clock) -> None:
    """Create the state folder, record port and clock, and restore saved environment files."""
    _state_directory(directory).mkdir(exist_ok=True)
    (_state_directory(directory) / "port").write_text(str(port))
    (_state_directory(directory) / "clock").write_text(json.dumps(asdict(clock)))
    _move_environments(_state_directory(directory), directory)


def save(directory: Path) -> None:
    """Move the environment files to the state folder, if the state is kept."""
    if _state_directory(directory).exists():
        _move_environments(directory, _state_directory(directory))


def remove(directory: Path) -> None:
    """Remove the saved state."""
    shutil.rmtree(_state_directory(directory), ignore_errors=True)


def environments(directory: Path) -> list[Path]:
    """Return the environment files of the callers: `env`, `pipeline.env`, ..."""
    return [path for path in (directory / "env", *directory.glob("*.env")) if path.exists()]


def _state_directory(directory: Path) -> Path:
    return directory / "state"


def _move_environments(old: Path, new: Path) -> None:
    for path in environments(old):
        path.replace(new / path.name)
