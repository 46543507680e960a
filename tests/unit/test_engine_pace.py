"""The pace of the reads of load balancers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from devops_core.engine import sweep
from devops_core.engine.pace import BURST, RATE, Pace
from tests.lab.fakes.clock import FakeClock
from tests.lab.rates import PUBLISHED

# The reads of a swap.
_CHECK = 4


@pytest.mark.parametrize(
    ("reads", "waits"),
    [
        ([BURST], [0]),
        ([_CHECK] * 8, [0] * 8),
        ([_CHECK] * 11, [0] * 8 + [0.5] * 3),
        ([BURST, 1, 2, 4], [0, 0.125, 0.25, 0.5]),
        ([BURST, 0, 0, 8], [0, 0, 0, 1]),
        ([BURST + 8], [1]),
    ],
    ids=["burst", "few", "many", "different", "none", "more than a burst"],
)
def test_reads_beyond_the_burst_wait(reads: list[int], waits: list[float]) -> None:
    clock = FakeClock()
    pace = Pace(clock)
    found = []
    for each in reads:
        before = clock.now()
        pace.wait(each)
        found.append((clock.now() - before).total_seconds())
    assert found == waits


@pytest.mark.parametrize(
    ("seconds", "wait"), [(0, 1), (0.5, 0.5), (1, 0), (100, 0)], ids=["0", "half", "full", "long"]
)
def test_the_bucket_is_refilled_up_to_the_burst(seconds: float, wait: float) -> None:
    clock = FakeClock()
    pace = Pace(clock)
    pace.wait(BURST)
    clock.pass_(seconds=seconds)
    before = clock.now()
    pace.wait(RATE)
    assert clock.now() - before == timedelta(seconds=wait)
    # A long time without reads does not allow more than a burst.
    clock.pass_(seconds=1000)
    pace.wait(BURST)
    before = clock.now()
    pace.wait(RATE)
    assert clock.now() - before == timedelta(seconds=1)


def test_simultaneous_workers_have_different_turns() -> None:
    waited: list[float] = []
    clock = FakeClock()
    clock.sleep = waited.append
    pace = Pace(clock)
    for _ in range(12):
        pace.wait(_CHECK)
    assert waited == [0.5, 1, 1.5, 2]


def test_the_pace_is_below_the_published_rate() -> None:
    published = PUBLISHED["ELB, non-mutating"]
    assert published.capacity > BURST
    assert published.refill > RATE


def test_the_last_group_of_a_run_ends_before_its_limit() -> None:
    """Its operations wait for their turn after those that the workers have taken before."""
    waiting = timedelta(seconds=2 * sweep.WORKERS * _CHECK / RATE)
    assert sweep.BUDGET + waiting < sweep.LIMIT - timedelta(seconds=5)
