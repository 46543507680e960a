"""Compiles the sources of the Lambda package, so that a cold start does not compile them.

Python uses a `.pyc` file only for the same Python version and an unchanged source. By default it
compares the time of the source, which a zip archive changes. These files contain a hash of the
source instead.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

# The folder of the unpacked package in Lambda, for tracebacks (AWS Lambda Developer Guide,
# LAMBDA_TASK_ROOT).
_TASK_ROOT = "/var/task"


def cache_tag(python: str) -> str | None:
    """Return the cache tag of an interpreter ("cpython-313"); None if it cannot be run."""
    program = "import sys; print(sys.implementation.cache_tag)"
    try:
        done = subprocess.run(  # noqa: S603 - an interpreter, no shell
            [python, "-I", "-c", program], capture_output=True, text=True, check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def compile_sources(python: str, sources: Mapping[str, bytes], folder: Path) -> dict[str, bytes]:
    """Return the bytecode of sources by file name; `folder` is an empty working folder."""
    for name, content in sources.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    options = ["-q", "--invalidation-mode", "checked-hash", "-s", str(folder), "-p", _TASK_ROOT]
    subprocess.run(  # noqa: S603 - an interpreter, no shell
        [python, "-I", "-m", "compileall", *options, str(folder)],
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=300,
    )
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in _sorted(folder.rglob("__pycache__/*.pyc"))
    }


def _sorted(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=Path.as_posix)
