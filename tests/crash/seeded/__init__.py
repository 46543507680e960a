"""Bugs that a programmer could make, and the half of the matrix that must find each."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
_PACKAGES = ("devops_core", "handlers")


@dataclass(frozen=True, slots=True)
class Bug:
    """One replacement in the product; `why` is the harm it would do.

    `stories` are those of `half` that are told to find it, with `kind` only if that is enough.
    """

    name: str
    why: str
    file: str
    old: str
    new: str
    stories: tuple[str, ...]
    kind: str | None = None
    half: str = "memory"

    @property
    def arguments(self) -> list[str]:
        """What to run the matrix with."""
        stories = [word for story in self.stories for word in ("--story", story)]
        kind = ["--kind", self.kind] if self.kind else []
        return [self.half, "--single", "--stop", *stories, *kind]


def plant(bug: Bug | None, directory: Path) -> None:
    """Copy the product to a directory, with a bug in it or without one."""
    for package in _PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, directory / package, ignore=ignored)
    if bug:
        file = directory / bug.file
        text = file.read_text()
        assert text.count(bug.old) == 1, f"{bug.file} has changed: {bug.name} is out of date"
        file.write_text(text.replace(bug.old, bug.new))


def ran(module: str, product: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a module of the tests in the directory of a planted product, which it then imports."""
    command = [sys.executable, "-m", module, *arguments]
    path = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(  # noqa: S603 - our own module
        command, cwd=product, env=path, capture_output=True, text=True, check=False
    )
