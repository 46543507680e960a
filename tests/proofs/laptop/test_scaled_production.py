"""A swap of a scaled application under load: the customers never have fewer tasks than before.

Application Auto Scaling reacts to the requests of the clients, and ECS and the listener are the
judges.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.laptop.api import Api, until
from tests.lab.laptop.scaled_services import SLOTS, ScaledProduction
from tools.bench.swaps.load import load
from tools.bench.swaps.production import Production
from tools.bench.swaps.records import LIVE, failed
from tools.bench.swaps.scenarios import watched
from tools.laptop import deploy
from tools.laptop.cloud import Options, started

MINUTE = 2.0  # seconds; the limits of the operations become shorter as well
NAME = "Busy"
CLIENTS = 10
REQUESTS = 50
LEAST, MOST = 2, 5
# The clients send many more requests than five tasks may receive.
SCALING = {"min": LEAST, "max": MOST, "requestsPerTarget": 1}
# Longer than the 15 minutes that an alarm of scale-in evaluates.
PERIOD = 18 * MINUTE


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A separate laptop cloud with short minutes."""
    with started(tmp_path_factory.mktemp("scaled"), Options(minute=MINUTE)) as running:
        deploy.deploy(running)
        yield Api(running)


@pytest.fixture(scope="module")
def production(api: Api) -> Iterator[Production]:
    """A scaled application with a release in each slot."""
    own = Production(api, NAME)
    own.create(overrides={"prod": {"scaling": SCALING}})
    scaled = ScaledProduction(api, NAME)
    assert scaled.targets().keys() == {*SLOTS}
    yield own
    api.succeed(api.call("DELETE", "/stacks", {"stack": NAME}))
    assert scaled.targets() == {}


def test_a_swap_under_load_keeps_the_size_of_the_live_slot(
    api: Api, production: Production
) -> None:
    scaled = ScaledProduction(api, NAME)
    live, idle = production.roles()
    with (
        load(api, production.url, CLIENTS, ports=(LIVE,)) as customers,
        watched(scaled.sizes) as samples,
    ):
        assert until(lambda: samples[-1][1].running[live] == MOST and production.state(live).steady)
        # By now the idle slot, which receives no requests, would scale in.
        assert until(lambda: samples[-1][0] > samples[0][0] + PERIOD)
        begin, before = samples[-1]
        tasks = scaled.tasks(live)
        assert before.live == live
        assert before.running[idle] == before.desired[idle] == LEAST

        production.swap(production.idle)
        assert until(lambda: samples[-1][1].live == idle)
        switch = next(at for at, sizes in samples if sizes.live == idle)
        assert until(lambda: samples[-1][0] > switch + PERIOD)
        targets = scaled.targets()
        assert targets[live]["SuspendedState"]["DynamicScalingInSuspended"]
        assert not targets[idle]["SuspendedState"]["DynamicScalingInSuspended"]
        assert targets[idle]["MinCapacity"] == MOST
        assert scaled.tasks(live) == tasks

        production.swap(production.idle)
        assert until(lambda: samples[-1][1].live == live)
        customers.wait(REQUESTS)
        assert scaled.tasks(live) == tasks
    observed = [(at, sizes) for at, sizes in samples if at >= begin]
    assert failed(customers.requests) == []
    assert {each.port for each in customers.requests} == {LIVE}
    assert min(sizes.running[sizes.live] for _, sizes in observed) >= MOST
    assert {sizes.desired[live] for _, sizes in observed} == {MOST}

    # Only the limits and the suspension keep the tasks: without them they end.
    assert scaled.sizes().running[idle] == MOST
    resumed = {"DynamicScalingInSuspended": False}
    scaled.change_target(idle, MinCapacity=LEAST, SuspendedState=resumed)
    assert until(lambda: scaled.sizes().running[idle] == LEAST)
