"""The phases of a progressive swap: each step, each reason of a rollback, and each time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest

from devops_core.kinds.swap_phases import LIMIT
from devops_core.model.decisions import Decision, Done, Fail, Wait
from devops_core.model.listeners import Listener, ListenerRules
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation, Status
from devops_core.model.steps import (
    ScaleService,
    Switch,
)
from devops_core.model.swap_policy import FULL, Approval, SwapPolicy
from devops_core.model.traffic import BAD, GOOD, UNREADABLE, Verdict
from tests.lab.builders import (
    DONE,
    NOW,
    START,
    Summary,
    acts,
    decide,
    fails,
    slot,
    summary,
    waits,
)
from tests.lab.swaps import (
    ALARMED,
    BAKED,
    BEFORE_FULL,
    BEFORE_SHIFT,
    CANARY_10,
    CANARY_BAKED,
    JUDGED,
    QUARTERS,
    QUARTERS_BEFORE_FULL,
    seen,
    shifted,
    sized,
    swap,
)

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
RETURN = acts(Switch(Listener.PRODUCTION, "prod-1"))
RETURN_BOTH = acts(Switch(Listener.PRODUCTION, "prod-1"), Switch(Listener.TEST, "prod-2"))
SWITCH_BOTH = acts(Switch(Listener.PRODUCTION, "prod-2"), Switch(Listener.TEST, "prod-1"))
SWITCH_TEST = acts(Switch(Listener.TEST, "prod-1"))
ELB = "ELB to show the change of the listener"
NO_TARGET = "the new release has no healthy target"
TO_REST = waits("")
SCALING = {"min": 1, "max": 9, "cpuPercent": 60}
FORWARDS = ListenerRules(forwards=True)
STICKY = {Listener.PRODUCTION: FORWARDS._replace(sticky=True), Listener.TEST: FORWARDS}


def shift(weight: int) -> Summary:
    return acts(Switch(Listener.PRODUCTION, "prod-2", weight))


def rest(decision: Decision) -> datetime | None:
    assert isinstance(decision, Wait), decision
    return decision.rests_until


def verdicts(*names: str) -> tuple[Verdict, ...]:
    return tuple(Verdict(NOW, name, reason=f"it is {name}") for name in names)


class Case(NamedTuple):
    """The decision about a swap at a time after NOW."""

    name: str
    operation: Operation
    observed: Observed
    after: timedelta
    expected: Summary


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def lost(operation: Operation) -> Operation:
    """Return a swap whose worker did not release its lease, which ends at NOW."""
    return replace(operation, lease_until=NOW)


def aborted(operation: Operation) -> Operation:
    return replace(operation, aborted_by="ann")


REPLACED = (
    "the slot prod-2 runs another task definition than its inventory row names: promote the release"
    " again, or wait for the next drift check"
)
# The task definition on record; the observed slots run another one.
APPROVED: dict[str, Any] = {"task_definition": "td-approved"}
REPLACEMENTS = [
    Case("the recorded task definition: shift", swap(CANARY_10, task_definition="td"), seen(),
         seconds(0), shift(10)),
    Case("before the first customers: wait", swap(CANARY_10, **APPROVED), seen(), seconds(0),
         waits(REPLACED)),
    Case("at the limit of the preparation: fail", swap(CANARY_10, **APPROVED), seen(),
         LIMIT + (START - NOW),
         fails(f"{REPLACED}; production was not switched within the time limit")),
    Case("after the approval: wait", swap(BEFORE_SHIFT, approved_by="ann", **APPROVED), seen(),
         seconds(0), waits(REPLACED)),
    Case("at 10 percent: return", shifted(CANARY_10, **APPROVED), seen(10), seconds(0), RETURN),
    Case("during the bake: return", shifted(BAKED, 100, **APPROVED), seen(100), seconds(0),
         RETURN),
    Case("a return does not depend on it",
         shifted(CANARY_10, returning=("bad",), **APPROVED), seen(0), MINUTE, fails("bad")),
    Case("ECS does not describe the slots: no reason",
         shifted(CANARY_10, **APPROVED), seen(10, services={}, healthy={}, problem="denied"),
         seconds(0), waits("a check: denied")),
]  # fmt: skip


STEPS = [
    Case("canary: first 10 percent", swap(CANARY_10), seen(), seconds(0), shift(10)),
    Case("a second before the step", shifted(CANARY_10), seen(10), seconds(359), TO_REST),
    Case("at the step", shifted(CANARY_10), seen(10), seconds(360), shift(100)),
    Case("a second after the step", shifted(CANARY_10), seen(10), seconds(361), shift(100)),
    Case("linear: first 25 percent", swap(QUARTERS), seen(), seconds(0), shift(25)),
    Case("linear: 25 to 50", shifted(QUARTERS, 25), seen(25), seconds(360), shift(50)),
    Case("linear: 50 to 75", shifted(QUARTERS, 50), seen(50), seconds(360), shift(75)),
    Case("linear: 75 to 100", shifted(QUARTERS, 75), seen(75), seconds(360), shift(100)),
    Case("linear: 75 is not over", shifted(QUARTERS, 75), seen(75), seconds(359), TO_REST),
    Case("full without a bake: the test listener", shifted(CANARY_10, 100), seen(100), seconds(0),
         SWITCH_TEST),
    Case("full without a bake: end", shifted(CANARY_10, 100), seen(100, "prod-1"), seconds(0),
         DONE),
    Case("at once with a bake: only the production listener", swap(BAKED), seen(), seconds(0),
         shift(100)),
    Case("a second before the end of the bake", shifted(BAKED, 100), seen(100), seconds(599),
         TO_REST),
    Case("at the end of the bake", shifted(BAKED, 100), seen(100), seconds(600), SWITCH_TEST),
    Case("after the bake, both listeners are switched", shifted(BAKED, 100), seen(100, "prod-1"),
         seconds(600), DONE),
    Case("a canary bakes too", shifted(CANARY_BAKED, 100), seen(100), seconds(599), TO_REST),
    Case("a judged swap without requests continues", shifted(JUDGED), seen(10), seconds(360),
         shift(100)),
    Case("not ready for the next step: wait", shifted(CANARY_10),
         sized(1, 2, 10, listeners=dict.fromkeys(Listener, FORWARDS)), seconds(360),
         acts(ScaleService("prod-2", 2))),
    Case("the listeners do not allow the next step: wait", shifted(CANARY_10),
         seen(10, listener_problems=("a rule",)), seconds(360), waits("a rule")),
    Case("a second before the limit of the next step", shifted(CANARY_10),
         seen(10, listener_problems=("a rule",)), seconds(360 + 899), waits("a rule")),
    Case("at the limit of the next step: return", shifted(CANARY_10),
         seen(10, listener_problems=("a rule",)), seconds(360 + 900), RETURN),
    Case("a late run of the next step: shift", shifted(CANARY_10), seen(10), seconds(9999),
         shift(100)),
    Case("a second before the limit of the preparation", swap(CANARY_10),
         seen(listener_problems=("a rule",)), LIMIT + (START - NOW) - SECOND, waits("a rule")),
    Case("at the limit of the preparation: fail", swap(CANARY_10),
         seen(listener_problems=("a rule",)), LIMIT + (START - NOW),
         fails("a rule; production was not switched within the time limit")),
]  # fmt: skip

APPROVALS = [
    Case("before the first customers: wait", swap(BEFORE_SHIFT), seen(), seconds(0),
         waits("an approval by a caller with the right to swap")),
    Case("approved: shift", swap(BEFORE_SHIFT, awaiting_at=NOW, approved_by="ann",
                                 approved_at=NOW), seen(), seconds(0), shift(10)),
    Case("a second before the approval expires", swap(BEFORE_SHIFT, awaiting_at=NOW), seen(),
         seconds(3599), waits("an approval by a caller with the right to swap")),
    Case("the approval expires: fail", swap(BEFORE_SHIFT, awaiting_at=NOW), seen(), seconds(3600),
         fails("not approved within 60 minutes")),
    Case("the step before the approval is not over", shifted(BEFORE_FULL), seen(10), seconds(359),
         TO_REST),
    Case("before all customers: wait", shifted(BEFORE_FULL), seen(10), seconds(360),
         waits("an approval by a caller with the right to swap")),
    Case("before all customers: the approval expires", shifted(BEFORE_FULL, awaiting_at=NOW),
         seen(10), seconds(3600), RETURN),
    Case("before all customers: approved", shifted(BEFORE_FULL, approved_by="ann"), seen(10),
         seconds(360), shift(100)),
    Case("before all customers: a middle step needs none", shifted(QUARTERS_BEFORE_FULL, 25),
         seen(25), seconds(360), shift(50)),
    Case("before all customers: the last step needs one", shifted(QUARTERS_BEFORE_FULL, 75),
         seen(75), seconds(360), waits("an approval by a caller with the right to swap")),
    Case("all at once needs it before its only step", swap(
            SwapPolicy(approval=Approval(FULL, 60))), seen(), seconds(0),
         waits("an approval by a caller with the right to swap")),
    Case("approved late, and not ready: wait for the limit after the approval",
         swap(BEFORE_SHIFT, awaiting_at=NOW, approved_by="ann", approved_at=NOW + 50 * MINUTE),
         seen(listener_problems=("a rule",)), 50 * MINUTE + LIMIT - SECOND, waits("a rule")),
    Case("approved late, and not ready within the limit: fail",
         swap(BEFORE_SHIFT, awaiting_at=NOW, approved_by="ann", approved_at=NOW + 50 * MINUTE),
         seen(listener_problems=("a rule",)), 50 * MINUTE + LIMIT,
         fails("a rule; production was not switched within the time limit")),
    Case("an unreadable check delays an approved shift",
         swap(BEFORE_SHIFT._replace(alarms=("errors",)), approved_by="ann", unreadable=1,
              verdicts=verdicts(UNREADABLE)), seen(), seconds(0),
         waits(f"a check: it is {UNREADABLE}")),
]  # fmt: skip

LISTENER = "the production listener was changed outside of the service"
RETURNS = [
    Case("abort of 10 percent", replace(shifted(CANARY_10), aborted_by="ann"), seen(10),
         seconds(0), RETURN),
    Case("abort during the bake", replace(shifted(BAKED, 100), aborted_by="ann"), seen(100),
         seconds(0), RETURN),
    Case("abort after the change of the test listener", replace(shifted(BAKED, 100),
         aborted_by="ann"), seen(100, "prod-1"), seconds(0), RETURN_BOTH),
    Case("alarm before the first customers", swap(ALARMED, alarms={"errors": "ALARM"}), seen(),
         seconds(0), fails("the alarm errors is in the state ALARM")),
    Case("alarm before the first customers, and the release is not ready", swap(
        ALARMED, alarms={"errors": "ALARM"}), seen(healthy={"prod-1": 1}), seconds(0),
         fails("the alarm errors is in the state ALARM; the idle slot has no healthy target;"
               " healthy targets: 0 in the idle slot, 1 in the live slot")),
    Case("alarm before the first customers, without an observation of ECS", swap(
        ALARMED, alarms={"errors": "ALARM"}), seen(services={}), seconds(0),
         fails("the alarm errors is in the state ALARM")),
    Case("alarm at 10 percent", shifted(ALARMED, alarms={"slow": "ALARM"}), seen(10), seconds(0),
         RETURN),
    Case("an ignored alarm does not count", shifted(ALARMED, alarms={"slow": "ALARM"},
         ignored=("slow",)), seen(10), seconds(0), TO_REST),
    Case("an alarm without data does not count",
         shifted(ALARMED, alarms={"slow": "INSUFFICIENT_DATA"}), seen(10), seconds(0), TO_REST),
    Case("a bad verdict", shifted(JUDGED, verdicts=verdicts(GOOD, BAD)), seen(10), seconds(0),
         RETURN),
    Case("an earlier bad verdict does not count", shifted(JUDGED, verdicts=verdicts(BAD, GOOD)),
         seen(10), seconds(0), TO_REST),
    Case("four unreadable checks", shifted(ALARMED, unreadable=4, verdicts=verdicts(UNREADABLE)),
         seen(10), seconds(0), TO_REST),
    Case("five unreadable checks", shifted(ALARMED, unreadable=5, verdicts=verdicts(UNREADABLE)),
         seen(10), seconds(0), RETURN),
    Case("five unreadable checks before the first customers", swap(
        ALARMED, unreadable=5, verdicts=verdicts(UNREADABLE)), seen(), seconds(0),
         fails(f"5 checks in a row had no result: it is {UNREADABLE}")),
    Case("unreadable at the step: do not shift",
         shifted(ALARMED, unreadable=1, verdicts=verdicts(UNREADABLE)),
         seen(10), 6 * MINUTE, waits(f"a check: it is {UNREADABLE}")),
    Case("unreadable at the end of the bake: do not end",
         shifted(JUDGED, 100, unreadable=1, verdicts=verdicts(UNREADABLE)),
         seen(100), 10 * MINUTE, waits(f"a check: it is {UNREADABLE}")),
    Case("no healthy target", shifted(CANARY_10), seen(10, healthy={"prod-1": 1}), seconds(0),
         RETURN),
    Case("no service", shifted(CANARY_10), seen(10, services={"prod-1": slot("prod-1")},
         healthy={"prod-1": 1}), seconds(0), RETURN),
    Case("one check with too few healthy targets", shifted(CANARY_10, unhealthy=1), seen(10),
         seconds(0), TO_REST),
    Case("two checks with too few healthy targets", shifted(CANARY_10, unhealthy=2), seen(10),
         seconds(0), RETURN),
    Case("other weights, a second before they count", shifted(CANARY_10), seen(30), seconds(59),
         waits(ELB)),
    Case("other weights", shifted(CANARY_10), seen(30), seconds(60), RETURN),
    Case("a third target group", shifted(CANARY_10), seen(None), seconds(60), RETURN),
    Case("all customers returned by hand", shifted(CANARY_10), seen(0), seconds(60),
         fails(f"{LISTENER}: weight 0 instead of 10 for prod-2")),
    Case("another step than the next one by hand", shifted(QUARTERS, 25), seen(75), seconds(60),
         RETURN),
    Case("all customers without the approval, by hand", shifted(BEFORE_FULL, awaiting_at=NOW),
         seen(100), seconds(60), RETURN),
    Case("stickiness at 10 percent", shifted(CANARY_10), seen(10, listeners=STICKY), seconds(0),
         RETURN),
    Case("stickiness does not matter at 100 percent", shifted(BAKED, 100),
         seen(100, listeners=STICKY), seconds(0), TO_REST),
    Case("the listener cannot return customers: wait",
         shifted(CANARY_10, returning=("bad",)),
         seen(10, listeners={}, listener_problems=("no listener", "no rule")), seconds(0),
         waits("no listener; no rule")),
    Case("returned, but ELB may show the state before the shift: repeat",
         shifted(CANARY_10, returning=("bad",)), seen(0), seconds(59), RETURN),
    Case("returned", shifted(CANARY_10, returning=("bad",)), seen(0), seconds(60), fails("bad")),
    Case("uneven weights by hand before the first customers: return",
         swap(CANARY_10, returning=("bad",)), seen(None), seconds(0), RETURN),
    Case("a listener that cannot forward before the first customers: fail",
         swap(CANARY_10, returning=("bad",)), seen(None, listeners={}), seconds(0), fails("bad")),
    Case("a shift took effect without a record, then the return began",
         swap(CANARY_10, returning=("bad",)), seen(10), seconds(0), RETURN),
    Case("returned and recorded", shifted(CANARY_10, 0, changed_at=None, returning=("bad",),
                                          returned_at=NOW), seen(0), seconds(0), fails("bad")),
]  # fmt: skip

FINISHED: dict[str, Any] = {"finished_by": "ann", "finished_at": NOW + MINUTE}
FINISHES = [
    Case("during the preparation: all customers at once", swap(CANARY_10, **FINISHED), seen(),
         MINUTE, shift(100)),
    Case("at 10 percent", shifted(CANARY_10, **FINISHED), seen(10), MINUTE, shift(100)),
    Case("at 25 percent of a linear swap", shifted(QUARTERS, 25, **FINISHED), seen(25), MINUTE,
         shift(100)),
    Case("during the bake", shifted(BAKED, 100, **FINISHED), seen(100), MINUTE, SWITCH_TEST),
    Case("before all customers, with an alarm",
         shifted(ALARMED, alarms={"slow": "ALARM"}, **FINISHED), seen(10), MINUTE, RETURN),
    Case("with a bad verdict", shifted(JUDGED, verdicts=verdicts(BAD), **FINISHED), seen(10),
         MINUTE, RETURN),
    Case("with an unreadable check",
         shifted(ALARMED, unreadable=1, verdicts=verdicts(UNREADABLE), **FINISHED), seen(10),
         MINUTE, waits(f"a check: it is {UNREADABLE}")),
    Case("late in a long step: it does not count as late",
         shifted(CANARY_10._replace(step_minutes=600), finished_by="ann",
                 finished_at=NOW + 300 * MINUTE), seen(10), 300 * MINUTE, shift(100)),
    Case("late in a long step, and not ready: wait for the limit",
         shifted(CANARY_10._replace(step_minutes=600), finished_by="ann",
                 finished_at=NOW + 300 * MINUTE),
         seen(10, listener_problems=("a rule",)), 300 * MINUTE + LIMIT - SECOND, waits("a rule")),
    Case("late in a long step, and not ready within the limit: return",
         shifted(CANARY_10._replace(step_minutes=600), finished_by="ann",
                 finished_at=NOW + 300 * MINUTE),
         seen(10, listener_problems=("a rule",)), 300 * MINUTE + LIMIT, RETURN),
]  # fmt: skip

LOST = lost(swap(CANARY_10))
CRASHES = [
    Case("the first shift was not recorded", LOST, seen(10), seconds(0), TO_REST),
    Case("the last shift was not recorded", lost(shifted(CANARY_10)), seen(100), seconds(360),
         SWITCH_TEST),
    Case("a linear shift was not recorded", lost(shifted(QUARTERS, 25)), seen(50), seconds(360),
         TO_REST),
    Case("the shift of a bake was not recorded", lost(swap(BAKED)), seen(100), seconds(0),
         TO_REST),
    Case("the step before a finish was not recorded", lost(shifted(QUARTERS, 25, **FINISHED)),
         seen(50), MINUTE, shift(100)),
    Case("the last shift of a finish was not recorded", lost(shifted(QUARTERS, 25, **FINISHED)),
         seen(100), MINUTE, SWITCH_TEST),
    Case("a shift was not recorded, and the swap is aborted", aborted(LOST), seen(10),
         seconds(0), RETURN),
    Case("no worker was lost: ELB shows the state before an earlier swap", swap(CANARY_10),
         seen(10), seconds(0), shift(10)),
    Case("no worker was lost, both listeners: ELB shows the state before an earlier swap",
         swap(SwapPolicy()), seen(100, "prod-1"), seconds(0), SWITCH_BOTH),
    Case("the next weight by hand", shifted(QUARTERS, 25), seen(50), seconds(60), RETURN),
    Case("ELB need not show a shift by a lost worker, and the swap is aborted", aborted(LOST),
         seen(), seconds(59), RETURN_BOTH),
    Case("ELB shows that a lost worker did not shift, and the swap is aborted", aborted(LOST),
         seen(), seconds(60), fails("aborted by ann")),
    Case("the abort of a swap without a lost worker", aborted(swap(CANARY_10)), seen(),
         seconds(0), fails("aborted by ann")),
    Case("a worker was lost during the return",
         lost(swap(CANARY_10, returning=("bad",))), seen(), seconds(0), fails("bad")),
    Case("the change of the test listener was not recorded", lost(shifted(BAKED, 100)),
         seen(100, "prod-1"), seconds(600), DONE),
    Case("the return was not recorded", lost(shifted(CANARY_10, returning=("bad",))), seen(0),
         seconds(60), fails("bad")),
    Case("ELB shows the state before the shift", shifted(CANARY_10), seen(0), seconds(0),
         waits(ELB)),
    Case("ELB shows the step before, at the next one", shifted(QUARTERS, 50), seen(25),
         seconds(59), waits(ELB)),
]  # fmt: skip

CASES = [
    pytest.param(case, id=f"{table}: {case.name}")
    for table, cases in {
        "step": STEPS, "replacement": REPLACEMENTS, "approval": APPROVALS, "return": RETURNS,
        "finish": FINISHES, "crash": CRASHES,
    }.items()
    for case in cases
]  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_decides(case: Case) -> None:
    now = NOW + case.after
    decision = decide(_checked(case.operation, now), case.observed, now)
    assert summary(decision) == case.expected


@pytest.mark.parametrize("case", CASES)
def test_a_repeated_decision_is_the_same(case: Case) -> None:
    now = NOW + case.after
    decision = decide(_checked(case.operation, now), case.observed, now)
    assert decide(decision.operation, case.observed, now) == decision


def _checked(operation: Operation, now: datetime) -> Operation:
    """Return a swap whose last check was just now, so that the case has no new one."""
    return operation.with_details(checked_at=now)


@pytest.mark.parametrize(
    "listeners",
    [{}, {Listener.TEST: FORWARDS._replace(forwards=False)}],
    ids=["absent", "no forward"],
)
def test_a_test_listener_that_cannot_forward_becomes_a_warning(
    listeners: Mapping[Listener, ListenerRules],
) -> None:
    bad, worse = "no test listener", "no rule"
    full = replace(shifted(CANARY_10, 100, checked_at=NOW), warnings=("late", bad))
    observed = seen(100, listeners=listeners, listener_problems=(bad, worse))
    decision = decide(full, observed, NOW)
    assert decision == Done(
        replace(
            full.with_details(completing=True),
            warnings=("late", bad, worse),
            progress=tuple(replace(each, status=Status.SUCCEEDED) for each in full.progress),
        )
    )


@pytest.mark.parametrize(("weight", "missed"), [(25, 50), (75, 100)])
def test_a_step_that_is_too_late_names_its_share(weight: int, missed: int) -> None:
    now, observed = NOW + 6 * MINUTE + LIMIT, seen(weight, listener_problems=("a rule",))
    decision = decide(shifted(QUARTERS, weight), observed, now)
    late = f"the new release did not receive {missed} percent of the requests within the time limit"
    assert decision.operation.details.returning == ("a rule", late)


def test_the_share_remains_if_many_conditions_are_missing() -> None:
    problems = tuple(f"rule {number}" for number in range(10))
    now, observed = NOW + 6 * MINUTE + LIMIT, seen(25, listener_problems=problems)
    returning = decide(shifted(QUARTERS, 25), observed, now).operation.details.returning
    assert returning[:-1] == (*problems[:8], "and 2 more")
    assert "50 percent" in returning[-1]


def test_the_end_of_a_return_is_complete() -> None:
    """ELB shows the return of a worker that crashed before it recorded the time."""
    now = NOW + MINUTE
    returning = shifted(CANARY_10, returning=("bad", "worse"), checked_at=NOW, lost_at=NOW)
    decision = decide(returning, seen(0), now)
    returned = returning.with_details(weight=0, changed_at=None, lost_at=None, returned_at=now)
    reason = "the customers returned"
    assert decision == Fail(
        replace(
            returned,
            reasons=("bad", "worse"),
            progress=tuple(
                replace(each, status=Status.FAILED, reason=reason) for each in returning.progress
            ),
        )
    )
