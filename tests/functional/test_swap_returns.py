"""Swaps that AWS throttles, returns that it blocks, and returns to a release that was stopped."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from tests.functional.test_progressive_swap import (
    CANARY,
    QUARTERS,
    hold_end,
    minutes,
    overdue,
    view,
    weight,
)
from tests.functional.test_swap_recovery import DENIED, ERRORS, THROTTLED
from tests.lab.client import Client, Reply
from tests.lab.fakes import Crash, FakeCloud


@pytest.mark.parametrize("name", ["load_balancer.rules", "load_balancer.switch"])
def test_a_blocked_return_is_overdue_soon(promoted: FakeCloud, api: Client, name: str) -> None:
    """The alarm for overdue operations does not wait for the end of a bake of a day."""
    reply = api.swap(**CANARY, bakeMinutes=1440)
    minutes(api, 2)
    promoted.wire.fail(name, DENIED)
    api.abort(reply.id)
    minutes(api, 14)
    assert not overdue(promoted)
    minutes(api, 1)
    assert overdue(promoted)
    promoted.wire.heal()
    api.tick()
    hold_end(promoted, api, reply, "FAILED", "prod-1")


def test_a_split_production_that_cannot_be_observed_is_overdue_soon(
    promoted: FakeCloud, api: Client
) -> None:
    """Without the rules of the listener, no check sees a bad release."""
    reply = api.swap(**CANARY, bakeMinutes=1440)
    deadline = reply.operation["deadline"]
    minutes(api, 2)
    promoted.wire.fail("load_balancer.rules", DENIED, times=1)
    api.tick()
    assert view(api, reply, "deadline") == (deadline,)
    promoted.wire.fail("load_balancer.rules", DENIED)
    minutes(api, 15)
    assert not overdue(promoted)
    minutes(api, 1)
    assert overdue(promoted)
    promoted.wire.heal()
    minutes(api, 2)
    assert not overdue(promoted)
    assert view(api, reply, "phase") == ("BAKING",)
    api.advance(reply.id, "finish")
    minutes(api, 1)
    hold_end(promoted, api, reply, "SUCCEEDED", "prod-2")


@pytest.mark.parametrize("errors", [(), *((error,) for error in ERRORS), (Crash(),)])
def test_a_return_starts_a_stopped_release(
    promoted: FakeCloud, api: Client, errors: tuple[BaseException, ...]
) -> None:
    """A person can stop the slot that receives no requests during a long bake.

    Its start is repeated after an error, although the customers have returned then.
    """
    reply = baking_with_a_stopped_release(promoted, api)
    for error in errors:
        promoted.wire.fail("containers.update", error, times=1)
    with suppress(Crash):
        api.abort(reply.id)
    minutes(api, 2)
    hold_end(promoted, api, reply, "FAILED", "prod-1")
    assert promoted.containers.service("Shop", "prod-1").desired == 3


def test_a_return_from_a_crashed_release_starts_all_tasks(promoted: FakeCloud, api: Client) -> None:
    reply = baking_with_a_stopped_release(promoted, api)
    promoted.containers.automatic = False
    promoted.containers.service("Shop", "prod-2").running = 0
    minutes(api, 1)
    promoted.containers.automatic = True
    hold_end(promoted, api, reply, "FAILED", "prod-1")
    assert promoted.containers.service("Shop", "prod-1").desired == 3


def baking_with_a_stopped_release(promoted: FakeCloud, api: Client) -> Reply:
    """Return a swap in its bake with three tasks, whose previous release has none."""
    reply = api.swap(**CANARY, bakeMinutes=600)
    new, previous = (promoted.containers.service("Shop", name) for name in ("prod-2", "prod-1"))
    minutes(api, 8)
    new.desired = new.running = 3
    previous.desired = previous.running = 0
    minutes(api, 1)
    assert view(api, reply, "phase") == ("BAKING",)
    return reply


ENDS = {
    "": ("SUCCEEDED", "prod-2"),
    "abort": ("FAILED", "prod-1"),
    "finish": ("SUCCEEDED", "prod-2"),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_shift_whose_first_attempt_had_no_response_and_whose_others_were_throttled(
    promoted: FakeCloud, api: Client, end: str
) -> None:
    """The SDK repeats the call, and raises only the last error (tests/adapters/test_elbv2.py)."""
    reply = api.swap(**QUARTERS)
    minutes(api, 9)
    promoted.wire.fail("load_balancer.switch", THROTTLED, times=1, lost=True)
    minutes(api, 1)
    assert weight(promoted) == 50
    if end:
        api.abort(reply.id) if end == "abort" else api.advance(reply.id, "finish")
    minutes(api, 25)
    hold_end(promoted, api, reply, *ENDS[end])


@pytest.mark.parametrize("policy", [{}, CANARY])
def test_a_throttled_swap_does_not_take_old_weights_for_its_shift(
    promoted: FakeCloud, api: Client, policy: dict[str, Any]
) -> None:
    """ELB shows the state before the swap that has just ended."""
    assert api.swap().operation["status"] == "SUCCEEDED"
    promoted.clock.pass_(seconds=5)
    balancer = promoted.load_balancer
    promoted.wire.on("load_balancer.switch", lambda: setattr(balancer, "lag", timedelta(minutes=1)))
    promoted.wire.fail("load_balancer.switch", THROTTLED, times=1)
    reply = api.swap(**policy)
    assert promoted.live("Shop") == "prod-2"
    promoted.clock.pass_(seconds=5)
    api.status(reply.id)
    minutes(api, 10)
    hold_end(promoted, api, reply, "SUCCEEDED", "prod-1")
    balancer.lag = timedelta()
