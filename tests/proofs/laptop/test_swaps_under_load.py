"""A short run of `make bench-swap`: no client of the load balancer notices a swap."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.laptop.api import Api
from tools.bench.swaps.levels import measure
from tools.bench.swaps.production import Production
from tools.bench.swaps.scenarios import SCENARIOS, Scenario, run

SWAPS = 10


@pytest.fixture(scope="module")
def production(api: Api) -> Iterator[Production]:
    there = Production(api, "Loaded")
    there.create()
    yield there
    api.succeed(api.call("DELETE", "/stacks", {"stack": there.application}))


@pytest.fixture(scope="module")
def level(production: Production) -> dict[str, Any]:
    return measure(production, concurrency=20, count=SWAPS, report=print)


def test_twenty_clients_on_each_listener_are_all_answered(level: dict[str, Any]) -> None:
    assert level["requests"] > 1000
    assert level["rates"]["inFlight"] > 20
    assert level["failed"] == 0


def test_no_answer_is_from_the_version_before_when_the_swap_was_answered(
    level: dict[str, Any],
) -> None:
    assert level["stale"] == 0


def test_each_swap_is_timed_from_the_call_to_the_first_customer(level: dict[str, Any]) -> None:
    assert len(level["swaps"]) == SWAPS
    for each in level["swaps"]:
        assert 0 < each["switched"] < each["firstAnswer"], each


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_customers_notice_nothing_when(production: Production, scenario: Scenario) -> None:
    outcome = run(production, scenario)
    assert outcome.passed, outcome
