"""Handlers of the unpacked package in fresh processes: what they load, and from where."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.bench.cold.cost_table import table
from tools.bench.cold.fresh import Cost, run
from tools.bench.cold.measurement import (
    PACKAGE_LIMIT,
    PEAK_LIMIT,
    Workspace,
    prepare_workspace,
    violations,
)
from tools.bench.cold.rows import ROWS, Row
from tools.bench.cold.shop import APPLICATION, CALLER
from tools.laptop.gateway import http_event

from .conftest import Packaged

ADAPTERS = {
    "cloudformation",
    "ecs",
    "listing",
    "load_balancer",
    "registry",
    "tables",
    "template_store",
}
# The adapters that a row needs; that it loads no other is what it is quick by.
NEEDED = {
    "swap": {"ecs", "load_balancer", "tables"},
    "deploy": {"ecs", "registry", "tables"},
    "create": {"cloudformation", "tables", "template_store"},
    "promote": {"ecs", "load_balancer", "registry", "tables"},
    "delete": {"cloudformation", "tables"},
    "status": {"tables"},
    "health": {"tables", "template_store"},
}
# What only a write has use for.
FOR_WRITES = {
    "devops_core.decide",
    "devops_core.metrics",
    "devops_core.operations.reconcile",
    "devops_core.operations.report",
    "devops_core.ports",
    "devops_core.requests",
    "ulid",
    "voluptuous",
}
# What only a dry run has use for.
FOR_DRY_RUNS = {
    "devops_core.api.plans",
    "devops_core.operations.differences",
    "devops_core.operations.preview",
}
NEVER = {"asyncio", "boto3", "s3transfer", "yaml"}


@pytest.fixture(scope="module")
def workspace(packaged: Packaged) -> Iterator[Workspace]:
    with prepare_workspace(packaged.archive) as there:
        yield there


@pytest.fixture(scope="module")
def costs(workspace: Workspace) -> dict[str, Cost]:
    return {row.name: workspace.ours(row, "--modules") for row in ROWS}


def by_row(name: str) -> Row:
    return next(row for row in ROWS if row.name == name)


@pytest.mark.parametrize("row", NEEDED)
def test_a_handler_does_its_work(costs: dict[str, Cost], row: str) -> None:
    assert costs[row].response["statusCode"] in (200, 202), costs[row].response


@pytest.mark.parametrize("row", NEEDED)
def test_a_handler_loads_the_adapters_that_it_needs(costs: dict[str, Cost], row: str) -> None:
    loaded = {name for name in ADAPTERS if f"devops_core.adapters.{name}" in costs[row].modules}
    assert loaded == NEEDED[row]


@pytest.mark.parametrize("row", NEEDED)
def test_a_handler_loads_nothing_heavy(costs: dict[str, Cost], row: str) -> None:
    reads = row in ("status", "health")
    unwanted = NEVER | FOR_DRY_RUNS | (FOR_WRITES if reads else set())
    assert not unwanted & set(costs[row].modules)


def test_a_read_of_the_inventory_loads_nothing_that_moves_operations(workspace: Workspace) -> None:
    resource, named = "/stacks/{applicationName}", {"applicationName": APPLICATION}
    event = http_event("GET", resource, caller=CALLER, parameters=named)

    cost = workspace.ours(Row("read", "inventory", event, None), "--modules")

    assert cost.response["statusCode"] == 200, cost.response
    loaded = {name for name in ADAPTERS if f"devops_core.adapters.{name}" in cost.modules}
    assert loaded == {"tables"}
    moving = {"devops_core.decide", "devops_core.operations.observe", "devops_core.ports"}
    assert not (NEVER | moving) & set(cost.modules)


@pytest.mark.parametrize("row", NEEDED)
def test_the_sdk_is_that_of_the_machine_and_all_else_of_the_package(
    workspace: Workspace, costs: dict[str, Cost], row: str
) -> None:
    task, sdk = workspace.package["PYTHONPATH"].split(":")
    files = costs[row].modules
    assert files["botocore"].startswith(sdk)
    ours = ("devops_core", "handlers", "voluptuous", "ulid")
    assert all(file.startswith(task) for name, file in files.items() if name.startswith(ours))


@pytest.mark.parametrize("row", NEEDED)
def test_a_handler_stays_within_its_memory(costs: dict[str, Cost], row: str) -> None:
    assert costs[row].peak <= PEAK_LIMIT


def test_the_package_is_small(packaged: Packaged) -> None:
    assert packaged.archive.stat().st_size <= PACKAGE_LIMIT


@pytest.mark.parametrize("row", NEEDED)
def test_no_source_of_the_package_is_compiled_when_it_is_loaded(
    workspace: Workspace, row: str
) -> None:
    task = workspace.package["PYTHONPATH"].split(":")[0]
    program = f"import handlers.{by_row(row).module}"
    done = subprocess.run(  # noqa: S603 - our own interpreter and text
        [workspace.python, "-S", "-P", "-v", "-c", program],
        env=dict(workspace.package),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    said = [line for line in done.stderr.splitlines() if task in line]
    # `-v` names the .pyc that was read, or the source that had to be compiled.
    assert [line for line in said if line.startswith("# code object from ") and ".pyc" in line]
    assert not [
        line for line in said if line.startswith("# code object from ") and ".pyc" not in line
    ]


def test_the_package_uses_its_models(workspace: Workspace) -> None:
    program = (
        "from devops_core.adapters import sdk\n"
        "client = sdk.new_session().create_client('ecr', region_name='eu-west-1')\n"
        "import json; print(json.dumps([n for n in dir(client) if n.endswith('_images')]))"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter and text
        [workspace.python, "-S", "-P", "-c", program],
        env=dict(workspace.package),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert json.loads(done.stdout) == ["describe_images"]


def test_the_collector_works_when_a_handler_is_loaded(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "asks.py").write_text(
        "import gc\nimport handlers.query\ndef handle(event, context): return gc.isenabled()\n"
    )
    path = f"{tmp_path}:{workspace.package['PYTHONPATH']}"
    asked = run(workspace.python, "asks", {}, {**workspace.package, "PYTHONPATH": path})
    assert asked.response is True


def test_exceeded_limits_are_reported() -> None:
    costs = {"cpu": 100.0, "answered": 90.0, "peak": 60.0}
    row = {"ours": costs, "script": costs, "ratio": 1.0, "answered_ratio": 1.0, "limit": 0.75}
    result = {
        "rounds": 1,
        "python": "3.13.0",
        "botocore": "1.0",
        "package": {"bytes": 2_100_000, "limit": PACKAGE_LIMIT},
        "peak_limit": PEAK_LIMIT,
        "rows": {"swap": row},
    }
    problems = violations(result)
    assert problems == [
        "the package has 2100000 bytes",
        "swap: 1.00 of the script's CPU, at most 0.75",
        "swap: 60.0 MiB, at most 56",
    ]
    lines = table({**result, "violations": problems})
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert ["swap", "100", "100", "1.00", "0.75", "90 / 90", "1.00", "60 / 60"] in cells
    assert lines[-1] == "EXCEEDED: swap: 60.0 MiB, at most 56"
