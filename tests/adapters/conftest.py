"""AWS in this process (moto), and the adapters over it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from moto import mock_aws

from devops_core.adapters.tables import DynamoTables

from .dynamodb import create_tables
from .samples import NAMES, NOW

REGION = "eu-west-1"


class Time:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.value = NOW

    def now(self) -> datetime:
        return self.value


class Aws:
    """Makes clients of the mocked AWS; one attempt, so that a fault is seen at once."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def client(self, service: str, attempts: int = 1) -> Any:
        config = Config(retries={"mode": "standard", "total_max_attempts": attempts})
        return self._session.create_client(service, region_name=REGION, config=config)


@pytest.fixture(scope="session")
def session() -> Any:
    """Return one session for all tests: it keeps the service models, which are slow to read."""
    return botocore.session.get_session()


@pytest.fixture
def aws(session: Any) -> Iterator[Aws]:
    with mock_aws():
        yield Aws(session)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def dynamodb(aws: Aws) -> Any:
    client = aws.client("dynamodb")
    create_tables(client, NAMES)
    return client


@pytest.fixture
def tables(dynamodb: Any, time: Time) -> DynamoTables:
    return DynamoTables(dynamodb, NAMES, time.now)
