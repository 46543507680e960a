import pytest

from tests.contract.example_account import Account
from tests.contract.replay import new_account


@pytest.fixture
def account() -> Account:
    """An account without applications."""
    return new_account()
