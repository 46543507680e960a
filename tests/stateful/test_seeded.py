"""The bounded form of the machine finds bugs: each one that is planted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash.seeded import ROOT, Bug, plant
from tests.stateful.seeded import BUGS
from tests.stateful.test_machine import EXAMPLES, STEPS

_BOUNDED = ["--examples", str(EXAMPLES), "--steps", str(STEPS), "--no-shrink"]


def _named(bug: Bug) -> str:
    return bug.name


@pytest.mark.parametrize("bug", BUGS, ids=_named)
def test_the_machine_finds(bug: Bug, tmp_path: Path) -> None:
    plant(bug, tmp_path)
    # In the directory of the planted product, which comes first on the path.
    found = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "tests.stateful", *_BOUNDED],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (found.returncode, "Failing test case" in found.stderr) == (1, True), found.stderr
