"""Ten simultaneous deploys on a laptop cloud that enforces the published request rates of AWS."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.lab.laptop.api import Api, create_body
from tests.lab.laptop.estate import hold_after_recovery
from tests.lab.laptop.limited import LimitedProxy
from tools.bench.serving import serving
from tools.laptop.cloud import Options, started
from tools.laptop.deploy import deploy

NAMES = [f"rate-{number}" for number in range(10)]


@pytest.fixture
def proxy() -> Iterator[LimitedProxy]:
    with serving(LimitedProxy()) as server:
        yield server


@pytest.fixture
def api(tmp_path: Path, proxy: LimitedProxy) -> Iterator[Api]:
    with started(tmp_path, Options(lambda_endpoint=proxy.url)) as running:
        proxy.endpoint = running.endpoint
        deploy(running)
        yield Api(running)


def test_ten_simultaneous_deploys_succeed_within_the_request_rates(
    api: Api, proxy: LimitedProxy
) -> None:
    def create(name: str) -> None:
        api.succeed(api.post("/stacks", create_body(name)))
        api.push(name, "1.0")

    def release(name: str) -> str:
        body = {"applicationName": name, "environment": ["dev"], "version": "1.0"}
        answer = api.post("/stacks/deploy", body, Prefer="wait=25")
        return str(api.wait_for_end(answer)["status"])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(create, NAMES))
    limiter = proxy.limit()
    with ThreadPoolExecutor(len(NAMES)) as pool:
        assert list(pool.map(release, NAMES)) == ["SUCCEEDED"] * len(NAMES)
    assert limiter.taken["RegisterTaskDefinition"] == len(NAMES)
    assert limiter.refused["RegisterTaskDefinition"] > 0
    proxy.limiter = None
    hold_after_recovery(api)
