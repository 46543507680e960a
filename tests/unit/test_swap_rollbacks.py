"""The reasons for a rollback of a swap."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from devops_core.kinds.swap_checks import alarming, rollback_reasons
from devops_core.model.listeners import Listener, ListenerRules
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation
from devops_core.model.swap_policy import SHIFT, Approval, SwapPolicy
from devops_core.model.traffic import (
    BAD,
    GOOD,
    MINUTE,
    TOO_FEW_REQUESTS,
    UNREADABLE,
    Monitored,
    Verdict,
)
from tests.lab.builders import NOW
from tests.lab.swaps import (
    ALARMED,
    BAKED,
    BEFORE_FULL,
    BEFORE_SHIFT,
    CANARY_10,
    JUDGED,
    seen,
    shifted,
    sized,
    swap,
)

SECOND = timedelta(seconds=1)
LISTENER = "the production listener was changed outside of the service"
STICKY = dict.fromkeys(Listener, ListenerRules(forwards=True, sticky=True))
SETTLED = shifted(CANARY_10, changed_at=NOW - 60 * SECOND)
WAITING = replace(swap(CANARY_10), requested_at=NOW - 2 * MINUTE)
WAITED = {"awaiting_at": NOW - 60 * MINUTE}


def of(verdict: str, reason: str | None = "because") -> tuple[Verdict, ...]:
    return (Verdict(NOW - MINUTE, GOOD), Verdict(NOW, verdict, reason=reason))


@pytest.mark.parametrize(
    ("operation", "observed", "reasons"),
    [
        (swap(CANARY_10), seen(), ()),
        (shifted(JUDGED), seen(10), ()),
        (replace(swap(SwapPolicy()), aborted_by="ann"), seen(), ("aborted by ann",)),
        (shifted(ALARMED, alarms={"errors": "ALARM", "slow": "ALARM", "x": "OK"}), seen(10),
         ("the alarm errors is in the state ALARM", "the alarm slow is in the state ALARM")),
        (shifted(ALARMED, alarms={"errors": "ALARM", "slow": "ALARM"}, ignored=("errors",)),
         seen(10), ("the alarm slow is in the state ALARM",)),
        (swap(BEFORE_SHIFT, **WAITED), seen(), ("not approved within 60 minutes",)),
        (swap(BEFORE_SHIFT._replace(approval=Approval(SHIFT, 1)), **WAITED), seen(),
         ("not approved within 1 minute",)),
        (swap(BEFORE_SHIFT, awaiting_at=NOW - 60 * MINUTE + SECOND), seen(), ()),
        (swap(BEFORE_SHIFT, **WAITED, approved_by="ann"), seen(), ()),
        # All customers moved, and the worker crashed before it recorded the approval's end.
        (shifted(BEFORE_FULL, 100, **WAITED), seen(100), ()),
        (swap(ALARMED, unreadable=4, verdicts=of(UNREADABLE)), seen(), ()),
        (swap(ALARMED, unreadable=5, verdicts=of(UNREADABLE)), seen(),
         ("5 checks in a row had no result: because",)),
        (shifted(JUDGED, verdicts=of(BAD)), seen(10), ("because",)),
        (shifted(JUDGED, verdicts=of(TOO_FEW_REQUESTS)), seen(10), ()),
        (shifted(JUDGED, verdicts=of(BAD)[::-1]), seen(10), ()),
        (shifted(CANARY_10), seen(10, healthy={"prod-1": 1, "prod-2": 0}),
         ("the new release has no healthy target",)),
        # One healthy target is enough for a moment.
        (shifted(CANARY_10, unhealthy=1), sized(4, 4, 10, healthy=1), ()),
        (shifted(CANARY_10, unhealthy=2), sized(4, 4, 10, healthy=1),
         ("the new release has 1 healthy targets for 4 tasks",)),
        (shifted(CANARY_10, unhealthy=9), seen(10, services={}, healthy={}), ()),
        (shifted(CANARY_10, unhealthy=9), seen(10, healthy={}),
         ("the new release has no healthy target",)),
        # Before the first customers the release and stickiness do not matter.
        (swap(JUDGED, verdicts=of(BAD), unhealthy=2), seen(healthy={}, listeners=STICKY), ()),
        (WAITING, seen(30), (f"{LISTENER}: weight 30 instead of 0 for prod-2",)),
        (WAITING, seen(None), (f"{LISTENER}: other weights instead of 0 for prod-2",)),
        (WAITING, replace(seen(None), shares={"prod-1": 0, "prod-2": 0}),
         (f"{LISTENER}: other weights instead of 0 for prod-2",)),
        # The weight of the first shift, no forward action, no listener.
        (WAITING, seen(10), ()),
        (WAITING, seen(None, listeners={Listener.PRODUCTION: ListenerRules()}), ()),
        (WAITING, seen(None, listeners={}), ()),
        (replace(WAITING, requested_at=NOW - 60 * SECOND), seen(30),
         (f"{LISTENER}: weight 30 instead of 0 for prod-2",)),
        (replace(WAITING, requested_at=NOW - 59 * SECOND), seen(30), ()),
        (WAITING.with_details(lost_at=NOW - 59 * SECOND), seen(30), ()),
        # A swap without waits ends with its only shift.
        (shifted(SwapPolicy(), 100), seen(100, healthy={}), ()),
        (SETTLED, seen(30), (f"{LISTENER}: weight 30 instead of 10 for prod-2",)),
        (SETTLED, seen(0), (f"{LISTENER}: weight 0 instead of 10 for prod-2",)),
        (SETTLED, seen(None), (f"{LISTENER}: other weights instead of 10 for prod-2",)),
        (shifted(CANARY_10, changed_at=NOW - 59 * SECOND), seen(30), ()),
        (shifted(CANARY_10, changed_at=None), seen(30),
         (f"{LISTENER}: weight 30 instead of 10 for prod-2",)),
        (shifted(CANARY_10), seen(10, listeners=STICKY),
         ("the production listener has group stickiness, which keeps clients on one release",)),
        (shifted(BAKED, 100), seen(100, listeners=STICKY), ()),
        (shifted(CANARY_10), seen(10, listeners={}), ()),
        # All of them, in this order.
        (replace(shifted(ALARMED, changed_at=None, alarms={"slow": "ALARM"}, unreadable=6,
                         verdicts=of(BAD)), aborted_by="ann"),
         seen(5, healthy={}, listeners=STICKY),
         ("aborted by ann",
          "the alarm slow is in the state ALARM",
          "6 checks in a row had no result: because",
          "because",
          "the new release has no healthy target",
          f"{LISTENER}: weight 5 instead of 10 for prod-2",
          "the production listener has group stickiness, which keeps clients on one release")),
    ],
)  # fmt: skip
def test_the_reasons_for_a_rollback(
    operation: Operation, observed: Observed, reasons: tuple[str, ...]
) -> None:
    assert rollback_reasons(operation, observed, NOW) == reasons


def test_the_alarms_of_a_check_replace_the_recorded_ones() -> None:
    """So customers return in the run that reads an alarm, without the state of ECS."""
    details = shifted(ALARMED, alarms={"errors": "ALARM"}, ignored=("slow",)).details
    assert alarming(details) == ["errors"]
    assert alarming(details, Monitored(NOW, {"errors": "OK", "slow": "ALARM"})) == []
    assert alarming(details, Monitored(NOW, {"errors": "OK", "more": "ALARM"})) == ["more"]
