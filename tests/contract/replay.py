"""Replays the scenarios of the contract's examples, and records the responses."""

from __future__ import annotations

from typing import Any

from tests.contract.example_account import Account, Scenarios
from tests.contract.refusals import REFUSALS
from tests.contract.successes import SUCCESSES
from tests.lab.client import Client, Reply
from tests.lab.fakes import FakeCloud


def _two_shops(account: Account) -> Account:
    account.promoted().api.finished(account.api.create("Basket"))
    return account


def _a_version(account: Account) -> Reply:
    return account.deployed().get("listApplications", version="1.0.0.0")


def _live(account: Account) -> Reply:
    account.deployed().api.deploy("1.0.0.1", "dev")
    return account.get("readApplication", live="true")


def _of_operation(account: Account) -> Reply:
    operation = account.deployed().api.deploy("1.0.0.1", "dev").id
    account.cloud.clock.wait(60)
    account.api.settle()
    return account.get("listApplicationEvents", operation=operation)


_READS: Scenarios = {
    ("listApplications", 200, "all"): lambda account: _two_shops(account).get("listApplications"),
    ("listApplications", 200, "page"): lambda account: _two_shops(account).get(
        "listApplications", environment="prod-green", limit="1"
    ),
    ("listApplications", 200, "version"): _a_version,
    ("readApplication", 200, "recorded"): lambda account: account.promoted().get("readApplication"),
    ("readApplication", 200, "live"): _live,
    ("readSpecification", 200, "present"): lambda account: account.configured().get(
        "readSpecification"
    ),
    ("readSpecification", 200, "revision"): lambda account: account.configured().get(
        "readSpecification", revision="2"
    ),
    ("listOperations", 200, "page"): lambda account: account.deployed().get(
        "listOperations", limit="1"
    ),
    ("listApplicationEvents", 200, "deploy"): lambda account: account.deployed().get(
        "listApplicationEvents", limit="4"
    ),
    ("listApplicationEvents", 200, "operation"): _of_operation,
    ("listEvents", 200, "newest"): lambda account: account.promoted().get("listEvents", limit="2"),
    ("readApplication", 404, "NOT_FOUND"): lambda account: account.get("readApplication"),
}
SCENARIOS = SUCCESSES | REFUSALS | _READS


def bodies() -> dict[tuple[str, int, str], Any]:
    """Return the body of each response, by operation, status and name of the example."""
    return {key: scenario(new_account()).body for key, scenario in SCENARIOS.items()}


def new_account() -> Account:
    """Return an account without applications."""
    cloud = FakeCloud()
    return Account(cloud, Client(cloud))
