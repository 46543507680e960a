"""Measures the rows: package and script alternately, in rounds."""

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
from tools.bench.cold.script import render_script
from tools.bench.cold.server import Server
from tools.bench.cold.shop import ENVIRONMENT
from tools.bench.serving import serving

# Maximum size of the uploaded package in bytes, and of the memory of a handler's process in MiB.
PACKAGE_LIMIT = 2_000_000
PEAK_LIMIT = 56
_ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Workspace:
    """The unpacked package and scripts, and the environments of their processes."""

    python: str
    archive: Path
    server: Server
    package: Mapping[str, str]
    scripts: Mapping[str, str]

    def ours(self, row: Row, *more: str) -> Cost:
        """Run a handler of the package."""
        self.server.account.reset()
        return run(self.python, f"handlers.{row.module}", row.event, self.package, *more)

    def script(self, row: Row, *more: str) -> Cost:
        """Run the idiomatic script of a row."""
        self.server.account.reset()
        return run(self.python, f"script_{row.name}", row.event, self.scripts, *more)


def measure(rounds: int) -> dict[str, Any]:
    """Return the costs of all rows for JSON; CPU in ms, memory in MiB, sizes in bytes."""
    with prepare_workspace() as workspace:
        _write_scripts(workspace)
        costs = {row.name: _pairs(workspace, row, rounds) for row in ROWS}
        rows = {row.name: _summary(row, costs[row.name]) for row in ROWS}
        size = workspace.archive.stat().st_size
    result = {
        "rounds": rounds,
        "python": platform.python_version(),
        "botocore": botocore.__version__,
        "package": {"bytes": size, "limit": PACKAGE_LIMIT},
        "peak_limit": PEAK_LIMIT,
        "rows": rows,
    }
    return result | {"violations": violations(result)}


def violations(result: Mapping[str, Any]) -> list[str]:
    """Return a message for each limit that the result exceeds."""
    found = []
    if result["package"]["bytes"] > PACKAGE_LIMIT:
        found.append(f"the package has {result['package']['bytes']} bytes")
    for name, row in result["rows"].items():
        if row["limit"] and row["ratio"] > row["limit"]:
            found.append(f"{name}: {row['ratio']:.2f} of the script's CPU, at most {row['limit']}")
        if row["ours"]["peak"] > PEAK_LIMIT:
            found.append(f"{name}: {row['ours']['peak']:.1f} MiB, at most {PEAK_LIMIT}")
    return found


@contextmanager
def prepare_workspace(archive: Path | None = None) -> Iterator[Workspace]:
    """Unpack a package, which is built without an archive, and serve the fake account."""
    account = Account()
    with tempfile.TemporaryDirectory() as temporary, serving(Server(account)) as server:
        folder = Path(temporary)
        for name in ("build", "task", "sdk", "scripts", "home"):
            (folder / name).mkdir()
        archive = archive or package.build(folder / "build")
        task = package.unpack(archive, folder / "task")
        sdk = package.link_sdk(folder / "sdk")
        python = package.interpreter()
        environments = [
            package.environment(folder / "home", [code, sdk], server.url) | ENVIRONMENT
            for code in (task, folder / "scripts")
        ]
        yield Workspace(python, archive, server, *environments)


def _write_scripts(workspace: Workspace) -> None:
    """Write the script of each row and compile it, because scripts in a package have bytecode."""
    folder = Path(workspace.scripts["PYTHONPATH"].split(os.pathsep)[0])
    for row in ROWS:
        text = render_script(_calls(row, workspace.server.url))
        (folder / f"script_{row.name}.py").write_text(text)
    compileall.compile_dir(folder, quiet=1)


def _calls(row: Row, endpoint: str) -> Any:
    """Return the SDK calls of the handler of a row."""
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


def _pairs(workspace: Workspace, row: Row, rounds: int) -> list[tuple[Cost, Cost]]:
    """Run handler and script alternately; the first pair only fills the disk caches."""
    pairs = []
    for number in range(rounds + 1):
        pair = {}
        for side in ("ours", "script") if number % 2 else ("script", "ours"):
            pair[side] = getattr(workspace, side)(row)
            calls = Counter(workspace.server.account.calls)
            if pair.setdefault("calls", calls) != calls:
                raise package.PackageError(f"{row.name}: the calls of the script differ: {calls}")
        if pair["ours"].response["statusCode"] not in (200, 202):
            raise package.PackageError(f"{row.name}: {pair['ours'].response}")
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
        "limit": row.limit,
    }


def _medians(costs: list[Cost]) -> dict[str, float]:
    return {
        "cpu": round(median(cost.cpu for cost in costs), 1),
        "answered": round(median(cost.answered for cost in costs), 1),
        "peak": round(max(cost.peak for cost in costs), 1),
    }
