"""Progressive swaps on a laptop cloud with short minutes: judged, approved, and interrupted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.lab.laptop.api import Api, create_body, until
from tests.lab.laptop.proxy import Fault, FaultyProxy, Moment, proxy
from tests.lab.laptop.scene import prepare
from tests.lab.laptop.workers import kill_worker
from tools.laptop.cloud import Cloud, Options, start, started, stop
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
    answer = api.call("GET", f"/stacks/{NAME}/operations/{operation}")
    assert answer.status == 200, answer.body
    return dict(answer.body["operation"])


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
    found = api.call("GET", f"/stacks/{NAME}/events", query={"operation": operation})
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
