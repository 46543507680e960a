"""Progressive swaps that CloudWatch decides: alarms, the judge, and missing answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from devops_core.errors import AccessDeniedError, ThrottledError
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
from tests.lab.client import Client
from tests.lab.dry import DryClient
from tests.lab.fakes import ACCOUNT, FakeCloud
from tests.lab.fakes.monitoring import Metrics, late_errors, late_requests

ALARMS: dict[str, Any] = {"alarms": ["errors", "slow"]}
JUDGE: dict[str, Any] = {"judge": {"errorRatePercent": 1, "minRequests": 50}}
THROTTLED = "AWS throttles DescribeAlarms"


@pytest.fixture
def quiet(promoted: FakeCloud) -> FakeCloud:
    """Shop, promoted, whose alarms are quiet."""
    promoted.monitoring.states = {"errors": "OK", "slow": "INSUFFICIENT_DATA"}
    return promoted


def measure(cloud: FakeCloud, new: Metrics, live: Metrics) -> None:
    """Set the metrics of both releases for each minute; the live one receives its share."""
    estate = cloud.stacks.estate
    for slot, metrics in (("prod-2", new), ("prod-1", live)):
        cloud.monitoring.metrics[estate.target_group("Shop", slot)] = _always(metrics)


def _always(metrics: Metrics) -> Callable[[datetime], Metrics]:
    return lambda _start: metrics


# --- alarms ---


@pytest.mark.parametrize(
    ("policy", "waited", "phase", "reached"),
    [
        ({**CANARY, "approval": {"before": "shift"}}, 2, "AWAITING_APPROVAL", 0),
        (CANARY, 2, "SHIFTED", 10),
        ({**CANARY, "approval": {"before": "full"}}, 8, "AWAITING_APPROVAL", 10),
        (QUARTERS, 22, "SHIFTED", 75),
        (BAKE, 4, "BAKING", 100),
    ],
)
def test_an_alarm_rolls_back_in_each_phase(
    quiet: FakeCloud, api: Client, policy: dict[str, Any], waited: int, phase: str, reached: int
) -> None:
    reply = api.swap(**policy, **ALARMS)
    minutes(api, waited)
    assert view(api, reply, "phase") == (phase,)
    assert view(api, reply, "alarmStates") == ({"errors": "OK", "slow": "INSUFFICIENT_DATA"},)
    assert weight(quiet) == reached
    quiet.monitoring.states["slow"] = "ALARM"
    api.tick()
    ended = hold_end(quiet, api, reply, "FAILED", "prod-1")
    assert ended["reasons"] == ["the alarm slow is in the state ALARM"]
    assert ended["weight"] == 0
    assert ("returnedAt" in ended) is (reached > 0)
    expected = ["RETURNING", "RETURNED"] if reached else ["RETURNING"]
    assert [each for each in outcomes(quiet, reply.id) if each.startswith("RETURN")] == expected


def test_an_alarm_during_the_preparation(quiet: FakeCloud, api: Client) -> None:
    quiet.containers.automatic = False
    quiet.containers.service("Shop", "prod-2").running = 0
    quiet.containers.service("Shop", "prod-2").desired = 0
    reply = api.swap(**CANARY, **ALARMS)
    assert view(api, reply, "phase") == ("PREPARING",)
    quiet.monitoring.states["slow"] = "ALARM"
    api.tick()
    ended = hold_end(quiet, api, reply, "FAILED", "prod-1")
    assert ended["reasons"][0] == "the alarm slow is in the state ALARM"


def test_an_alarm_at_the_start_refuses_a_swap(
    quiet: FakeCloud, api: Client, dry: DryClient
) -> None:
    quiet.monitoring.states = {"errors": "ALARM"}
    prevented = "alarms prevent the swap, unless ignoreAlarms is true"
    for caller in (api, dry):
        refused = caller.swap(**CANARY, **ALARMS)
        reasons = ["the alarm errors is in the state ALARM", "the alarm slow does not exist"]
        assert (refused.status, refused.body) == (
            409,
            {
                "errorMessage": f"{prevented}: {'; '.join(reasons)}",
                "code": "NOT_READY",
                "reasons": reasons,
            },
        )
    reply = api.swap(**CANARY, **ALARMS, ignoreAlarms=True)
    assert reply.operation["ignoredAlarms"] == ["errors", "slow"]
    assert reply.operation["warnings"] == [
        "ignored: the alarm errors is in the state ALARM",
        "ignored: the alarm slow does not exist",
    ]
    minutes(api, 6)
    hold_end(quiet, api, reply, "SUCCEEDED", "prod-2")


def test_an_ignored_alarm_does_not_hide_another(quiet: FakeCloud, api: Client) -> None:
    quiet.monitoring.states["errors"] = "ALARM"
    reply = api.swap(**CANARY, **ALARMS, ignoreAlarms=True)
    minutes(api, 2)
    assert weight(quiet) == 10
    quiet.monitoring.states["slow"] = "ALARM"
    api.tick()
    ended = hold_end(quiet, api, reply, "FAILED", "prod-1")
    assert ended["reasons"] == ["the alarm slow is in the state ALARM"]


def test_unreadable_alarms_at_the_start(quiet: FakeCloud, api: Client) -> None:
    quiet.wire.fail("monitoring.alarms", AccessDeniedError("the role lacks a permission"))
    refused = api.swap(**CANARY, **ALARMS)
    assert (refused.status, refused.body["errorMessage"]) == (
        503,
        "the alarms could not be read: the role lacks a permission. With alarms: [] the swap"
        " starts without them",
    )
    reply = api.swap(**CANARY, **ALARMS, ignoreAlarms=True)
    assert (reply.status, weight(quiet)) == (202, 10)
    assert reply.operation["ignoredAlarms"] == ["errors", "slow"]
    unread = "whose state could not be read: the role lacks a permission"
    assert reply.operation["warnings"] == [
        f"ignored: the alarm errors, {unread}", f"ignored: the alarm slow, {unread}",
    ]  # fmt: skip


def test_a_swap_to_the_live_release_changes_nothing_without_cloudwatch(
    quiet: FakeCloud, api: Client
) -> None:
    """A pipeline can repeat its call."""
    assert api.swap(**ALARMS, version="1.0").status == 200
    api.finished(api.deploy("1.1", "dev"))
    api.finished(api.promote(environment="dev"))
    quiet.wire.fail("monitoring.alarms", AccessDeniedError("the role lacks a permission"))
    again = api.swap(**ALARMS, version="1.0")
    assert (again.status, again.body["operation"]) == (200, None)


def test_a_default_swap_with_alarms_only_checks_them_at_its_start(
    quiet: FakeCloud, api: Client
) -> None:
    start = len(quiet.wire.journal)
    reply = api.swap(**ALARMS)
    assert reply.operation["status"] == "SUCCEEDED"
    assert len(quiet.wire.names(start)) == 11
    quiet.monitoring.states["errors"] = "ALARM"
    assert api.swap(**ALARMS).status == 409


def test_a_failed_swap_names_its_alarms_without_the_account(
    promoted: FakeCloud, api: Client
) -> None:
    """The name of an alarm can have the form of an ARN; the client checks each error."""
    name = f"arn:aws:cloudwatch:eu-west-1:{ACCOUNT}:alarm:errors"
    promoted.monitoring.states = {name: "OK"}
    key = {"Idempotency-Key": "build-17"}
    api.swap(key, **CANARY, alarms=[name])
    promoted.monitoring.states = {name: "ALARM"}
    minutes(api, 2)
    failed = api.swap(key, **CANARY, alarms=[name])
    assert failed.status == 424
    assert failed.operation["alarmStates"] == {"cloudwatch alarm:errors": "ALARM"}


# --- CloudWatch does not answer ---


@pytest.mark.parametrize("judge", [{}, JUDGE], ids=["alarms", "alarms and judge"])
def test_four_unreadable_checks_delay_a_swap_and_the_fifth_rolls_back(
    quiet: FakeCloud, api: Client, judge: dict[str, Any]
) -> None:
    reply = api.swap(**CANARY, **ALARMS, **judge)
    minutes(api, 3)
    quiet.wire.fail("monitoring.alarms", ThrottledError(THROTTLED))
    start = len(quiet.wire.journal)
    minutes(api, 4)
    # A check without the alarms has no result, so it reads no metrics.
    assert quiet.wire.count("monitoring.traffic", start) == 0
    # The time of the next step has come.
    assert view(api, reply, "phase", "weight", "waitingFor") == (
        "SHIFTED", 10, f"a check: {THROTTLED}",
    )  # fmt: skip
    verdicts = [each["verdict"] for each in view(api, reply, "verdicts")[0]]
    earlier = ["TOO_FEW_REQUESTS"] * 3 if judge else []
    assert verdicts == [*earlier, *["UNREADABLE"] * 4]
    minutes(api, 1)
    ended = hold_end(quiet, api, reply, "FAILED", "prod-1")
    assert ended["reasons"] == [f"5 checks in a row had no result: {THROTTLED}"]


def test_a_readable_check_continues_a_delayed_swap(quiet: FakeCloud, api: Client) -> None:
    reply = api.swap(**CANARY, **ALARMS)
    minutes(api, 3)
    quiet.wire.fail("monitoring.alarms", ThrottledError(THROTTLED), times=4)
    minutes(api, 4)
    assert weight(quiet) == 10
    minutes(api, 1)
    hold_end(quiet, api, reply, "SUCCEEDED", "prod-2")


def test_a_deleted_alarm_rolls_back_after_five_checks(quiet: FakeCloud, api: Client) -> None:
    reply = api.swap(**CANARY, **BAKE, **ALARMS)
    del quiet.monitoring.states["slow"]
    minutes(api, 5)
    ended = hold_end(quiet, api, reply, "FAILED", "prod-1")
    assert ended["reasons"] == [
        "5 checks in a row had no result: alarms that do not exist: slow"
    ]  # fmt: skip


# --- the judge ---


@pytest.mark.parametrize("incomplete", [late_requests, late_errors])
@pytest.mark.parametrize("policy", [CANARY, BAKE], ids=["canary", "bake"])
def test_a_bad_release_returns_and_shows_the_affected_requests(
    promoted: FakeCloud,
    api: Client,
    policy: dict[str, Any],
    incomplete: Callable[[Metrics], Metrics],
) -> None:
    promoted.monitoring.incomplete = incomplete
    measure(promoted, Metrics(200, 10), Metrics(2000, 2))
    reply = api.swap(**policy, **JUDGE)
    minutes(api, 5)
    ended = hold_end(promoted, api, reply, "FAILED", "prod-1")
    assert "requests to the new release failed too often" in ended["reasons"][0]
    assert ended["verdicts"][-1]["verdict"] == "BAD"
    assert ended["verdicts"][-1]["new"]["errorRatePercent"] == 5
    assert ended["affected"]["errors"] * 20 == ended["affected"]["requests"]
    assert ended["returnedAt"]


@pytest.mark.parametrize("incomplete", [late_requests, late_errors])
@pytest.mark.parametrize(
    ("new", "live"),
    [
        (Metrics(200, 1), Metrics(2000, 2)),
        # Equal error rates, far above the limit.
        (Metrics(200, 30), Metrics(2000, 300)),
        (Metrics(200, 59), Metrics(2000, 300)),
    ],
)
def test_a_release_as_good_as_the_live_one_becomes_live(
    promoted: FakeCloud,
    api: Client,
    new: Metrics,
    live: Metrics,
    incomplete: Callable[[Metrics], Metrics],
) -> None:
    promoted.monitoring.incomplete = incomplete
    measure(promoted, new, live)
    reply = api.swap(**CANARY, **JUDGE)
    minutes(api, 6)
    assert view(api, reply, "phase") == ("BAKING",)
    assert view(api, reply, "verdicts")[0][-1]["verdict"] == "GOOD"
    minutes(api, 6)
    ended = hold_end(promoted, api, reply, "SUCCEEDED", "prod-2")
    assert {each["verdict"] for each in ended["verdicts"]} <= {"GOOD", "TOO_FEW_REQUESTS"}
    assert len(ended["verdicts"]) <= 10


def test_two_requests_a_minute_give_no_verdict(promoted: FakeCloud, api: Client) -> None:
    measure(promoted, Metrics(2, 2), Metrics(20))
    reply = api.swap(**CANARY, **JUDGE)
    minutes(api, 12)
    ended = hold_end(promoted, api, reply, "SUCCEEDED", "prod-2")
    assert {each["verdict"] for each in ended["verdicts"]} == {"TOO_FEW_REQUESTS"}
    assert "a verdict needs 50 requests (minRequests)" in ended["verdicts"][-1]["reason"]
    assert len(ended["verdicts"]) == 10


def test_a_release_that_becomes_bad_during_the_bake_returns(
    promoted: FakeCloud, api: Client
) -> None:
    measure(promoted, Metrics(200), Metrics(2000, 2))
    reply = api.swap(**CANARY, **JUDGE, bakeMinutes=60)
    minutes(api, 20)
    assert view(api, reply, "phase", "weight") == ("BAKING", 100)
    # The live release has no requests any more: the baseline is that before 100 percent.
    measure(promoted, Metrics(2000, 100), Metrics())
    minutes(api, 5)
    ended = hold_end(promoted, api, reply, "FAILED", "prod-1")
    assert ended["verdicts"][-1]["live"]["requests"] == 20_000


def test_a_check_reads_the_minutes_that_it_needs(promoted: FakeCloud, api: Client) -> None:
    """They are three, all that were not counted, and ten before 100 percent until they are known.

    The shifts are at 09:06 and 09:16; the schedule does not run from 09:08 to 09:16.
    """
    measure(promoted, Metrics(200), Metrics(2000))
    reply = api.swap(**CANARY, **JUDGE)
    assert promoted.clock.now().strftime("%X") == "09:06:00"
    minutes(api, 2)
    promoted.clock.pass_(minutes=7)
    minutes(api, 4)
    calls = [call.args for call in promoted.wire.journal if call.name == "monitoring.traffic"]
    estate = promoted.stacks.estate
    groups = tuple(estate.target_group("Shop", slot) for slot in ("prod-1", "prod-2"))
    assert {args[:2] for args in calls} == {(estate.listener("Shop", "production"), groups)}
    assert [tuple(f"{time:%H:%M}" for time in args[2:]) for args in calls] == [
        ("09:02", "09:05"), ("09:03", "09:06"), ("09:06", "09:14"),
        ("09:06", "09:15"), ("09:06", "09:16"), ("09:13", "09:17"),
    ]  # fmt: skip
    assert view(api, reply, "affected") == ({"requests": 2200, "errors": 0, "minutes": 11},)
    minutes(api, 6)
    hold_end(promoted, api, reply, "SUCCEEDED", "prod-2")


def test_a_check_reads_metrics_only_for_a_judge(quiet: FakeCloud, api: Client) -> None:
    reply = api.swap(**CANARY, **ALARMS)
    start = len(quiet.wire.journal)
    minutes(api, 6)
    assert quiet.wire.count("monitoring.alarms", start) == 6
    assert quiet.wire.count("monitoring.traffic", start) == 0
    hold_end(quiet, api, reply, "SUCCEEDED", "prod-2")


def test_a_check_reads_no_metrics_before_the_first_customers(
    promoted: FakeCloud, api: Client
) -> None:
    reply = api.swap(**CANARY, **JUDGE, approval={"before": "shift"})
    minutes(api, 3)
    assert view(api, reply, "phase", "verdicts") == ("AWAITING_APPROVAL", None)
    assert promoted.wire.count("monitoring.traffic") == 0
    api.advance(reply.id, "continue")
    minutes(api, 1)
    assert promoted.wire.count("monitoring.traffic") == 1
    minutes(api, 11)
    hold_end(promoted, api, reply, "SUCCEEDED", "prod-2")


def test_an_abort_asks_cloudwatch_for_nothing(quiet: FakeCloud, api: Client) -> None:
    reply = api.swap(**CANARY, **ALARMS)
    quiet.clock.pass_(minutes=1)
    start = len(quiet.wire.journal)
    api.abort(reply.id)
    assert quiet.wire.count("monitoring.alarms", start) == 0
    hold_end(quiet, api, reply, "FAILED", "prod-1")


def test_an_unreadable_judge_rolls_back(promoted: FakeCloud, api: Client) -> None:
    measure(promoted, Metrics(200), Metrics(2000))
    promoted.wire.fail("monitoring.traffic", ThrottledError("AWS throttles GetMetricData"))
    reply = api.swap(**CANARY, **JUDGE)
    minutes(api, 5)
    ended = hold_end(promoted, api, reply, "FAILED", "prod-1")
    assert ended["reasons"] == [
        "5 checks in a row had no result: AWS throttles GetMetricData",
    ]
