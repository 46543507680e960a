from collections.abc import Iterator

import pytest

from devops_core.access import AccessPolicy
from tests.lab import emf
from tests.lab.callers import BOTH, with_policy
from tests.lab.client import Client
from tests.lab.dry import DryClient
from tests.lab.fakes import FakeCloud
from tests.lab.memory.memory_snapshot import watch

# What the service logs when it has met with something that should not be.
_FAULTS = ("broken", "check failed", "given up", "reconcile failed")


@pytest.fixture
def cloud() -> Iterator[FakeCloud]:
    """An account without applications. After the test everything must recover by itself.

    A test that makes the service fail clears `lines`.
    """
    cloud = FakeCloud()
    watcher = watch(cloud)
    yield cloud
    cloud.wire.heal()
    cloud.containers.automatic = True
    cloud.stacks.pace = 1
    for stack in cloud.stacks.stacks.values():
        stack.left = stack.left or 1
    Client(cloud).settle()
    watcher.hold_at_rest()
    assert not [problem for line in cloud.measured for problem in emf.problems(line)]
    assert not [line for line in cloud.lines if line[0] in _FAULTS]


@pytest.fixture
def api(cloud: FakeCloud) -> Client:
    return Client(cloud)


@pytest.fixture
def dry(cloud: FakeCloud) -> DryClient:
    """A caller who only tries."""
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
    """Shop with 1.0 in dev and in blue."""
    api.finished(api.deploy("1.0", "dev"))
    api.finished(api.promote())
    return shop


@pytest.fixture
def owned(promoted: FakeCloud) -> Iterator[FakeCloud]:
    """The same, in an installation with teams and production approvers; its team is payments."""
    yield with_policy(promoted, BOTH)
    with_policy(promoted, AccessPolicy())


@pytest.fixture
def settled(promoted: FakeCloud) -> FakeCloud:
    """The same, long enough ago for a drift check."""
    promoted.clock.pass_(minutes=10)
    return promoted
