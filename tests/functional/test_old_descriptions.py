"""Swaps while ELB describes the production listener as it was before its last change."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from devops_core.errors import AccessDeniedError, AwsError, ThrottledError, UnreachableError
from devops_core.model.operation import LEASE
from tests.functional.test_progressive_swap import (
    BAKE,
    CANARY,
    hold_end,
    minutes,
    weight,
)
from tests.lab.client import SCHEDULE, Client, Reply
from tests.lab.dry import DryClient
from tests.lab.fakes import Crash, FakeCloud

# A little younger than the oldest description that the service expects.
LAG = timedelta(seconds=59)
# Seconds from the start of a worker to its last call; Lambda ends it after 60 seconds.
LATE = 59
DENIED = AccessDeniedError("the service's role lacks a permission")
POLICIES: dict[str, dict[str, Any]] = {"at once": {}, "canary": CANARY, "bake": BAKE}


def lost(cloud: FakeCloud, api: Client, *, moved: bool = True, **policy: Any) -> Reply:
    """Start a swap whose worker crashes at its first shift, and abort it until the lease ends.

    `moved` is whether the shift took effect.
    """
    cloud.load_balancer.lag = LAG
    cloud.wire.on("load_balancer.switch", lambda: cloud.clock.pass_(seconds=LATE))
    cloud.wire.fail("load_balancer.switch", Crash(), times=1, lost=moved)
    with pytest.raises(Crash):
        api.swap(**policy)
    cloud.wire.heal()
    assert bool(weight(cloud)) is moved
    (operation,) = (each for each in cloud.tables.operations.values() if each.kind == "swap")
    aborted = api.abort(operation.id)
    cloud.clock.pass_(seconds=LEASE.total_seconds() - LATE)
    return aborted


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("moved", [True, False])
def test_customers_return_from_a_shift_that_is_not_on_record(
    promoted: FakeCloud, api: Client, policy: dict[str, Any], *, moved: bool
) -> None:
    reply = lost(promoted, api, moved=moved, **policy)

    api.wake(SCHEDULE)
    minutes(api, 3)

    ended = hold_end(promoted, api, reply, "FAILED", "prod-1")
    assert ended["reasons"] == ["aborted by iam user/alice"]


@pytest.mark.parametrize(
    "error", [UnreachableError("no answer"), ThrottledError("slow down")], ids=["lost", "throttled"]
)
@pytest.mark.parametrize("name", ["load_balancer.rules", "load_balancer.switch"])
def test_customers_return_after_further_errors(
    promoted: FakeCloud, api: Client, name: str, error: AwsError
) -> None:
    """An error does not make the service forget the lost worker."""
    reply = lost(promoted, api, **CANARY)
    promoted.wire.fail(name, error)
    api.wake(SCHEDULE)
    promoted.wire.heal()
    promoted.clock.pass_(seconds=2)

    api.wake(SCHEDULE)
    minutes(api, 3)

    hold_end(promoted, api, reply, "FAILED", "prod-1")


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_a_blocked_return_from_a_shift_that_is_not_on_record_keeps_its_claim(
    promoted: FakeCloud, api: Client, policy: dict[str, Any]
) -> None:
    """Otherwise production stays split or switched without an operation that returns it."""
    reply = lost(promoted, api, **policy)
    promoted.wire.fail("load_balancer.switch", DENIED)
    api.wake(SCHEDULE)
    moved = weight(promoted)
    minutes(api, 90)
    waiting = api.status(reply.id).operation
    assert (waiting["status"], waiting["waitingFor"]) == ("IN_PROGRESS", DENIED.message)
    assert weight(promoted) == moved > 0
    promoted.wire.heal()

    minutes(api, 3)

    hold_end(promoted, api, reply, "FAILED", "prod-1")


def test_a_swap_ends_after_a_lost_worker_while_aws_denies_the_return(
    promoted: FakeCloud, api: Client
) -> None:
    """ELB shows all changes by the lost worker then: no customer has moved."""
    reply = lost(promoted, api, moved=False)
    promoted.wire.fail("load_balancer.switch", DENIED)
    api.wake(SCHEDULE)
    waiting = api.status(reply.id).operation
    assert (waiting["status"], waiting["waitingFor"]) == ("IN_PROGRESS", DENIED.message)

    minutes(api, 1)

    hold_end(promoted, api, reply, "FAILED", "prod-1")


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_a_swap_does_not_take_the_end_of_an_earlier_one_for_its_shift(
    promoted: FakeCloud, api: Client, policy: dict[str, Any]
) -> None:
    """A worker that ELB shows the state before the earlier swap must shift itself."""
    assert api.swap().status == 200
    promoted.clock.pass_(seconds=5)
    promoted.wire.fail("load_balancer.switch", ThrottledError("slow down"))
    reply = api.swap(**policy)
    promoted.wire.heal()
    promoted.load_balancer.lag = LAG
    promoted.clock.pass_(seconds=2)

    api.wake(SCHEDULE)
    assert weight(promoted) == (90 if policy is CANARY else 0)

    minutes(api, 30)
    hold_end(promoted, api, reply, "SUCCEEDED", "prod-1")


@pytest.mark.parametrize("named", [{}, {"version": "1.0"}])
def test_a_call_right_after_a_swap_does_not_mistake_the_live_slot(
    promoted: FakeCloud, api: Client, named: dict[str, str]
) -> None:
    """Otherwise a promote would replace the live release, and a swap would swap nothing back."""
    assert api.swap().status == 200
    promoted.load_balancer.lag = LAG
    promoted.clock.pass_(seconds=5)
    start = len(promoted.wire.journal)

    for refused in (api.promote(), api.swap(None, **named), DryClient(promoted).promote()):
        assert (refused.status, refused.body["code"]) == (409, "CONFLICT")
        assert "repeat the call in a minute" in refused.body["errorMessage"]

    assert promoted.wire.writes(start) == []
    promoted.clock.pass_(minutes=1)
    assert api.finished(api.promote()).operation["status"] == "SUCCEEDED"
    assert promoted.live("Shop") == "prod-2"
