"""Progressive swaps on a laptop cloud with short minutes: judged, approved, and interrupted."""

from __future__ import annotations

import os
import shlex
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.lab.laptop import recipes, walks
from tests.lab.laptop.api import Api, create_body, until
from tests.lab.laptop.proxy import Fault, FaultyProxy, Moment, proxy
from tests.lab.laptop.recipes import Step
from tests.lab.laptop.workers import kill_worker
from tools.laptop.cloud import Options, start, started, stop
from tools.laptop.deploy import deploy

MINUTE = 3.0  # seconds
NAME = "Steps"
OLD, GOOD, BAD = "1.0", "2.0", "3.0"
# Enough requests for a verdict at the rate of one customer.
JUDGE = {"errorRatePercent": 5, "minRequests": 3}
CANARY = {"type": "canary", "percent": 50, "stepMinutes": 6}
SHORT = {"type": "canary", "percent": 50, "stepMinutes": 1}
LIMIT = 60 * MINUTE  # seconds; the swaps here take at most 20 minutes


@pytest.fixture(scope="module")
def between() -> Iterator[FaultyProxy]:
    with proxy() as server:
        yield server


@pytest.fixture(scope="module")
def api(between: FaultyProxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """An application whose slots have the releases OLD, which is live, and GOOD."""
    options = Options(lambda_endpoint=between.url, minute=MINUTE, keep=True)
    with started(tmp_path_factory.mktemp("steps"), options) as running:
        between.endpoint = running.endpoint
        deploy(running)
        api = Api(running)
        api.succeed(api.post("/stacks", create_body(NAME)))
        api.push(NAME, OLD)
        api.push(NAME, GOOD)
        api.push(NAME, BAD, "errors=60")
        release(api, OLD)
        swapped(api, OLD)
        release(api, GOOD)
        yield api


def release(api: Api, version: str) -> None:
    """Deploy a version and promote it to the idle slot."""
    body = {"applicationName": NAME, "environment": ["dev"], "version": version}
    api.succeed(api.post("/stacks/deploy", body, Prefer="wait=25"))
    promote = {"applicationName": NAME, "version": version}
    api.succeed(api.post("/stacks/deploytoprodBlue", promote, Prefer="wait=25"))


def swap(api: Api, version: str, **members: Any) -> str:
    """Request a swap and return the id of its operation."""
    body = {"applicationName": NAME, "version": version, **members}
    answer = api.post("/stacks/swapProdBlueAndGreen", body)
    assert answer.status in (200, 202), answer.body
    return str(answer.body["operation"]["id"])


def ended(api: Api, operation: str) -> dict[str, Any]:
    """Return an operation after its end; only the schedule advances it between its checks."""
    assert until(lambda: read(api, operation)["status"] != "IN_PROGRESS", LIMIT, pause=0.2)
    return read(api, operation)


def read(api: Api, operation: str) -> dict[str, Any]:
    """Return an operation; the worker of a read can be the one that is killed."""
    found: list[dict[str, Any]] = []

    def answered() -> bool:
        answer = api.call("GET", f"/stacks/{NAME}/operations/{operation}")
        found.extend([answer.body["operation"]] if answer.status == 200 else [])
        return bool(found)

    assert until(answered, LIMIT)
    return found[-1]


def swapped(api: Api, version: str) -> None:
    assert ended(api, swap(api, version))["status"] == "SUCCEEDED"


def url(api: Api, port: int = 80) -> str:
    stack = api.call("GET", f"/stacks/{NAME}").body["stack"]
    role = "PROD-GREEN" if port == 80 else "PROD-BLUE"
    urls = {each["environment"]: each["url"] for each in stack["environments"]}
    return str(urls[role])


@contextmanager
def customers(api: Api) -> Iterator[list[tuple[int, str]]]:
    """Request the page of production during a `with` block; yield statuses and versions."""
    seen: list[tuple[int, str]] = []
    stop_, address = threading.Event(), url(api)

    def visit() -> None:
        while not stop_.wait(0.1):
            page = api.fetch(address)
            seen.append((page.status, str(page.body.get("version", ""))))

    with ThreadPoolExecutor(1) as pool:
        visiting = pool.submit(visit)
        try:
            yield seen
        finally:
            stop_.set()
            visiting.result()


def outcomes(api: Api, operation: str) -> list[str]:
    found = api.call("GET", f"/stacks/{NAME}/events?operation={operation}")
    return [each["outcome"] for each in reversed(found.body["events"])]


def test_a_good_release_receives_all_customers(api: Api) -> None:
    with customers(api) as seen:
        operation = ended(api, swap(api, GOOD, strategy=CANARY, judge=JUDGE))
        assert until(lambda: seen[-1][1] == GOOD)
    assert operation["status"] == "SUCCEEDED", operation
    assert operation["shiftedAt"] < operation["switchedAt"] < operation["endedAt"]
    assert "BAD" not in {each["verdict"] for each in operation["verdicts"]}
    assert {status for status, _ in seen} == {200}
    versions = [version for _, version in seen]
    split = versions[versions.index(GOOD) : len(versions) - versions[::-1].index(OLD)]
    assert {OLD, GOOD} == set(split)
    assert api.fetch(url(api, 8080)).body["version"] == OLD


def test_a_bad_release_rolls_back_without_a_person(api: Api) -> None:
    release(api, BAD)
    with customers(api) as seen:
        operation = ended(api, swap(api, BAD, strategy=CANARY, judge=JUDGE))
        returned = len(seen)
        assert until(lambda: len(seen) > returned + 20)
    assert operation["status"] == "FAILED", operation
    assert "requests to the new release failed too often" in operation["reasons"][0]
    assert operation["affected"]["errors"] > 0
    assert operation["verdicts"][-1]["verdict"] == "BAD"
    assert (operation["weight"], "switchedAt" in operation) == (0, False)
    assert {version for _, version in seen[returned + 1 :]} == {GOOD}
    assert api.fetch(url(api, 8080)).body["version"] == BAD
    release(api, OLD)


class Interruption(NamedTuple):
    """A call of a swap at which its worker is killed, before or after the effect.

    `phase` is that of the worker. `number` counts the calls since the request, or since the begin
    of a wait for an approval or of a return.
    """

    phase: str
    call: str
    number: int
    words: tuple[str, ...]
    moment: Moment


LISTENER = (f"%2F{NAME}-prod%2F",)
RECORD = (f'"{NAME}"', '"swap"')
APPROVED = (f'"{NAME}"', '"APPROVED"')
END = (f'"{NAME}"', '#END"')
BEFORE, AFTER = Moment.BEFORE, Moment.AFTER
SWITCH, SAVE, WRITE = "ModifyListener", "PutItem", "TransactWriteItems"
PHASES = PREPARING, WAITING, SHIFTED, FULL, BAKING, RETURNING = (
    "PREPARING", "AWAITING_APPROVAL", "SHIFTED", "FULL", "BAKING", "RETURNING",
)  # fmt: skip
KILLS = {
    "before the first shift": Interruption(PREPARING, SWITCH, 1, LISTENER, BEFORE),
    "after the first shift": Interruption(PREPARING, SWITCH, 1, LISTENER, AFTER),
    "in a check before an approval": Interruption(WAITING, SAVE, 1, RECORD, BEFORE),
    "before an approval": Interruption(WAITING, WRITE, 1, APPROVED, BEFORE),
    "after an approval": Interruption(WAITING, WRITE, 1, APPROVED, AFTER),
    "before the shift after an approval": Interruption(WAITING, SWITCH, 1, LISTENER, BEFORE),
    "in a check": Interruption(SHIFTED, SAVE, 2, RECORD, BEFORE),
    "after the shift to all": Interruption(SHIFTED, SWITCH, 2, LISTENER, AFTER),
    "before the last step": Interruption(FULL, SWITCH, 3, LISTENER, BEFORE),
    "after the last step": Interruption(FULL, SWITCH, 3, LISTENER, AFTER),
    "before the last step after a bake": Interruption(BAKING, SWITCH, 3, LISTENER, BEFORE),
    "before the end": Interruption(BAKING, WRITE, 1, END, BEFORE),
    "before the return": Interruption(RETURNING, SWITCH, 1, LISTENER, BEFORE),
    "after the return": Interruption(RETURNING, SWITCH, 1, LISTENER, AFTER),
    "before the end of a return": Interruption(RETURNING, WRITE, 1, END, BEFORE),
}


def test_the_kills_cover_each_phase() -> None:
    assert {each.phase for each in KILLS.values()} == {*PHASES}


@pytest.mark.parametrize("interruption", KILLS.values(), ids=KILLS)
def test_every_phase_survives_the_kill_of_its_worker(
    api: Api, between: FaultyProxy, interruption: Interruption
) -> None:
    phase, call, number, words, moment = interruption
    live, idle = (api.fetch(url(api, port)).body["version"] for port in (80, 8080))
    fault = Fault(call, words, moment, number)
    fault.strike = lambda port: kill_worker(api.cloud.directory, between.server_port, port)
    policy: dict[str, Any] = {"strategy": SHORT, "bakeMinutes": int(phase != FULL)}
    if phase == WAITING:
        policy["approval"] = {"before": "shift", "timeoutMinutes": 600}
    later = phase in (WAITING, RETURNING)
    with customers(api) as seen, struck(between):
        operation = begun(api, idle, policy, [] if later else [fault], between)
        if phase == WAITING:
            approve(api, operation, fault, between)
        elif phase == RETURNING:
            assert until(lambda: read(api, operation).get("phase") == SHIFTED, LIMIT)
            between.faults.append(fault)
            api.call("DELETE", f"/stacks/{NAME}/operations/{operation}")
        end = ended(api, operation)
        count = len(seen)
        assert until(lambda: len(seen) > count + 10)
    assert fault.struck, "no worker was killed"
    assert end["status"] == ("FAILED" if phase == RETURNING else "SUCCEEDED"), end
    assert {status for status, _ in seen} == {200}
    assert {version for _, version in seen[count + 1 :]} == {live if phase == RETURNING else idle}
    found = outcomes(api, operation)
    approvals = int(phase == WAITING)
    counts = [found.count(each) for each in ("SHIFTED", WAITING, "APPROVED")]
    assert counts == [1, approvals, approvals], found


def approve(api: Api, operation: str, fault: Fault, between: FaultyProxy) -> None:
    """Approve a waiting swap although a worker is killed, which moves no customers."""
    assert until(lambda: read(api, operation).get("phase") == WAITING, LIMIT)
    between.faults.append(fault)
    if fault.operation == SAVE:
        assert until(lambda: bool(fault.struck), LIMIT)
    waiting = read(api, operation)
    assert (waiting["phase"], waiting["weight"]) == (WAITING, 0)
    path = f"/stacks/{NAME}/operations/{operation}"
    assert until(lambda: api.post(path, {"action": "continue"}).status in (200, 202), LIMIT)


@contextmanager
def struck(between: FaultyProxy) -> Iterator[None]:
    """Remove all faults after a `with` block."""
    try:
        yield
    finally:
        between.faults.clear()


def begun(
    api: Api, version: str, policy: dict[str, Any], faults: list[Fault], between: FaultyProxy
) -> str:
    """Request a swap, also if its worker is killed; return its id."""
    between.faults += faults
    body = {"applicationName": NAME, "version": version, **policy}
    api.post("/stacks/swapProdBlueAndGreen", body)
    listed = api.call("GET", f"/stacks/{NAME}/operations").body["operations"]
    return next(str(each["id"]) for each in listed if each["kind"] == "swap")


@pytest.fixture
def recipe(api: Api, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """A function that runs a recipe, or `devops`, as a build server does."""
    walks.write_program(tmp_path / "devops")
    own = {
        "DEVOPS_API": api.cloud.api_url,
        "DEVOPS_CONFIG": str(tmp_path / "config"),
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PYTHONPATH": str(recipes.ROOT),
        "no_proxy": "*",
    }

    def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return Step(shlex.join([script, *arguments])).run(api.cloud.environment | own, tmp_path)

    return run


def test_one_recipe_stops_at_the_approval_and_one_continues_after_its_check(
    api: Api, recipe: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    rows = api.call("GET", f"/stacks/{NAME}").body["stack"]["environments"]
    idle = next(row for row in rows if row["environment"] == "PROD-BLUE")
    named = (NAME, idle["version"], idle["digest"])
    done = recipe(str(recipes.RECIPES / "swap-with-checks.sh"), *named, "false")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "all customers have the previous release" in done.stdout + done.stderr
    assert api.fetch(url(api, 8080)).body["version"] == idle["version"]

    stops = str(recipes.RECIPES / "swap-until-approval.sh")
    done = recipe(stops, *named, "--step=1m", "--bake=1m")
    assert done.returncode == 0, done.stdout + done.stderr
    operation = done.stdout.strip()
    assert read(api, operation)["phase"] == "AWAITING_APPROVAL"
    done = recipe(str(recipes.RECIPES / "continue-swap.sh"), NAME, operation, "true")
    assert done.returncode == 0, done.stdout + done.stderr
    assert read(api, operation)["status"] == "SUCCEEDED"
    assert api.fetch(url(api)).body["version"] == idle["version"]


@pytest.mark.parametrize(("point", "weight"), [("shift", 0), ("full", 50)])
def test_an_approval_survives_a_restart_of_the_cloud(
    api: Api, between: FaultyProxy, point: str, weight: int
) -> None:
    """Also while customers use both releases: the swap continues when all tasks run again."""
    idle = api.fetch(url(api, 8080)).body["version"]
    approval = {"before": point, "timeoutMinutes": 600}
    operation = swap(api, idle, strategy=SHORT, approval=approval)
    assert until(lambda: read(api, operation).get("phase") == "AWAITING_APPROVAL", LIMIT)
    options = Options(lambda_endpoint=between.url, minute=MINUTE, keep=True)
    stop(api.cloud.directory)
    running = start(api.cloud.directory, options, owned=True)
    between.endpoint = running.endpoint
    waiting = read(api, operation)
    assert (waiting["phase"], waiting["weight"]) == ("AWAITING_APPROVAL", weight)
    path = f"/stacks/{NAME}/operations/{operation}"
    assert api.post(path, {"action": "continue"}).status in (200, 202)
    end = ended(api, operation)
    assert (end["status"], end["weight"]) == ("SUCCEEDED", 100), end
    assert end["approvedBy"]
