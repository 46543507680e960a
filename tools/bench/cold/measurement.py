"""Measures the rows: package and script in turns, round by round."""

from __future__ import annotations

import compileall
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import botocore

from tools.bench.cold import package
from tools.bench.cold.account import Account
from tools.bench.cold.fresh import Cost, run
from tools.bench.cold.rows import ROWS, Row
from tools.bench.cold.script import written
from tools.bench.cold.server import Server
from tools.bench.cold.shop import ENVIRONMENT
from tools.bench.serving import serving

# Of the package as it is uploaded, in bytes; of a handler's process, in MiB.
PACKAGE_BAR = 2_000_000
PEAK_BAR = 56
_ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Stage:
    """Where everything is: the interpreter, the archive, and what the processes may see."""

    python: str
    archive: Path
    server: Server
    package: Mapping[str, str]
    scripts: Mapping[str, str]

    def ours(self, row: Row, *more: str) -> Cost:
        """Run a handler of the package."""
        self.server.account.begin()
        return run(self.python, f"handlers.{row.module}", row.event, self.package, *more)

    def script(self, row: Row, *more: str) -> Cost:
        """Run the idiomatic script of a row."""
        self.server.account.begin()
        return run(self.python, f"script_{row.name}", row.event, self.scripts, *more)


def measure(rounds: int) -> dict[str, Any]:
    """Return the costs of all rows as JSON has them; CPU in ms, memory in MiB, sizes in bytes."""
    with stage() as here:
        _write_scripts(here)
        costs = {row.name: _pairs(here, row, rounds) for row in ROWS}
        rows = {row.name: _summary(row, costs[row.name]) for row in ROWS}
        size = here.archive.stat().st_size
    result = {
        "rounds": rounds,
        "python": platform.python_version(),
        "botocore": botocore.__version__,
        "package": {"bytes": size, "bar": PACKAGE_BAR},
        "peak_bar": PEAK_BAR,
        "rows": rows,
    }
    return result | {"missed": missed(result)}


def missed(result: Mapping[str, Any]) -> list[str]:
    """Return the bars that were not met, in words."""
    found = []
    if result["package"]["bytes"] > PACKAGE_BAR:
        found.append(f"the package has {result['package']['bytes']} bytes")
    for name, row in result["rows"].items():
        if row["bar"] and row["ratio"] > row["bar"]:
            found.append(f"{name}: {row['ratio']:.2f} of the script's CPU, at most {row['bar']}")
        if row["ours"]["peak"] > PEAK_BAR:
            found.append(f"{name}: {row['ours']['peak']:.1f} MiB, at most {PEAK_BAR}")
    return found


@contextmanager
def stage(archive: Path | None = None) -> Iterator[Stage]:
    """Unpack a package, which is built first if none is given, and serve the account."""
    account = Account()
    with tempfile.TemporaryDirectory() as temporary, serving(Server(account)) as server:
        there = Path(temporary)
        for name in ("build", "task", "sdk", "scripts", "home"):
            (there / name).mkdir()
        archive = archive or package.built(there / "build")
        task = package.unpacked(archive, there / "task")
        sdk = package.sdk(there / "sdk")
        python = package.interpreter()
        both = [
            package.environment(there / "home", [code, sdk], server.url) | ENVIRONMENT
            for code in (task, there / "scripts")
        ]
        yield Stage(python, archive, server, *both)


def _write_scripts(here: Stage) -> None:
    """Write the script of each row, with the bytecode that it would have in a package as well."""
    folder = Path(here.scripts["PYTHONPATH"].split(os.pathsep)[0])
    for row in ROWS:
        text = written(_calls(row, here.server.url))
        (folder / f"script_{row.name}.py").write_text(text)
    compileall.compile_dir(folder, quiet=1)


def _calls(row: Row, endpoint: str) -> Any:
    """Return the SDK calls that a handler makes."""
    path = [_ROOT, *map(Path, filter(None, sys.path))]
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", "tools.bench.cold.recorder", row.module],
        input=json.dumps(row.event),
        cwd=_ROOT,
        env=package.environment(_ROOT, path, endpoint) | ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise package.PackageError(done.stderr)
    return json.loads(done.stdout)["calls"]


def _pairs(here: Stage, row: Row, rounds: int) -> list[tuple[Cost, Cost]]:
    """Run both in turns; the first pair only fills the caches of the disk."""
    pairs = []
    for number in range(rounds + 1):
        pair = {}
        for which in ("ours", "script") if number % 2 else ("script", "ours"):
            pair[which] = getattr(here, which)(row)
            calls = Counter(here.server.account.calls)
            if pair.setdefault("calls", calls) != calls:
                raise package.PackageError(f"{row.name}: the script makes other calls: {calls}")
        if pair["ours"].answer["statusCode"] not in (200, 202):
            raise package.PackageError(f"{row.name}: {pair['ours'].answer}")
        pairs.append((pair["ours"], pair["script"]))
    return pairs[1:]


def _summary(row: Row, pairs: list[tuple[Cost, Cost]]) -> dict[str, Any]:
    ours, script = ([pair[side] for pair in pairs] for side in (0, 1))
    return {
        "ours": _medians(ours),
        "script": _medians(script),
        "ratio": round(median(mine.cpu / theirs.cpu for mine, theirs in pairs), 3),
        "answered_ratio": round(
            median(mine.answered / theirs.answered for mine, theirs in pairs), 3
        ),
        "bar": row.bar,
    }


def _medians(costs: list[Cost]) -> dict[str, float]:
    return {
        "cpu": round(median(cost.cpu for cost in costs), 1),
        "answered": round(median(cost.answered for cost in costs), 1),
        "peak": round(max(cost.peak for cost in costs), 1),
    }
