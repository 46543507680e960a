"""Handlers of the unpacked package in fresh processes: what they load, and from where."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infra.conftest import Packaged
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
from tools.bench.cold.shop import APPLICATION, CALLER, OPERATION
from tools.laptop.gateway import http_event

ADAPTERS = {
    "cloudformation",
    "cloudwatch",
    "dynamodb.listing",
    "dynamodb.refusals",
    "dynamodb.tables",
    "ecr",
    "ecs",
    "elbv2",
    "s3",
}
# The adapters that a row needs: loading no other adapter keeps its cold start short.
NEEDED = {
    "swap": {"dynamodb.tables", "ecs", "elbv2"},
    "deploy": {"dynamodb.tables", "ecr", "ecs"},
    "create": {"cloudformation", "dynamodb.tables", "s3"},
    "promote": {"dynamodb.tables", "ecr", "ecs", "elbv2"},
    "update": {"dynamodb.tables", "ecs"},
    "delete": {"cloudformation", "dynamodb.tables"},
    "status": {"dynamodb.tables"},
    "health": {"dynamodb.tables", "s3"},
}
KINDS = ("create", "deploy", "promote", "swap", "update", "delete")
# The modules of kinds that several kinds share.
SHARED = {"images", "kind", "releases", "rollout", "scaling", "secrets", "sources", "stacks"}
# The modules of the declaration of a specification.
SPECIFICATION = (
    "container_rules", "container_settings", "scaling", "specification", "specification_rules",
    "swap_policy", "task_settings",
)  # fmt: skip
# Further modules of the rules and of the observations of a kind.
PARTS = {
    ("swap", "kinds"): ("swap_checks", "swap_phases", "swap_readiness"),
    ("update", "kinds"): ("specification_change", "stack_plan", "stack_update"),
    ("update", "observe"): ("stack_update",),
    ("upgrade", "kinds"): ("stack_guard", "stack_update"),
    ("upgrade", "observe"): ("stack_update",),
}
# Only writes need these modules and packages. The package `devops_core.kinds` is the registry; its
# modules have the rules.
FOR_WRITES = (
    "devops_core.engine",
    "devops_core.kinds.",
    "devops_core.model.decisions",
    "devops_core.observe",
    "devops_core.operation_id",
    "devops_core.ports",
    "devops_core.requests",
)
# Only dry runs need these modules.
FOR_DRY_RUNS = (
    "devops_core.model.differences",
    "devops_core.engine.dry_run",
    "devops_core.http.views.plans",
)
NEVER = ("asyncio", "boto3", "s3transfer", "yaml")


@pytest.fixture(scope="module")
def workspace(packaged: Packaged) -> Iterator[Workspace]:
    with prepare_workspace(packaged.archive) as there:
        yield there


@pytest.fixture(scope="module")
def costs(workspace: Workspace) -> dict[str, Cost]:
    return {row.name: workspace.ours(row, "--modules") for row in ROWS}


def loaded(cost: Cost, *prefixes: str) -> list[str]:
    """Return the modules of a process whose names begin with one of the prefixes."""
    return sorted(name for name in cost.modules if name.startswith(prefixes))


def by_row(name: str) -> Row:
    return next(row for row in ROWS if row.name == name)


@pytest.mark.parametrize("row", NEEDED)
def test_a_handler_does_its_work(costs: dict[str, Cost], row: str) -> None:
    assert costs[row].response["statusCode"] in (200, 202), costs[row].response


@pytest.mark.parametrize("row", NEEDED)
def test_a_handler_loads_the_adapters_that_it_needs(costs: dict[str, Cost], row: str) -> None:
    found = {name for name in ADAPTERS if f"devops_core.adapters.{name}" in costs[row].modules}
    assert found == NEEDED[row]


@pytest.mark.parametrize("row", KINDS)
def test_a_handler_loads_the_requests_of_its_own_kind(costs: dict[str, Cost], row: str) -> None:
    requests = loaded(costs[row], "devops_core.requests.")
    specification = SPECIFICATION if row in ("create", "update") else ()
    policy = ("swap_policy",) if row == "swap" else ()
    names = {"schema", "fields", row, *specification, *policy}
    assert requests == sorted(f"devops_core.requests.{name}" for name in names)


@pytest.mark.parametrize("layer", ["kinds", "observe"])
@pytest.mark.parametrize("row", KINDS)
def test_a_handler_loads_its_own_kind(costs: dict[str, Cost], row: str, layer: str) -> None:
    modules = loaded(costs[row], f"devops_core.{layer}.")
    own = {row, *PARTS.get((row, layer), ())}
    assert {name.rpartition(".")[2] for name in modules} - SHARED == own


@pytest.mark.parametrize("row", NEEDED)
def test_a_handler_loads_nothing_heavy(costs: dict[str, Cost], row: str) -> None:
    unneeded = FOR_DRY_RUNS if row in KINDS else FOR_DRY_RUNS + FOR_WRITES
    # An update records the changes that production lacks.
    needed = {"devops_core.model.differences"} if row == "update" else set()
    assert {*loaded(costs[row], *NEVER, *unneeded)} == needed


def test_an_upgrade_loads_its_own_kind(workspace: Workspace) -> None:
    """An invalid call is enough, because a handler loads its kind before the first call."""
    resource, named = "/stacks/{applicationName}/upgrade", {"applicationName": APPLICATION}
    event = http_event("POST", resource, '{"a": 1}', caller=CALLER, parameters=named)

    cost = workspace.ours(Row("upgrade", "upgrade", event, None), "--modules")

    assert cost.response["statusCode"] == 400, cost.response
    assert loaded(cost, *NEVER, *FOR_DRY_RUNS, "devops_core.engine.preview") == []
    requests = loaded(cost, "devops_core.requests.")
    assert requests == [f"devops_core.requests.{each}" for each in ("fields", "schema", "upgrade")]
    for layer in ("kinds", "observe"):
        modules = loaded(cost, f"devops_core.{layer}.")
        own = {"upgrade", *PARTS["upgrade", layer]}
        assert {name.rpartition(".")[2] for name in modules} - SHARED == own


def test_an_approval_loads_only_its_own_request(workspace: Workspace) -> None:
    """The kind of the operation is known only after it was read."""
    resource = "/stacks/{applicationName}/operations/{id}"
    named = {"applicationName": APPLICATION, "id": OPERATION}
    event = http_event("POST", resource, '{"action": "a"}', caller=CALLER, parameters=named)

    cost = workspace.ours(Row("advance", "advance", event, None), "--modules")

    assert cost.response["statusCode"] == 400, cost.response
    assert loaded(cost, *NEVER, *FOR_DRY_RUNS) == []
    requests = [f"devops_core.requests.{each}" for each in ("advance", "schema")]
    assert loaded(cost, "devops_core.requests.") == requests
    assert loaded(cost, "devops_core.observe.") == []
    assert loaded(cost, "devops_core.kinds.") == ["devops_core.kinds.kind"]


def test_a_read_of_the_inventory_loads_nothing_that_moves_operations(workspace: Workspace) -> None:
    resource, named = "/stacks/{applicationName}", {"applicationName": APPLICATION}
    event = http_event("GET", resource, caller=CALLER, parameters=named)

    cost = workspace.ours(Row("read", "inventory", event, None), "--modules")

    assert cost.response["statusCode"] == 200, cost.response
    found = {name for name in ADAPTERS if f"devops_core.adapters.{name}" in cost.modules}
    assert found == {"dynamodb.tables"}
    # The handler also has calls with queries, so it loads their declarations.
    unneeded = [name for name in FOR_WRITES if name != "devops_core.requests"]
    assert loaded(cost, *NEVER, *unneeded) == []


@pytest.mark.parametrize("row", NEEDED)
def test_the_sdk_is_that_of_the_machine_and_all_else_of_the_package(
    workspace: Workspace, costs: dict[str, Cost], row: str
) -> None:
    task, sdk = workspace.package["PYTHONPATH"].split(":")
    files = costs[row].modules
    assert files["botocore"].startswith(sdk)
    ours = ("devops_core", "handlers")
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
        "from devops_core.adapters.aws import session\n"
        "client = session.new_session().create_client('ecr', region_name='eu-west-1')\n"
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
