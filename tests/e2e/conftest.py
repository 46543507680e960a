"""One laptop cloud with the service deployed, for all end-to-end tests of a run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.cloud import DIRECTORY, Cloud, started
from local.deploy import deploy
from tests.e2e.client import Api, create_body

# Created at the very start and then never asked about: only the schedule can bring it to its end.
LEFT_ALONE = "LeftAlone"


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    with started(DIRECTORY / "test") as running:
        deploy(running)
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
    environments = {"nonProd": ["dev", "qa"]}
    api.succeed(api.post("/stacks", create_body(name, environments=environments)))
    yield name
    api.succeed(api.call("DELETE", "/stacks", {"stack": name}))
