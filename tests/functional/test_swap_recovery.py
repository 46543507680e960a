"""Rollbacks of a progressive swap: races, and AWS errors in each phase."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from devops_core.errors import AccessDeniedError, AwsError, ThrottledError, UnreachableError
from devops_core.model.operation import LEASE
from tests.functional.test_progressive_swap import (
    BAKE,
    CANARY,
    QUARTERS,
    hold_end,
    minutes,
    outcomes,
    view,
    weight,
)
from tests.lab.client import SCHEDULE, Client, Reply
from tests.lab.events import DEPLOYMENT_COMPLETED
from tests.lab.fakes import Call, Crash, FakeCloud

THROTTLED = ThrottledError("AWS throttles")
DENIED = AccessDeniedError("the service's role lacks a permission")
BEFORE_SHIFT: dict[str, Any] = {**CANARY, "approval": {"before": "shift"}}


# --- other operations while a swap holds production ---


def test_other_changes_of_production_are_refused(promoted: FakeCloud, api: Client) -> None:
    reply = api.swap(**CANARY)
    for refused in (
        api.promote(),
        api.swap(),
        api.delete(),
        api.patch({"overrides": {"prod": {"desiredCount": 3}}}),
    ):
        assert (refused.status, refused.body["code"]) == (409, "BUSY"), refused.body
        assert reply.id in str(refused.body)
    # Other environments are free.
    assert api.deploy("1.1", "dev").status == 202
    assert api.patch({"description": "The shop"}).status == 200
    assert weight(promoted) == 10
    minutes(api, 6)
    hold_end(promoted, api, reply, "SUCCEEDED", "prod-2")


# --- races ---


def test_an_abort_during_a_shift(promoted: FakeCloud, api: Client) -> None:
    """The worker that shifts cannot save any more; the customers return after its lease."""
    reply = api.swap(**CANARY)
    promoted.clock.pass_(minutes=6)
    aborts: list[Reply] = []
    promoted.wire.on("load_balancer.switch", lambda: aborts.append(api.abort(reply.id)))
    api.wake(SCHEDULE)
    assert (aborts[0].status, weight(promoted)) == (202, 100)
    promoted.clock.pass_(seconds=LEASE.total_seconds())
    api.wake(SCHEDULE)
    ended = hold_end(promoted, api, reply, "FAILED", "prod-1")
    assert ended["reasons"] == ["aborted by iam user/alice"]
    assert ended["switchedAt"]
    assert outcomes(promoted, reply.id).count("SWITCHED") == 1


def test_a_finish_during_a_shift(promoted: FakeCloud, api: Client) -> None:
    reply = api.swap(**QUARTERS, approval={"before": "full"})
    promoted.clock.pass_(minutes=10)
    promoted.wire.on("load_balancer.switch", lambda: api.advance(reply.id, "finish"))
    api.wake(SCHEDULE)
    assert weight(promoted) == 50
    promoted.clock.pass_(seconds=LEASE.total_seconds())
    api.wake(SCHEDULE)
    hold_end(promoted, api, reply, "SUCCEEDED", "prod-2")


def test_an_abort_during_a_finish(promoted: FakeCloud, api: Client) -> None:
    reply = api.swap(**CANARY, **BAKE)
    promoted.wire.on("load_balancer.switch", lambda: api.abort(reply.id), after=True)
    finished = api.advance(reply.id, "finish")
    assert finished.status == 202
    promoted.clock.pass_(seconds=LEASE.total_seconds())
    api.wake(SCHEDULE)
    hold_end(promoted, api, reply, "FAILED", "prod-1")


def test_two_workers_at_a_step(promoted: FakeCloud, api: Client) -> None:
    reply = api.swap(**CANARY)
    promoted.clock.pass_(minutes=6)
    start = len(promoted.wire.journal)
    promoted.wire.on("load_balancer.healthy", lambda: api.wake(SCHEDULE))
    api.status(reply.id)
    assert promoted.wire.count("load_balancer.switch", start) == 2
    hold_end(promoted, api, reply, "SUCCEEDED", "prod-2")
    assert outcomes(promoted, reply.id).count("SWITCHED") == 1


@pytest.mark.parametrize("skew", [-240, -61, 61, 240])
def test_workers_with_other_clocks(promoted: FakeCloud, api: Client, skew: int) -> None:
    """AWS refuses calls of a worker whose clock differs by more than five minutes."""
    promoted.monitoring.states = {"errors": "OK"}
    reply = api.swap(**QUARTERS, **BAKE, alarms=["errors"])
    for number in range(60):
        promoted.clock.skew = timedelta(seconds=skew * (number % 2))
        promoted.clock.pass_(minutes=1)
        api.wake(SCHEDULE)
    promoted.clock.skew = timedelta()
    hold_end(promoted, api, reply, "SUCCEEDED", "prod-2")


@pytest.mark.parametrize("end", ["", "abort", "finish"])
def test_elb_shows_old_weights_for_a_while(promoted: FakeCloud, api: Client, end: str) -> None:
    shown: list[Any] = []

    def stale(call: Call, effect: Callable[[], Any]) -> Any:
        if call.name != "load_balancer.rules" or "production" not in call.args[0]:
            return effect()
        shown.append(effect())
        return shown[-2] if len(shown) > 1 else shown[-1]

    promoted.wire.around = stale
    reply = api.swap(**QUARTERS)
    minutes(api, 12)
    if end == "abort":
        api.abort(reply.id)
    if end == "finish":
        api.advance(reply.id, "finish")
    minutes(api, 30)
    promoted.wire.heal()
    if end == "abort":
        hold_end(promoted, api, reply, "FAILED", "prod-1")
    else:
        hold_end(promoted, api, reply, "SUCCEEDED", "prod-2")


# --- errors ---

CALLS = (
    "tables.operation", "tables.inventory", "tables.save", "tables.close", "load_balancer.rules",
    "load_balancer.switch", "load_balancer.healthy", "containers.services", "monitoring.alarms",
)  # fmt: skip
ERRORS = (THROTTLED, UnreachableError("no answer"), DENIED)


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("aborts", [False, True])
def test_a_swap_survives_errors_of_each_call(
    promoted: FakeCloud, api: Client, name: str, *, lost: bool, aborts: bool
) -> None:
    """For ten minutes each call fails, around a step or a return."""
    promoted.monitoring.states = {"errors": "OK"}
    reply = api.swap(**CANARY, **BAKE, alarms=["errors"])
    minutes(api, 4)
    promoted.wire.fail(name, UnreachableError("no answer"), lost=lost)
    if aborts:
        assert api.abort(reply.id).status in (200, 202, 502, 503)
    minutes(api, 10)
    recorded = promoted.tables.operations["Shop", reply.id]
    split = 0 < weight(promoted) < 100
    assert not (recorded.ended and split)
    promoted.wire.heal()
    if aborts:
        api.abort(reply.id)
    minutes(api, 20)
    operation = api.status(reply.id).operation
    assert operation["status"] != "IN_PROGRESS", operation
    ended = operation["status"]
    hold_end(promoted, api, reply, ended, "prod-2" if ended == "SUCCEEDED" else "prod-1")
    # Errors of the tables are errors of the schedule.
    promoted.lines = [line for line in promoted.lines if line[0] != "reconcile failed"]


@pytest.mark.parametrize("name", ["containers.services", "load_balancer.healthy"])
@pytest.mark.parametrize("error", ERRORS, ids=["throttled", "unreachable", "denied"])
@pytest.mark.parametrize(
    "policy", [CANARY, BEFORE_SHIFT], ids=["shifted", "before the first shift"]
)
def test_an_abort_ends_a_swap_while_ecs_cannot_be_observed(
    promoted: FakeCloud, api: Client, name: str, error: AwsError, policy: dict[str, Any]
) -> None:
    reply = api.swap(**policy)
    promoted.wire.fail(name, error)
    aborted = api.abort(reply.id)
    assert (aborted.status, aborted.operation["status"]) == (200, "FAILED")
    hold_end(promoted, api, reply, "FAILED", "prod-1")


@pytest.mark.parametrize("name", ["load_balancer.rules", "load_balancer.switch"])
def test_a_blocked_return_does_not_end_and_is_overdue(
    promoted: FakeCloud, api: Client, name: str
) -> None:
    reply = api.swap(**CANARY)
    promoted.wire.fail(name, DENIED)
    assert api.abort(reply.id).status == 202
    for _ in range(40):
        promoted.clock.pass_(minutes=10)
        api.wake(SCHEDULE)
    operation = api.status(reply.id).operation
    assert (operation["status"], operation["waitingFor"]) == ("IN_PROGRESS", DENIED.message)
    assert promoted.measured[-1].get("OverdueOperations") == 1
    promoted.wire.heal()
    api.tick()
    hold_end(promoted, api, reply, "FAILED", "prod-1")


def test_a_crash_at_each_call_of_a_canary(promoted: FakeCloud, api: Client) -> None:
    """Each call of the run that shifts, lost or without effect; the next worker continues."""
    for lost in (False, True):
        for name in ("load_balancer.switch", "tables.save"):
            before = promoted.live("Shop")
            reply = api.swap(**CANARY)
            promoted.clock.pass_(minutes=6)
            promoted.wire.fail(name, Crash(), times=1, lost=lost)
            with pytest.raises(Crash):
                api.wake(SCHEDULE)
            promoted.wire.heal()
            promoted.clock.pass_(seconds=LEASE.total_seconds())
            minutes(api, 1)
            assert api.status(reply.id).operation["status"] == "SUCCEEDED"
            assert promoted.live("Shop") not in (before, None)


@pytest.mark.parametrize("waited", [2, 8])
def test_an_unhealthy_release_returns(promoted: FakeCloud, api: Client, waited: int) -> None:
    reply = api.swap(**CANARY, **BAKE)
    minutes(api, waited)
    promoted.containers.service("Shop", "prod-2").sick = True
    api.wake(DEPLOYMENT_COMPLETED)
    ended = hold_end(promoted, api, reply, "FAILED", "prod-1")
    assert ended["reasons"] == ["the new release has no healthy target"]


@pytest.mark.parametrize("by_swap", [True, False], ids=["by the swap", "by a scale-out"])
def test_added_tasks_that_start_slowly_do_not_return_the_customers(
    promoted: FakeCloud, api: Client, *, by_swap: bool
) -> None:
    reply = api.swap(**CANARY, bakeMinutes=30)
    minutes(api, 2 if by_swap else 8)
    slots = [promoted.containers.service("Shop", name) for name in ("prod-1", "prod-2")]
    grown, new = slots[not by_swap], slots[1]
    promoted.containers.automatic = False
    grown.desired = 4
    slots[0].running = slots[0].desired
    minutes(api, 9)
    assert (new.desired, new.running) == (4, 1)
    assert view(api, reply, "phase") == ("SHIFTED" if by_swap else "BAKING",)
    # All of them count from then on.
    new.running = 4
    minutes(api, 2)
    new.running = 1
    minutes(api, 2)
    ended = hold_end(promoted, api, reply, "FAILED", "prod-1")
    assert ended["reasons"] == ["the new release has 1 healthy targets for 4 tasks"]
    promoted.containers.automatic = True


def test_weights_and_stickiness_of_others(promoted: FakeCloud, api: Client) -> None:
    estate, balancer = promoted.stacks.estate, promoted.load_balancer
    listener = estate.listener("Shop", "production")
    balancer.sticky.add(listener)
    assert api.swap(**CANARY).body["code"] == "NOT_READY"
    balancer.sticky.clear()
    reply = api.swap(**CANARY)
    balancer.sticky.add(listener)
    api.tick()
    ended = hold_end(promoted, api, reply, "FAILED", "prod-1")
    assert "group stickiness" in ended["reasons"][0]
    balancer.sticky.clear()


@pytest.mark.parametrize("name", ["containers.services", "load_balancer.healthy"])
@pytest.mark.parametrize(
    ("policy", "phase", "problem"),
    [
        (CANARY, "SHIFTED", f"a check: {DENIED.message}"),
        (BEFORE_SHIFT, "AWAITING_APPROVAL", DENIED.message),
    ],
    ids=["shifted", "before the first shift"],
)
def test_an_alarm_ends_a_swap_while_ecs_cannot_be_observed(
    promoted: FakeCloud, api: Client, name: str, policy: dict[str, Any], phase: str, problem: str
) -> None:
    promoted.monitoring.states = {"errors": "OK"}
    reply = api.swap(**policy, alarms=["errors"])
    promoted.wire.fail(name, DENIED)
    minutes(api, 2)
    assert view(api, reply, "phase", "waitingFor") == (phase, problem)
    promoted.monitoring.states = {"errors": "ALARM"}
    minutes(api, 1)
    ended = hold_end(promoted, api, reply, "FAILED", "prod-1")
    assert ended["reasons"] == ["the alarm errors is in the state ALARM"]


def test_a_return_before_a_recorded_shift_needs_only_the_listeners(
    promoted: FakeCloud, api: Client
) -> None:
    """It continues also after the end of the alarm that began it."""
    promoted.monitoring.states = {"errors": "OK"}
    promoted.wire.fail("load_balancer.switch", Crash(), times=1)
    with pytest.raises(Crash):
        api.swap(**CANARY, alarms=["errors"])
    ((_, operation),) = promoted.tables.in_progress()
    promoted.clock.pass_(seconds=LEASE.total_seconds())
    promoted.monitoring.states = {"errors": "ALARM"}
    promoted.wire.fail("load_balancer.switch", DENIED, times=1)
    api.wake(SCHEDULE)
    recorded = promoted.tables.operations["Shop", operation]
    assert (recorded.details.phase, recorded.details.weight) == ("RETURNING", 0)
    promoted.monitoring.states = {"errors": "OK"}
    promoted.wire.fail("containers.services", THROTTLED)
    minutes(api, 1)
    ended = hold_end(promoted, api, api.status(operation), "FAILED", "prod-1")
    assert ended["reasons"] == ["the alarm errors is in the state ALARM"]


@pytest.mark.parametrize("name", ["containers.services", "load_balancer.healthy"])
@pytest.mark.parametrize("alarms", [[], ["errors"]])
@pytest.mark.parametrize("shifted", [0, 8])
def test_ecs_without_a_response_delays_a_split_swap_and_the_fifth_check_rolls_back(
    promoted: FakeCloud, api: Client, name: str, alarms: list[str], shifted: int
) -> None:
    promoted.monitoring.states = {"errors": "OK"}
    reply = api.swap(**CANARY, **BAKE, alarms=alarms)
    minutes(api, shifted)
    phase, share = view(api, reply, "phase", "weight")
    promoted.wire.fail(name, THROTTLED)
    minutes(api, 4)
    api.wake(DEPLOYMENT_COMPLETED)  # It is not a check.
    assert view(api, reply, "phase", "weight") == (phase, share)
    assert view(api, reply, "waitingFor") == (f"a check: {THROTTLED.message}",)
    minutes(api, 1)
    ended = hold_end(promoted, api, reply, "FAILED", "prod-1")
    assert ended["reasons"] == [f"5 checks in a row had no result: {THROTTLED.message}"]


@pytest.mark.parametrize("alarms", [[], ["errors"]])
def test_a_response_of_ecs_continues_a_delayed_swap(
    promoted: FakeCloud, api: Client, alarms: list[str]
) -> None:
    promoted.monitoring.states = {"errors": "OK"}
    reply = api.swap(**CANARY, alarms=alarms)
    promoted.wire.fail("containers.services", THROTTLED, times=4)
    minutes(api, 4)
    assert view(api, reply, "waitingFor") == (f"a check: {THROTTLED.message}",)
    minutes(api, 1)
    promoted.wire.fail("containers.services", THROTTLED, times=4)
    minutes(api, 20)
    hold_end(promoted, api, reply, "SUCCEEDED", "prod-2")


def test_a_drift_check_leaves_a_split_listener(promoted: FakeCloud, api: Client) -> None:
    reply = api.swap(**CANARY, approval={"before": "full"})
    minutes(api, 30)
    assert api.drift_check() == 0
    assert weight(promoted) == 10
    assert view(api, reply, "phase") == ("AWAITING_APPROVAL",)
    api.advance(reply.id, "continue")
    promoted.clock.pass_(minutes=10)
    assert api.drift_check() == 0


def test_a_key_is_valid_until_a_day_after_the_deadline(promoted: FakeCloud, api: Client) -> None:
    """Without a version, a repetition of the request would swap back."""
    key, policy = {"Idempotency-Key": "k"}, {"before": "full", "timeoutMinutes": 4320}
    reply = api.swap(**CANARY, approval=policy, headers=key)
    for _ in range(48):
        promoted.clock.pass_(hours=1)
        api.wake(SCHEDULE)
    assert api.swap(**CANARY, approval=policy, headers=key).id == reply.id
    api.advance(reply.id, "continue")
    promoted.clock.pass_(hours=20)
    again = api.swap(**CANARY, approval=policy, headers=key)
    assert (again.id, again.operation["status"]) == (reply.id, "SUCCEEDED")
    assert promoted.live("Shop") == "prod-2"
