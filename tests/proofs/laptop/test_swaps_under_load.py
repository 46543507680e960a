"""The CI size of `make bench-swap`: no request of a client fails because of a swap."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.laptop.api import Api
from tests.lab.sizes import Sizes
from tools.bench.swaps.levels import measure
from tools.bench.swaps.production import Production
from tools.bench.swaps.scenarios import SCENARIOS, Scenario, run

SWAPS = 10
SIZES = Sizes(
    f"all cases; {SWAPS} swaps under load",
    'the same; 300 swaps: `make bench-swap ARGS="--swaps 300"`',
)


@pytest.fixture(scope="module")
def production(api: Api) -> Iterator[Production]:
    there = Production(api, "Loaded")
    there.create()
    yield there
    api.succeed(api.call("DELETE", "/stacks", {"stack": there.application}))


@pytest.fixture(scope="module")
def level(production: Production) -> dict[str, Any]:
    return measure(production, concurrency=20, count=SWAPS, report=print)


def test_all_requests_of_twenty_clients_of_each_listener_succeed(level: dict[str, Any]) -> None:
    assert level["requests"] > 1000
    assert level["rates"]["inFlight"] > 20
    assert level["failed"] == 0


def test_no_response_has_the_previous_version_after_the_response_to_the_swap(
    level: dict[str, Any],
) -> None:
    assert level["stale"] == 0


def test_each_swap_has_the_times_of_the_switch_and_of_the_first_response(
    level: dict[str, Any],
) -> None:
    assert len(level["swaps"]) == SWAPS
    for each in level["swaps"]:
        assert 0 < each["switched"] < each["firstAnswer"], each


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_no_request_fails_in_a_scenario(production: Production, scenario: Scenario) -> None:
    outcome = run(production, scenario)
    assert outcome.passed, outcome


def test_the_sizes_are_documented() -> None:
    assert SIZES.is_documented("laptop")
