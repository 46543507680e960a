"""One laptop cloud with the deployed service, for all tests of a run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.laptop.api import Api, create_body
from tests.lab.laptop.interruptions import CASES
from tests.lab.laptop.proxy import proxy
from tests.lab.laptop.restart import Restarted, restarted
from tests.lab.laptop.scene import Scene
from tools.bench.calls.functions import name_functions
from tools.bench.calls.proxy import Proxy
from tools.bench.serving import serving
from tools.laptop.cloud import DIRECTORY, Cloud, Options, started
from tools.laptop.deploy import client, deploy

# Created at the start and not read afterwards, so that only the schedule can end its create.
LEFT_ALONE = "LeftAlone"


@pytest.fixture(scope="session")
def wire() -> Iterator[Proxy]:
    """The proxy between the Lambda functions and AWS."""
    with serving(Proxy()) as server:
        yield server


@pytest.fixture(scope="session")
def cloud(wire: Proxy) -> Iterator[Cloud]:
    with started(DIRECTORY / "test", Options(lambda_endpoint=wire.url)) as running:
        wire.endpoint = running.endpoint
        deploy(running)
        name_functions(client(running, "lambda"))
        answer = Api(running).post("/stacks", create_body(LEFT_ALONE))
        assert answer.status == 202, answer.body
        yield running


@pytest.fixture(scope="session")
def api(cloud: Cloud) -> Api:
    return Api(cloud)


@pytest.fixture(scope="module")
def application(api: Api, request: pytest.FixtureRequest) -> Iterator[str]:
    """An application with dev and qa, for the tests of one module."""
    name = "App" + request.module.__name__.rpartition("_")[2].capitalize()
    choice = {"environments": {"nonProd": ["dev", "qa"]}, "service": {"warmup": ["/", "/a?b=c"]}}
    api.succeed(api.post("/stacks", create_body(name, **choice)))
    yield name
    api.succeed(api.call("DELETE", "/stacks", {"stack": name}))


@pytest.fixture(scope="session")
def scene() -> Iterator[Scene]:
    """A separate laptop cloud on which all cases were interrupted; no caller reads them afterwards.

    The schedule needs minutes to end them, during which other tests run. `test_resume`, the last
    module, checks the results.
    """
    with proxy() as between:
        options = Options(lambda_endpoint=between.url)
        with started(DIRECTORY / "faults", options) as running:
            between.endpoint = running.endpoint
            deploy(running)
            there = Scene(Api(running), between)
            there.prepare()
            with there.watched():
                there.strike(CASES)
                yield there


@pytest.fixture(scope="session")
def stopped_and_started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restarted]:
    """Another laptop cloud, which was stopped and started again while operations ran."""
    with restarted(tmp_path_factory.mktemp("restarted")) as seen:
        yield seen
