"""Progressive swaps: steps, bakes, approvals, and the calls of persons."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from devops_core.errors import AccessDeniedError
from tests.lab.callers import OTHER
from tests.lab.client import SCHEDULE, USER, Client, Reply
from tests.lab.dry import DryClient
from tests.lab.events import DEPLOYMENT_COMPLETED
from tests.lab.fakes import FakeCloud

CANARY: dict[str, Any] = {"strategy": {"type": "canary", "percent": 10}}
QUARTERS: dict[str, Any] = {"strategy": {"type": "linear", "percent": 25, "stepMinutes": 10}}
BAKE: dict[str, Any] = {"bakeMinutes": 10}


def weight(cloud: FakeCloud, which: str = "production") -> int:
    """Return the true percentage of the requests that prod-2 receives."""
    estate = cloud.stacks.estate
    weights = cloud.load_balancer.weights(estate.listener("Shop", which)) or {}
    return weights[estate.target_group("Shop", "prod-2")]


def minutes(api: Client, number: int, seconds: int = 0) -> None:
    """Let the schedule run each minute."""
    for _ in range(number):
        api.tick()
    api.cloud.clock.pass_(seconds=seconds)


def view(api: Client, reply: Reply, *names: str) -> tuple[Any, ...]:
    operation = api.status(reply.id).operation
    return tuple(operation.get(name) for name in names)


def outcomes(cloud: FakeCloud, operation: str) -> list[str]:
    own = [each for each in cloud.tables.events_of("Shop") if each.operation == operation]
    return [each.outcome for each in sorted(own, key=lambda each: each.key)]


def hold_end(cloud: FakeCloud, api: Client, reply: Reply, status: str, live: str) -> dict[str, Any]:
    """Check the end of a swap, and return its operation."""
    operation = api.status(reply.id).operation
    assert operation["status"] == status, operation
    assert cloud.live("Shop") == live
    assert weight(cloud, "test") == (0 if live == "prod-2" else 100)
    assert "phase" not in operation
    return operation


def test_a_canary_with_a_bake(promoted: FakeCloud, api: Client) -> None:
    reply = api.swap(**CANARY, **BAKE, version="1.0")
    assert (reply.status, weight(promoted), weight(promoted, "test")) == (202, 10, 100)
    started = reply.operation
    assert (started["phase"], started["weight"]) == ("SHIFTED", 10)
    assert started["nextStep"] == {"at": "2025-03-01T09:12:00.000Z", "weight": 100}
    assert started["shiftedAt"] == started["requestedAt"]
    assert started["deadline"] == "2025-03-01T09:37:00.000Z"
    minutes(api, 5)
    assert view(api, reply, "phase", "weight") == ("SHIFTED", 10)
    minutes(api, 1)
    assert view(api, reply, "phase", "weight", "nextStep", "switchedAt") == (
        "BAKING", 100, {"at": "2025-03-01T09:22:00.000Z"}, "2025-03-01T09:12:00.000Z",
    )  # fmt: skip
    # The test listener follows with the last step.
    assert (weight(promoted), weight(promoted, "test")) == (100, 100)
    minutes(api, 9)
    assert view(api, reply, "phase") == ("BAKING",)
    minutes(api, 1)
    ended = hold_end(promoted, api, reply, "SUCCEEDED", "prod-2")
    assert ended["endedAt"] == "2025-03-01T09:22:00.000Z"
    assert outcomes(promoted, reply.id) == [
        "ACCEPTED", "SHIFTED", "SWITCHED", "SUCCEEDED", "SUCCEEDED", "SUCCEEDED",
    ]  # fmt: skip
    assert api.swap(version="1.0").body["operation"] is None


def test_a_linear_swap(promoted: FakeCloud, api: Client) -> None:
    reply = api.swap(**QUARTERS)
    seen = [weight(promoted)]
    for _ in range(3):
        minutes(api, 9)
        assert weight(promoted) == seen[-1]
        minutes(api, 1)
        seen.append(weight(promoted))
    assert seen == [25, 50, 75, 100]
    ended = hold_end(promoted, api, reply, "SUCCEEDED", "prod-2")
    assert ended["took"]["untilEnded"] == 1800


def test_all_at_once_with_a_bake(promoted: FakeCloud, api: Client) -> None:
    reply = api.swap(**BAKE)
    assert (reply.status, reply.operation["phase"]) == (202, "BAKING")
    assert (weight(promoted), weight(promoted, "test")) == (100, 100)
    minutes(api, 10)
    hold_end(promoted, api, reply, "SUCCEEDED", "prod-2")


def test_the_policy_of_the_specification(promoted: FakeCloud, api: Client) -> None:
    assert api.patch({"production": CANARY}).status == 200
    reply = api.swap()
    assert (reply.status, weight(promoted)) == (202, 10)
    # Another policy does not change a swap in progress.
    assert api.patch({"production": None}).status == 200
    minutes(api, 5)
    assert weight(promoted) == 10
    minutes(api, 1)
    hold_end(promoted, api, reply, "SUCCEEDED", "prod-2")


def test_a_canary_makes_nine_calls_and_six_at_each_check(promoted: FakeCloud, api: Client) -> None:
    start = len(promoted.wire.journal)
    reply = api.swap(**CANARY, version="1.0")
    assert promoted.wire.names(start) == [
        "tables.inventory", "load_balancer.rules", "load_balancer.rules", "containers.services",
        "load_balancer.healthy", "load_balancer.healthy", "tables.claim", "load_balancer.switch",
        "tables.save",
    ]  # fmt: skip
    promoted.clock.pass_(minutes=1)
    start = len(promoted.wire.journal)
    api.status(reply.id)
    assert promoted.wire.names(start) == [
        "tables.operation", "tables.inventory", "load_balancer.rules", "load_balancer.rules",
        "containers.services", "load_balancer.healthy", "load_balancer.healthy", "tables.save",
    ]  # fmt: skip


def test_reads_between_two_checks_only_read_the_record(promoted: FakeCloud, api: Client) -> None:
    promoted.monitoring.states = {"errors": "OK"}
    policy = {**CANARY, "judge": {}, "alarms": ["errors"], **BAKE}
    reply = api.swap(**policy)
    api.tick()
    start, record = len(promoted.wire.journal), promoted.tables.operations["Shop", reply.id]
    for _ in range(10):
        promoted.clock.pass_(seconds=5)
        api.status(reply.id)
    api.status(reply.id, headers={"Prefer": "wait=3"})
    assert set(promoted.wire.names(start)) == {"tables.operation"}
    assert promoted.tables.operations["Shop", reply.id] == record
    # The next minute of the schedule makes one check.
    promoted.clock.pass_(seconds=7)
    assert promoted.clock.now().second == 0
    api.wake(SCHEDULE)
    assert promoted.wire.count("monitoring.traffic", start) == 1
    assert promoted.wire.count("monitoring.alarms", start) == 1


def test_an_event_continues_a_swap_and_does_not_delay_its_check(
    promoted: FakeCloud, api: Client
) -> None:
    promoted.monitoring.states = {"errors": "OK"}
    reply = api.swap(**CANARY, alarms=["errors"])
    promoted.clock.pass_(seconds=30)
    start = len(promoted.wire.journal)
    api.wake(DEPLOYMENT_COMPLETED)
    assert "load_balancer.rules" in promoted.wire.names(start)
    assert promoted.wire.count("monitoring.alarms", start) == 0
    promoted.clock.pass_(seconds=25)
    api.status(reply.id)
    assert promoted.wire.count("monitoring.alarms", start) == 1


def test_a_waiting_call_returns_the_swap_in_progress(promoted: FakeCloud, api: Client) -> None:
    reply = api.swap(**CANARY, headers={"Prefer": "wait=10"})
    assert (reply.status, reply.operation["phase"]) == (202, "SHIFTED")
    assert reply.headers["Preference-Applied"] == "wait=10"
    # All customers follow within the wait.
    promoted.clock.pass_(minutes=5, seconds=45)
    finished = api.status(reply.id, headers={"Prefer": "wait=20"})
    assert finished.operation["status"] == "SUCCEEDED"


# --- approvals ---


@pytest.mark.parametrize("point", ["shift", "full"])
def test_an_approval(promoted: FakeCloud, api: Client, point: str) -> None:
    reply = api.swap(**CANARY, approval={"before": point, "timeoutMinutes": 60})
    reached = 0 if point == "shift" else 10
    if reached:
        refused = api.advance(reply.id, "continue")
        assert (refused.status, refused.body["code"]) == (409, "CONFLICT")
        assert "its phase is SHIFTED" in refused.body["errorMessage"]
        minutes(api, 6)
    assert view(api, reply, "phase", "waitingFor") == (
        "AWAITING_APPROVAL", "an approval by a caller with the right to swap",
    )  # fmt: skip
    minutes(api, 30)
    assert weight(promoted) == reached
    approved = api.advance(reply.id, "continue")
    assert approved.operation["approvedBy"] == USER
    if point == "shift":
        assert (approved.status, approved.operation["phase"]) == (202, "SHIFTED")
        assert weight(promoted) == 10
        assert api.advance(reply.id, "continue").status == 202
        minutes(api, 6)
    else:
        assert (approved.status, approved.operation["status"]) == (200, "SUCCEEDED")
    ended = hold_end(promoted, api, reply, "SUCCEEDED", "prod-2")
    assert "approvalExpiresAt" not in ended
    assert outcomes(promoted, reply.id).count("APPROVED") == 1
    assert outcomes(promoted, reply.id).count("AWAITING_APPROVAL") == 1


@pytest.mark.parametrize("point", ["shift", "full"])
def test_an_approval_expires(promoted: FakeCloud, api: Client, point: str) -> None:
    reply = api.swap(**CANARY, approval={"before": point, "timeoutMinutes": 30})
    minutes(api, 6 if point == "full" else 0)
    (expires,) = view(api, reply, "approvalExpiresAt")
    assert expires == f"2025-03-01T09:{'42' if point == 'full' else '36'}:00.000Z"
    minutes(api, 29)
    assert view(api, reply, "phase") == ("AWAITING_APPROVAL",)
    minutes(api, 1)
    ended = hold_end(promoted, api, reply, "FAILED", "prod-1")
    assert ended["reasons"] == ["not approved within 30 minutes"]
    assert ("returnedAt" in ended) is (point == "full")
    refused = api.advance(reply.id, "continue")
    assert (refused.status, refused.body["code"]) == (409, "ALREADY_ENDED")


@pytest.mark.parametrize("action", ["continue", "finish"])
@pytest.mark.parametrize("point", ["shift", "full"])
def test_an_approval_after_its_time_limit_is_refused(
    promoted: FakeCloud, api: Client, point: str, action: str
) -> None:
    reply = api.swap(**CANARY, approval={"before": point, "timeoutMinutes": 5})
    minutes(api, 6 if point == "full" else 0)
    # No run has ended the swap yet.
    promoted.clock.pass_(minutes=5)
    for refused in (
        DryClient(promoted).advance(reply.id, action),
        api.advance(reply.id, action),
    ):
        assert (refused.status, refused.body["code"]) == (409, "CONFLICT")
        assert refused.body["errorMessage"] == (
            f"operation {reply.id} was not approved within 5 minutes: all customers receive the"
            " previous release; start the swap again after its end"
        )
    minutes(api, 1)
    ended = hold_end(promoted, api, reply, "FAILED", "prod-1")
    assert ended["reasons"] == ["not approved within 5 minutes"]
    assert "APPROVED" not in outcomes(promoted, reply.id)


# --- finish ---


def test_finish_in_each_phase(promoted: FakeCloud, api: Client) -> None:
    approval = {"approval": {"before": "shift"}}
    policies: list[tuple[dict[str, Any], int, str]] = [
        ({**CANARY, **BAKE, **approval}, 0, "AWAITING_APPROVAL"),
        ({**CANARY, **BAKE}, 0, "SHIFTED"),
        ({**QUARTERS, **BAKE, "approval": {"before": "full"}}, 11, "SHIFTED"),
        (BAKE, 3, "BAKING"),
    ]
    for policy, waited, phase in policies:
        before = promoted.live("Shop")
        reply = api.swap(**policy)
        minutes(api, waited)
        assert view(api, reply, "phase") == (phase,)
        finished = api.advance(reply.id, "finish")
        assert (finished.status, finished.operation["status"]) == (200, "SUCCEEDED"), finished.body
        assert finished.operation["finishedBy"] == USER
        assert promoted.live("Shop") not in (before, None)
        repeated = api.advance(reply.id, "finish")
        assert (repeated.status, repeated.operation["status"]) == (200, "SUCCEEDED")


def test_finish_during_the_preparation(promoted: FakeCloud, api: Client) -> None:
    service = promoted.containers.service("Shop", "prod-2")
    service.desired = service.running = 0
    promoted.containers.automatic = False
    reply = api.swap(**CANARY, **BAKE)
    assert reply.operation["phase"] == "PREPARING"
    finished = api.advance(reply.id, "finish")
    assert (finished.status, finished.operation["phase"]) == (202, "PREPARING")
    # Another caller changes nothing.
    assert Client(promoted, OTHER).advance(reply.id, "finish").operation["finishedBy"] == USER
    promoted.containers.automatic = True
    minutes(api, 2)
    hold_end(promoted, api, reply, "SUCCEEDED", "prod-2")


def test_a_late_finish_does_not_roll_back(promoted: FakeCloud, api: Client) -> None:
    slow: dict[str, Any] = {"strategy": {"type": "canary", "percent": 10, "stepMinutes": 300}}
    reply = api.swap(**slow)
    minutes(api, 100)
    assert api.advance(reply.id, "finish").operation["status"] == "SUCCEEDED"
    hold_end(promoted, api, reply, "SUCCEEDED", "prod-2")


def test_finish_does_not_ignore_an_alarm(promoted: FakeCloud, api: Client) -> None:
    promoted.monitoring.states = {"errors": "OK"}
    reply = api.swap(**CANARY, alarms=["errors"])
    promoted.monitoring.states = {"errors": "ALARM"}
    finished = api.advance(reply.id, "finish")
    # The call succeeds, and the swap fails.
    assert finished.status == 424
    ended = hold_end(promoted, api, reply, "FAILED", "prod-1")
    assert ended["reasons"] == ["the alarm errors is in the state ALARM"]


def test_a_waiting_finish(promoted: FakeCloud, api: Client) -> None:
    promoted.containers.automatic = False
    service = promoted.containers.service("Shop", "prod-2")
    service.desired = service.running = 0
    reply = api.swap(**CANARY, **BAKE)
    start = promoted.clock.now()

    def sleep(seconds: float) -> None:
        # The tasks start during the wait.
        promoted.containers.automatic = True
        promoted.clock.pass_(seconds=seconds)

    promoted.clock.sleep = sleep
    finished = api.advance(reply.id, "finish", headers={"Prefer": "wait=20"})
    assert (finished.status, finished.operation["status"]) == (200, "SUCCEEDED")
    assert finished.headers["Preference-Applied"] == "wait=20"
    assert timedelta() < promoted.clock.now() - start <= timedelta(seconds=20)


@pytest.mark.usefixtures("promoted")
def test_a_live_read_shows_the_weight_of_each_slot(api: Client) -> None:
    reply = api.swap(**CANARY)
    path = {"parameters": {"applicationName": "Shop"}, "query": {"live": "true"}}
    stack = api.send("GET", "/stacks/{applicationName}", **path).body["stack"]
    weights = {each["slot"]: each.get("weight") for each in stack["environments"] if "slot" in each}
    assert weights == {"prod-1": 90, "prod-2": 10}
    api.abort(reply.id)
    stack = api.send("GET", "/stacks/{applicationName}", **path).body["stack"]
    assert not [each for each in stack["environments"] if "weight" in each]


@pytest.mark.parametrize(
    ("action", "deadline"),
    [("continue", "2025-03-01T10:57:00.000Z"), ("finish", "2025-03-01T10:21:00.000Z")],
)
def test_the_deadline_does_not_have_waits_that_a_call_has_ended(
    promoted: FakeCloud, api: Client, action: str, deadline: str
) -> None:
    """The alarm for overdue operations reports a blocked swap, not a week later."""
    approval = {"before": "full", "timeoutMinutes": 7 * 24 * 60}
    reply = api.swap(**CANARY, bakeMinutes=30, approval=approval)
    minutes(api, 60)
    promoted.wire.fail("load_balancer.switch", AccessDeniedError("no permission"))
    answer = api.advance(reply.id, action)
    assert answer.operation["deadline"] == deadline
    minutes(api, 14)
    assert not overdue(promoted)
    minutes(api, 40)
    assert overdue(promoted)
    assert view(api, reply, "status", "phase") == ("IN_PROGRESS", "SHIFTED")
    promoted.wire.heal()
    minutes(api, 32)
    hold_end(promoted, api, reply, "SUCCEEDED", "prod-2")


def overdue(cloud: FakeCloud) -> bool:
    """Return whether the last run of the schedule counted an overdue operation."""
    counts = [line["OverdueOperations"] for line in cloud.measured if "OverdueOperations" in line]
    return bool(counts[-1])
