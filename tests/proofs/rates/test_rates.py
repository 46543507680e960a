"""Many simultaneous operations succeed within the published request rates of AWS."""

from __future__ import annotations

from datetime import timedelta

import pytest

from devops_core.adapters.aws.models import CALLED
from tests.lab.rates import PUBLISHED, Limiter
from tests.proofs.rates import swaps
from tests.proofs.rates.__main__ import CI, SIZES, SWAPS
from tests.proofs.rates.scenarios import SCENARIOS
from tests.proofs.rates.simulation import ROLLOUT, STACK

_CHANGES = PUBLISHED["ECS, task definition modify"]


@pytest.mark.parametrize("name", SCENARIOS)
def test_all_simultaneous_operations_succeed(name: str) -> None:
    count, scenario = CI[name], SCENARIOS[name]
    simulation = scenario.run(count, 1)
    assert set(simulation.result.ended.values()) == {"SUCCEEDED"}
    assert len(simulation.result.ended) == count
    assert (simulation.result.repeated, simulation.result.crashes) == (0, 0)
    # The time that the rate of the changes of task definitions alone requires.
    waiting = ROLLOUT[1] + (STACK[1] if name.startswith("creates") else 0)
    least = (scenario.changes * count - _CHANGES.capacity) / _CHANGES.refill + waiting
    assert simulation.result.seconds <= 1.5 * least
    limiter = simulation.limiter
    assert sum(limiter.taken[each] for each in _CHANGES.operations) == scenario.changes * count
    # The proof proves nothing if the rates are never reached.
    assert limiter.refused


def test_simultaneous_swaps_in_steps_are_checked_within_two_minutes() -> None:
    """Without a pace, a check of one of 20 swaps was eight minutes late, and of 40 some failed."""
    simulation, checks = swaps.run(SWAPS, 1)
    assert list(simulation.result.ended.values()) == ["SUCCEEDED"] * SWAPS
    assert simulation.result.crashes == 0
    # A swap rests for 55 seconds after a check, so every second run can find it due.
    assert checks.longest <= timedelta(minutes=2)
    assert checks.count >= 10 * SWAPS
    # The proof proves nothing if the rates are never reached.
    assert simulation.limiter.refused["DescribeRules"]


def test_a_waiting_caller_does_not_exceed_the_rate_of_reads() -> None:
    limiter = SCENARIOS["deploys of one environment"].run(50, 2).limiter
    assert {*limiter.refused} == {"RegisterTaskDefinition"}


def test_a_bucket_refuses_a_request_without_a_token_and_is_refilled() -> None:
    time = [0.0]
    limiter = Limiter(lambda: time[0])
    taken = [limiter.take("RegisterTaskDefinition") for _ in range(30)]
    assert taken == [True] * 20 + [False] * 10
    assert not limiter.take("DeregisterTaskDefinition")
    assert limiter.take("UpdateService")
    time[0] = 2.5
    taken = [limiter.take("DeregisterTaskDefinition") for _ in range(3)]
    assert taken == [True, True, False]
    time[0] = 1000.0
    assert sum(limiter.take("RegisterTaskDefinition") for _ in range(30)) == 20
    assert not Limiter(lambda: 0.0, full=False).take("UpdateService")


def test_each_call_to_ecs_elb_and_cloudwatch_has_a_rate() -> None:
    limited = {operation for rate in PUBLISHED.values() for operation in rate.operations}
    assert limited == {*CALLED["ecs"], *CALLED["elbv2"], *CALLED["cloudwatch"]}


def test_the_sizes_are_documented() -> None:
    assert SIZES.is_documented("rates")
