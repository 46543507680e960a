import pytest

from tests.contract.account import Account
from tests.functional.client import Client
from tests.functional.fakes import FakeCloud


@pytest.fixture
def account() -> Account:
    """An account without applications."""
    cloud = FakeCloud()
    return Account(cloud, Client(cloud))
