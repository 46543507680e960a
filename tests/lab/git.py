"""A repository of git with empty commits."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path

_AUTHOR = ("-c", "user.name=Test", "-c", "user.email=test@example.com")


class Repository:
    """A repository in a folder, which is created if it does not exist."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._messages = itertools.count()
        folder.mkdir(parents=True, exist_ok=True)
        self._git("init", "--quiet")

    def commit(self) -> str:
        """Add a commit and return its id."""
        self._git(
            *_AUTHOR,
            "commit",
            "--quiet",
            "--allow-empty",
            "--no-gpg-sign",
            "-m",
            str(next(self._messages)),
        )
        return self._git("rev-parse", "HEAD")

    def back_to(self, commit: str) -> None:
        """Continue after an earlier commit."""
        self._git("checkout", "--quiet", "--detach", commit)

    def shallow_copy(self, folder: Path) -> Repository:
        """Return a clone with the last commit only."""
        self._git("branch", "--force", "last")
        url = self.folder.as_uri()
        self._git("clone", "--quiet", "--depth=1", "--branch=last", url, str(folder))
        return Repository(folder)

    def _git(self, *arguments: str) -> str:
        done = subprocess.run(  # noqa: S603 - git with our own arguments
            ["git", *arguments],  # noqa: S607 - the git of the machine
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()
