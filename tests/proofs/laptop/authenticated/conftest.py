"""A separate laptop cloud with authentication: calls must be signed, and IAM checks them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.credentials import Credentials

from tests.lab.laptop.api import Api, create_body
from tests.lab.laptop.functions import Functions
from tools.laptop.callers import ADMIN
from tools.laptop.cloud import DIRECTORY, Cloud, Options, started
from tools.laptop.deploy import deploy

_IAM = "arn:aws:iam::000000000000"
PARAMETERS = {
    "allowedcidrs": ["127.0.0.1/32"],
    # The application of these tests belongs to the team platform.
    "teams": {
        "platform": [
            f"{_IAM}:user/{ADMIN}",
            f"{_IAM}:user/pipeline",
            f"{_IAM}:user/platform-*",
            f"{_IAM}:role/platform-*",
        ],
        "search": [f"{_IAM}:user/search-*"],
    },
    # The deploy of these tests has the credentials of the root user.
    "templatewriters": [f"{_IAM}:root"],
    "productionapprovers": [f"{_IAM}:user/{ADMIN}"],
    "secretprefixes": {"platform": ["platform/"]},
    "namedroles": "true",
}


@pytest.fixture(scope="package")
def callers() -> Iterator[tuple[Cloud, dict[str, Credentials]]]:
    """The laptop cloud and the credentials of its users by name."""
    with started(DIRECTORY / "auth", Options(auth=True)) as running:
        yield running, deploy(running, parameters=PARAMETERS)


@pytest.fixture(scope="package")
def api(callers: tuple[Cloud, dict[str, Credentials]]) -> Api:
    """The service, called by a user with all permissions."""
    cloud, users = callers
    return Api(cloud, users[ADMIN])


@pytest.fixture(scope="package")
def pipeline(callers: tuple[Cloud, dict[str, Credentials]]) -> Api:
    """The service, called by a user with the permission to deploy only."""
    cloud, users = callers
    return Api(cloud, users["pipeline"])


@pytest.fixture(scope="package")
def stranger(callers: tuple[Cloud, dict[str, Credentials]]) -> Api:
    """The service, called by a user without any permission."""
    cloud, users = callers
    return Api(cloud, users["stranger"])


@pytest.fixture(scope="package")
def functions(api: Api) -> Functions:
    return Functions(api)


@pytest.fixture(scope="package")
def application(api: Api) -> str:
    """An application with dev."""
    api.succeed(api.post("/stacks", create_body("Signed", environments={"nonProd": ["dev"]})))
    return "Signed"
