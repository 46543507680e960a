from collections.abc import Iterator

import pytest

from devops_core.access import AccessPolicy
from tests.lab import emf
from tests.lab.callers import BOTH, with_policy
from tests.lab.client import Client
from tests.lab.dry import DryClient
from tests.lab.fakes import FakeCloud
from tests.lab.memory.memory_snapshot import watch

# The log messages of internal errors.
_ERRORS = ("broken", "check failed", "given up", "notification failed", "reconcile failed")


@pytest.fixture
def cloud() -> Iterator[FakeCloud]:
    """An account without applications. After each test, every operation must recover and end.

    A test that causes an internal error clears `lines`.
    """
    cloud = FakeCloud()
    watcher = watch(cloud)
    yield cloud
    cloud.resume()
    Client(cloud).settle()
    watcher.hold_at_rest()
    assert not [problem for line in cloud.measured for problem in emf.problems(line)]
    assert not [line for line in cloud.lines if line[0] in _ERRORS]


@pytest.fixture
def api(cloud: FakeCloud) -> Client:
    return Client(cloud)


@pytest.fixture
def dry(cloud: FakeCloud) -> DryClient:
    """A caller who makes only dry runs."""
    return DryClient(cloud)


@pytest.fixture
def shop(cloud: FakeCloud, api: Client) -> FakeCloud:
    """An account with the application Shop: dev, qa, stage, training and production."""
    api.finished(api.create(environments={"nonProd": ["dev", "qa", "stage"], "training": True}))
    assert cloud.tables.inventory_of("Shop").service is not None
    for version in ("1.0", "1.1", "1.2"):
        cloud.push(version)
    return cloud


@pytest.fixture
def promoted(shop: FakeCloud, api: Client) -> FakeCloud:
    """Shop with 1.0 in dev and in the blue slot."""
    api.finished(api.deploy("1.0", "dev"))
    api.finished(api.promote())
    return shop


@pytest.fixture
def scaled(promoted: FakeCloud, api: Client) -> FakeCloud:
    """Shop with scaling of production, and two complete releases: prod-2 is live."""
    scaling = {"min": 2, "max": 5, "cpuPercent": 60}
    api.ended(api.patch({"overrides": {"prod": {"scaling": scaling}}}))
    api.ended(api.deploy("1.1", "dev"))
    api.ended(api.promote(environment="dev"))
    api.ended(api.swap())
    api.ended(api.deploy("1.2", "dev"))
    api.ended(api.promote(environment="dev"))
    assert promoted.live("Shop") == "prod-2"
    return promoted


@pytest.fixture
def owned(promoted: FakeCloud) -> Iterator[FakeCloud]:
    """Shop of team payments, promoted, in an installation with teams and production approvers."""
    yield with_policy(promoted, BOTH)
    with_policy(promoted, AccessPolicy())


@pytest.fixture
def settled(promoted: FakeCloud) -> FakeCloud:
    """Shop, promoted ten minutes ago, so that the drift check reads it."""
    promoted.clock.pass_(minutes=10)
    return promoted
