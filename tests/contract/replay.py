"""Replays the scenarios of the contract's examples, and records what the service answers."""

from __future__ import annotations

from typing import Any

from tests.contract.example_account import Account
from tests.contract.listings import READS
from tests.contract.refusals import REFUSALS
from tests.contract.successes import SUCCESSES
from tests.lab.client import Client
from tests.lab.fakes import FakeCloud

SCENARIOS = SUCCESSES | REFUSALS | READS


def bodies() -> dict[tuple[str, int, str], Any]:
    """Return the body of each response, by operation, status and name of the example."""
    return {key: scenario(new_account()).body for key, scenario in SCENARIOS.items()}


def new_account() -> Account:
    """Return an account without applications."""
    cloud = FakeCloud()
    return Account(cloud, Client(cloud))
