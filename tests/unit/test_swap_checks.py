"""A swap over time: its checks, rests and deadlines, and the calls of persons."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from devops_core import kinds
from devops_core.details.swap import CHECK_INTERVAL, SwapDetails
from devops_core.engine import events
from devops_core.errors import ConflictError
from devops_core.kinds.swap_phases import LIMIT
from devops_core.model.decisions import Decision, Wait
from devops_core.model.listeners import Listener
from devops_core.model.operation import Operation
from devops_core.model.steps import (
    Switch,
    WarmedPage,
    WarmUp,
)
from devops_core.model.swap_policy import ALL, SwapPolicy
from devops_core.model.traffic import UNREADABLE, Monitored, Verdict
from tests.lab.builders import NOW, START, acts, decide, summary, swapping
from tests.lab.swaps import (
    ALARMED,
    BAKED,
    BEFORE_FULL,
    BEFORE_SHIFT,
    CANARY_10,
    CANARY_BAKED,
    QUARTERS,
    QUARTERS_BEFORE_FULL,
    seen,
    shifted,
    sized,
    swap,
)

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
RULES = kinds.load("swap")
NO_RESULT = (Verdict(NOW, UNREADABLE, reason="AWS throttles"),)


def rest(decision: Decision) -> datetime | None:
    assert isinstance(decision, Wait), decision
    return decision.rests_until


def details_of(decision: Decision) -> SwapDetails:
    found: SwapDetails = decision.operation.details
    return found


@pytest.mark.parametrize(
    ("started", "after", "expected"),
    [
        (shifted(CANARY_10), 0, 55),
        (shifted(CANARY_10), 54, 55),  # An event between two checks does not delay the next one.
        (shifted(CANARY_10), 55, 110),
        (shifted(CANARY_10), 359, 360),  # Not beyond the step.
        (shifted(BAKED, 100), 590, 600),
        (swap(BEFORE_SHIFT, awaiting_at=NOW), 3590, 3600),
        (swap(BEFORE_SHIFT, awaiting_at=NOW), 3000, 3055),
    ],
)
def test_reads_rest_until_the_next_check_or_the_next_step(
    started: Operation, after: int, expected: int
) -> None:
    last = NOW if after < 55 else NOW + timedelta(seconds=after)
    now = NOW + timedelta(seconds=after)
    weight = started.details.weight
    decision = decide(started.with_details(checked_at=last), seen(weight), now)
    if after >= 55:
        assert details_of(decision).checked_at == now
    assert rest(decision) == NOW + timedelta(seconds=expected)


@pytest.mark.parametrize(
    ("started", "after"),
    [
        (shifted(ALARMED), 0),
        (swap(BEFORE_SHIFT._replace(alarms=("errors",))), 0),
        (shifted(ALARMED, unreadable=1, verdicts=NO_RESULT), 360),
        (shifted(ALARMED._replace(bake_minutes=10), 100), 0),
        (shifted(ALARMED, 100, unreadable=1, verdicts=NO_RESULT), 0),
    ],
    ids=["before a step", "approval", "unreadable at a step", "bake", "unreadable at the end"],
)
def test_reads_rest_after_a_run_without_a_check(started: Operation, after: int) -> None:
    now = NOW + timedelta(seconds=after)
    decision = decide(started, seen(started.details.weight), now)
    assert details_of(decision).checked_at is None
    assert rest(decision) == now + CHECK_INTERVAL


@pytest.mark.parametrize(
    ("started", "after", "rests"),
    [
        (swap(ALARMED), 0, 55),
        (shifted(ALARMED), 330, 360),  # Not beyond the step.
        (shifted(ALARMED._replace(bake_minutes=10), 100), 10, 65),
    ],
    ids=["preparation", "before a step", "bake"],
)
def test_a_swap_whose_slots_ecs_does_not_describe_waits_for_the_next_check(
    started: Operation, after: int, rests: int
) -> None:
    now = NOW + timedelta(seconds=after)
    started = replace(started, deadline=NOW + 60 * MINUTE)
    observed = seen(started.details.weight, services={}, healthy={}, problem="ECS is busy")
    waiting = replace(started, waiting_for="a check: ECS is busy")
    for checked_at in (now, None):
        decision = decide(started.with_details(checked_at=checked_at), observed, now)
        expected = waiting.with_details(checked_at=checked_at)
        assert decision == Wait(expected, NOW + timedelta(seconds=rests))


def test_a_wait_for_aws_has_no_rest() -> None:
    waiting = seen(10, listener_problems=("a rule",))
    assert rest(decide(shifted(CANARY_10), waiting, NOW + 6 * MINUTE)) is None
    assert rest(decide(shifted(CANARY_10), seen(0), NOW)) is None
    assert rest(decide(swap(CANARY_10), seen(healthy={"prod-1": 1}), NOW)) is None


@pytest.mark.parametrize(("seconds", "due"), [(54, False), (55, True), (56, True)])
def test_a_check_counts_at_most_every_55_seconds(seconds: int, due: bool) -> None:
    now = NOW + timedelta(seconds=seconds)
    started = shifted(ALARMED, checked_at=NOW)
    assert started.details.check_due(now) is due
    monitored = Monitored(NOW, {"errors": "OK", "slow": "INSUFFICIENT_DATA"})
    after = details_of(decide(started, seen(10, monitored=monitored), now))
    assert after.alarms == (monitored.alarms if due else {})
    assert after.checked_at == (now if due else NOW)


def test_a_check_without_an_answer_about_cloudwatch_does_not_count() -> None:
    started = shifted(ALARMED, checked_at=None)
    assert decide(started, seen(10), NOW).operation.details == started.details


@pytest.mark.parametrize(
    ("desired", "healthy", "unhealthy"),
    [(2, 2, 0), (2, 1, 0), (3, 1, 4), (4, 2, 0), (4, 1, 4)],
)
def test_a_check_counts_fewer_healthy_targets_than_half_of_the_tasks(
    desired: int, healthy: int, unhealthy: int
) -> None:
    now = NOW + CHECK_INTERVAL
    observed = sized(desired, 1, 10, healthy=healthy)
    decision = decide(shifted(CANARY_10, unhealthy=3, checked_at=NOW), observed, now)
    assert details_of(decision).unhealthy == unhealthy
    assert bool(details_of(decision).returning) is bool(unhealthy)


@pytest.mark.parametrize(
    ("before", "desired", "healthy", "after", "unhealthy"),
    [
        (2, 8, 2, 2, 0),
        (2, 8, 5, 5, 0),
        (5, 8, 2, 5, 4),
        (4, 8, 2, 4, 0),
        (8, 2, 1, 2, 0),
        (8, 3, 1, 3, 4),
    ],
)
def test_added_tasks_do_not_count_before_they_are_healthy(
    before: int, desired: int, healthy: int, after: int, unhealthy: int
) -> None:
    started = shifted(CANARY_10, unhealthy=3, healthy=before, checked_at=NOW)
    observed = sized(desired, 1, 10, healthy=healthy)
    details = details_of(decide(started, observed, NOW + CHECK_INTERVAL))
    assert (details.healthy, details.unhealthy) == (after, unhealthy)


def test_a_shift_records_the_healthy_targets() -> None:
    assert details_of(decide(swap(CANARY_10), sized(4, 2, healthy=3), NOW)).healthy == 3
    due = shifted(QUARTERS, 25, healthy=9)
    assert details_of(decide(due, sized(4, 2, 25, healthy=3), NOW + 6 * MINUTE)).healthy == 3


def test_an_alarm_returns_customers_in_the_run_that_reads_it() -> None:
    states, reasons = {"errors": "ALARM", "slow": "OK"}, ("the alarm errors is in the state ALARM",)
    started = shifted(ALARMED)
    # The conditions of the next shift are not reasons.
    observed = seen(10, monitored=Monitored(NOW, states), listener_problems=("a rule",))
    decision = decide(started, observed, NOW)
    assert summary(decision) == acts(Switch(Listener.PRODUCTION, "prod-1"))
    # Reads show the reasons before the end, too.
    begun = replace(started, reasons=reasons, deadline=NOW + LIMIT)
    assert decision.operation == begun.with_details(
        returning=reasons, alarms=states, checked_at=NOW
    )


@pytest.mark.parametrize(
    "monitored",
    [Monitored(NOW, problem="AWS throttles"), Monitored(NOW, {"errors": "OK"})],
    ids=["no answer", "an alarm was deleted"],
)
def test_the_fifth_unreadable_check_returns_customers(monitored: Monitored) -> None:
    operation, now = shifted(ALARMED._replace(step_minutes=60)), NOW
    for number in range(1, 6):
        decision = decide(operation, seen(10, monitored=monitored), now)
        operation, now = decision.operation, now + MINUTE
        assert operation.details.unreadable == number
        assert bool(operation.details.returning) is (number == 5)
    # One readable check starts the count again.
    states = Monitored(NOW, {"errors": "OK", "slow": "OK"})
    restarted = decide(shifted(ALARMED, unreadable=4), seen(10, monitored=states), NOW)
    assert details_of(restarted).unreadable == 0


@pytest.mark.parametrize(
    ("policy", "minutes"),
    [(SwapPolicy(), 15), (CANARY_10, 21), (QUARTERS, 33), (CANARY_BAKED, 31),
     (BEFORE_SHIFT, 81), (BAKED, 25)],
)  # fmt: skip
def test_the_deadline_has_the_waits_of_the_policy(policy: SwapPolicy, minutes: int) -> None:
    assert swap(policy).deadline - START == minutes * MINUTE


def test_a_late_step_moves_the_deadline() -> None:
    """Otherwise a swap in progress would be overdue, and one error of AWS would end it."""
    late = NOW + 60 * MINUTE
    started = shifted(CANARY_BAKED, 100, changed_at=late)
    decision = decide(started.with_details(checked_at=late), seen(100), late)
    assert decision.operation.deadline == late + 10 * MINUTE + LIMIT
    waiting = decide(swap(BEFORE_SHIFT, awaiting_at=late), seen(), late)
    assert waiting.operation.deadline == late + 60 * MINUTE
    default = swapping(weight=100, changed_at=late, shifted_at=late, switched_at=late)
    assert decide(default, seen(100), late).operation.deadline == default.deadline


def test_the_wait_for_an_approval_has_its_start_on_record() -> None:
    ready = swap(BEFORE_SHIFT, checked_at=NOW)
    condition = "an approval by a caller with the right to swap"
    awaiting = replace(ready.with_details(awaiting_at=NOW), waiting_for=condition)
    assert decide(ready, seen(), NOW) == Wait(awaiting, NOW + CHECK_INTERVAL)


def test_a_return_has_a_deadline_for_the_alarm_of_the_admin() -> None:
    started = replace(shifted(CANARY_BAKED), aborted_by="ann")
    assert decide(started, seen(10), NOW).operation.deadline == NOW + LIMIT
    later = started.deadline - MINUTE
    assert decide(started, seen(10), later).operation.deadline == started.deadline


@pytest.mark.parametrize(
    ("operation", "holds"),
    [
        (swapping(), False),
        (swapping(weight=100, changed_at=NOW), False),
        (swapping(weight=100, changed_at=NOW, returning=("bad",)), True),
        (swapping(returning=("bad",), returned_at=NOW), False),
        (swap(CANARY_10), True),
        (shifted(CANARY_10), True),
        (shifted(QUARTERS, 75), True),
        (shifted(CANARY_10, 100), False),
        (shifted(CANARY_10, returning=("bad",)), True),
        (shifted(CANARY_10._replace(percent=1), 1, returning=("bad",)), True),
        (shifted(CANARY_10, 0, returning=("bad",), returned_at=NOW), False),
        (swap(CANARY_10, returning=("bad",)), False),
        (swap(CANARY_10, returning=("bad",), lost_at=NOW), True),
    ],
)
def test_a_swap_holds_its_rows_while_production_can_be_split(
    operation: Operation, *, holds: bool
) -> None:
    assert RULES.holds(operation) is holds


def test_the_pages_are_fetched_once_before_the_first_customers() -> None:
    cold = swap(CANARY_10, warmup=("/", "/a"))
    assert summary(decide(cold, seen(), NOW)) == acts(WarmUp("/"), WarmUp("/a"))
    page = WarmedPage(path="/", status=None, milliseconds=1, reason="no answer")
    warm = cold.with_details(warmed=(page,))
    assert summary(decide(warm, seen(), NOW)) == acts(Switch(Listener.PRODUCTION, "prod-2", 10))
    # A worker crashed after the shift, and before it recorded the pages.
    crashed = decide(shifted(CANARY_10, warmup=("/",)), seen(10), NOW + 6 * MINUTE)
    assert summary(crashed) == acts(Switch(Listener.PRODUCTION, "prod-2", 100))


# --- the calls of persons ---


def called(action: str, operation: Operation, caller: str = "bob") -> SwapDetails:
    found: SwapDetails = RULES.advance[action].apply(operation, caller, NOW).details
    return found


def test_continue_approves_once() -> None:
    waiting = swap(BEFORE_SHIFT, awaiting_at=START, checked_at=NOW)
    approved = RULES.advance["continue"].apply(waiting, "bob", NOW)
    # Without the approval, the deadline has a step and the limit.
    expected = replace(waiting, deadline=NOW + 6 * MINUTE + LIMIT)
    assert approved == expected.with_details(approved_by="bob", approved_at=NOW, checked_at=None)
    early = replace(waiting, deadline=NOW + MINUTE)
    assert RULES.advance["continue"].apply(early, "bob", NOW).deadline == early.deadline
    assert RULES.advance["continue"].apply(approved, "ann", NOW) is approved


@pytest.mark.parametrize(
    ("operation", "phase"),
    [
        (swap(CANARY_10), "PREPARING"),
        (swap(BEFORE_SHIFT), "PREPARING"),
        (shifted(CANARY_10), "SHIFTED"),
        (shifted(CANARY_10, 100), "FULL"),
        (shifted(BAKED, 100), "BAKING"),
    ],
)
def test_continue_needs_a_swap_that_waits_for_an_approval(operation: Operation, phase: str) -> None:
    assert operation.details.phase == phase
    problem = "its policy has none; finish ends its waits"
    if operation.details.policy.approval:
        problem = f"its phase is {phase}; repeat the call in the phase AWAITING_APPROVAL"
    with pytest.raises(ConflictError) as refused:
        called("continue", operation)
    assert refused.value.message == (
        f"operation {operation.id} does not wait for an approval: {problem}"
    )


@pytest.mark.parametrize(
    ("operation", "approves"),
    [
        (swap(CANARY_10), False),
        (swap(BEFORE_SHIFT), True),
        (swap(BEFORE_SHIFT, awaiting_at=START), True),
        (shifted(BEFORE_FULL), True),
        # The next shift would need no approval without the end of the waits.
        (shifted(QUARTERS_BEFORE_FULL, 25), True),
        (shifted(BAKED, 100), False),
    ],
)
def test_finish_ends_all_waits(operation: Operation, *, approves: bool) -> None:
    weight = operation.details.weight
    operation = operation.with_details(checked_at=NOW)
    finished = RULES.advance["finish"].apply(operation, "bob", NOW)
    approval = {"approved_by": "bob", "approved_at": NOW} if approves else {}
    # The next run checks the release before the shift.
    expected = replace(operation, deadline=min(operation.deadline, NOW + LIMIT))
    assert finished == expected.with_details(
        finished_by="bob", finished_at=NOW, checked_at=None, **approval
    )
    assert RULES.advance["finish"].apply(finished, "ann", NOW) is finished
    decision = decide(finished, seen(weight), NOW)
    switch = Switch(Listener.TEST, "prod-1") if weight == ALL else None
    assert summary(decision) == acts(switch or Switch(Listener.PRODUCTION, "prod-2", ALL))


@pytest.mark.parametrize("action", ["continue", "finish"])
def test_a_call_is_too_late_during_a_return(action: str) -> None:
    for operation in (
        shifted(CANARY_10, returning=("bad",)),
        swap(BEFORE_SHIFT, awaiting_at=START, returning=("bad",)),
        replace(shifted(CANARY_10), aborted_by="ann"),
    ):
        with pytest.raises(ConflictError) as refused:
            called(action, operation)
        assert refused.value.message == (
            f"operation {operation.id} cannot {action}: all customers return to the previous"
            " release"
        )


def test_the_events_name_the_share_of_the_customers() -> None:
    before, after = swap(CANARY_10), shifted(CANARY_10)
    _, found = events.with_changes(before, after, NOW, RULES.events(before, after))
    assert [(each.outcome, each.reason) for each in found] == [
        ("SHIFTED", "the new release receives 10 percent of the requests")
    ]
