"""The results of a check in the record of a swap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devops_core.details.swap import SwapDetails
from devops_core.kinds.judge import LONGEST_SPAN
from devops_core.kinds.swap_checks import recorded
from devops_core.model.observed import Observed
from devops_core.model.operation import Operation
from devops_core.model.swap_policy import Judge, SwapPolicy
from devops_core.model.traffic import (
    BAD,
    GOOD,
    MINUTE,
    TOO_FEW_REQUESTS,
    UNREADABLE,
    Minute,
    Monitored,
    Requests,
    Verdict,
)
from tests.lab.builders import NOW, slot
from tests.lab.swaps import (
    ALARMED,
    CANARY_10,
    JUDGED,
    seen,
    shifted,
    sized,
    swap,
)

SECOND = timedelta(seconds=1)
# A shift within the minute 12:00, and a check whose window is 12:00 to 12:03.
SHIFT = datetime(2026, 1, 31, 12, 0, 30, tzinfo=UTC)
CHECK = datetime(2026, 1, 31, 12, 5, 10, tzinfo=UTC)
WATCHED = JUDGED._replace(alarms=("errors",))
OK = {"errors": "OK"}
Pair = tuple[int, int]  # requests, errors


def checked(operation: Operation, monitored: Monitored | None, **seen_changes: Any) -> SwapDetails:
    """Return the details after a check of a healthy release; all other members are equal."""
    observed = seen(operation.details.weight, monitored=monitored, **seen_changes)
    after = recorded(operation, observed, CHECK)
    assert after == replace(operation, details=after.details)
    found: SwapDetails = after.details
    return found


def since(hour: int, minute: int, *pairs: Pair) -> tuple[Minute, ...]:
    """Return minutes that follow each other."""
    start = datetime(2026, 1, 31, hour, minute, tzinfo=UTC)
    return tuple(Minute(start + n * MINUTE, *pair) for n, pair in enumerate(pairs))


def traffic(
    new: tuple[Minute, ...], live: tuple[Minute, ...] = ()
) -> Mapping[str, tuple[Minute, ...]]:
    return {"prod-2": new, "prod-1": live}


def judged(weight: int = 10, policy: SwapPolicy = WATCHED, **changes: Any) -> Operation:
    """Return a judged swap that received its weight at SHIFT."""
    times = {"changed_at": SHIFT, "shifted_at": SHIFT, "alarms": OK}
    switched = {"switched_at": SHIFT if weight == 100 else None}
    return shifted(policy, weight, **{**times, **switched, **changes})


def test_a_check_counts_the_minutes_since_the_shift_and_judges_them() -> None:
    """The minute of the shift counts, the requests of the test listener before it do not."""
    operation = judged()
    new = since(11, 58, (70, 70), (80, 80), (100, 1), (0, 0), (200, 3), (999, 0), (999, 0))
    live = since(12, 0, (900, 0), (800, 1), (700, 0))
    monitored = Monitored(CHECK, OK, traffic(new, live))
    verdict = Verdict(CHECK, GOOD, Requests(300, 4), Requests(2400, 1))
    assert checked(operation, monitored) == operation.details._replace(
        checked_at=CHECK,
        verdicts=(verdict,),
        received=Requests(),
        counted_minutes=0,
        counted_until=datetime(2026, 1, 31, 12, 0, tzinfo=UTC),
        # Also the newest minutes, which are not complete yet.
        recent=Requests(2298, 4),
        recent_minutes=4,
    )


def test_a_check_adds_the_minutes_after_the_window_of_the_earlier_one() -> None:
    earlier = Verdict(SHIFT, GOOD)
    operation = judged(
        changed_at=SHIFT - 10 * MINUTE,
        shifted_at=SHIFT - 10 * MINUTE,
        counted_until=SHIFT - 2 * MINUTE,
        received=Requests(1000, 10),
        counted_minutes=7,
        recent=Requests(5, 5),
        recent_minutes=5,
        verdicts=(earlier,),
        unreadable=2,
    )
    new = since(11, 57, (50, 50), (60, 6), (70, 7), (80, 8), (90, 9), (100, 10))
    monitored = Monitored(CHECK, OK, traffic(new, since(12, 0, *[(900, 90)] * 3)))
    verdict = Verdict(CHECK, GOOD, Requests(270, 27), Requests(2700, 270))
    assert checked(operation, monitored) == operation.details._replace(
        checked_at=CHECK,
        unreadable=0,
        verdicts=(earlier, verdict),
        received=Requests(1130, 23),
        counted_minutes=9,
        counted_until=datetime(2026, 1, 31, 12, 0, tzinfo=UTC),
        recent=Requests(270, 27),
        recent_minutes=3,
    )


@pytest.mark.parametrize(
    ("shift", "counts"),
    [("12:00:00", False), ("11:59:59.999", True)],
)
def test_a_minute_that_ended_before_the_first_customers_is_not_judged(
    shift: str, *, counts: bool
) -> None:
    """All errors are those of the minute 11:59, the first one of the window."""
    shifted_at = datetime.fromisoformat(f"2026-01-31T{shift}+00:00")
    operation = judged(shifted_at=shifted_at, counted_until=SHIFT)
    new = since(11, 59, (100, 100), (100, 0), (100, 0))
    monitored = Monitored(CHECK - MINUTE, OK, traffic(new))
    (verdict,) = checked(operation, monitored).verdicts
    assert verdict.new == (Requests(300, 100) if counts else Requests(200, 0))


def test_at_100_percent_the_requests_before_the_last_shift_are_the_baseline() -> None:
    operation = judged(100)
    new = since(12, 0, *[(100, 6)] * 3)
    # The live release receives no requests since the shift.
    live = since(11, 50, *[(1000, 20)] * 10, (0, 0), (0, 0), (0, 0))
    after = checked(operation, Monitored(CHECK, OK, traffic(new, live)))
    assert after.baseline == Requests(10_000, 200)
    assert [(each.verdict, each.live) for each in after.verdicts] == [
        (BAD, Requests(10_000, 200)),
    ]
    # The next checks need not read them again.
    later = replace(operation, details=after._replace(checked_at=None))
    again = checked(later, Monitored(CHECK, OK, traffic(new, since(12, 0, *[(0, 0)] * 3))))
    assert again.baseline == Requests(10_000, 200)
    assert again.verdicts[-1].live == Requests(10_000, 200)


@pytest.mark.parametrize(
    ("since_shift", "judges"), [(LONGEST_SPAN - SECOND, False), (LONGEST_SPAN, True)]
)
def test_without_the_baseline_a_check_only_counts_until_it_is_too_old(
    since_shift: timedelta, *, judges: bool
) -> None:
    switched_at = CHECK - since_shift
    operation = judged(100, switched_at=switched_at, counted_until=SHIFT)
    new = since(12, 0, *[(100, 100)] * 3)
    verdict = Verdict(CHECK, BAD, Requests(300, 300), Requests())
    # Requests to the previous release do not come from customers any more.
    live = since(12, 0, *[(100, 100)] * 3)
    after = checked(operation, Monitored(CHECK, OK, traffic(new, live)))
    assert after == operation.details._replace(
        checked_at=CHECK,
        verdicts=(verdict._replace(reason=after.verdicts[0].reason),) if judges else (),
        counted_until=datetime(2026, 1, 31, 12, 0, tzinfo=UTC),
        recent=Requests(300, 300),
        recent_minutes=3,
    )


@pytest.mark.parametrize(
    "operation",
    [
        judged(policy=ALARMED._replace(alarms=("errors",)), unreadable=3),
        judged(0, changed_at=None, shifted_at=None, unreadable=3),
    ],
    ids=["no judge", "no customers yet"],
)
@pytest.mark.parametrize("minutes", [{}, traffic(since(12, 0, (100, 100)))], ids=["no", "some"])
def test_without_a_judge_or_customers_a_check_only_reads_alarms(
    operation: Operation, minutes: Mapping[str, tuple[Minute, ...]]
) -> None:
    expected = operation.details._replace(checked_at=CHECK, unreadable=0)
    assert checked(operation, Monitored(CHECK, OK, minutes)) == expected


def test_a_shift_that_was_not_recorded_has_no_requests_in_its_first_check() -> None:
    operation = judged()
    assert checked(operation, Monitored(CHECK, OK)) == operation.details._replace(checked_at=CHECK)


@pytest.mark.parametrize(
    ("states", "problem", "reason"),
    [
        ({}, "AWS throttles", "AWS throttles"),
        # The alarms were read before the requests failed.
        ({"errors": "ALARM", "slow": "OK"}, "AWS throttles", "AWS throttles"),
        ({"slow": "OK"}, None, "alarms that do not exist: errors"),
        ({}, None, "alarms that do not exist: errors, slow"),
    ],
)
def test_an_unreadable_check_counts_and_keeps_the_known_states(
    states: dict[str, str], problem: str | None, reason: str
) -> None:
    known = {"errors": "OK", "slow": "INSUFFICIENT_DATA"}
    earlier = Verdict(SHIFT, UNREADABLE, reason="the same before")
    operation = shifted(ALARMED, alarms=known, unreadable=1, verdicts=(earlier,))
    time = CHECK - SECOND
    assert checked(operation, Monitored(time, states, problem=problem)) == (
        operation.details._replace(
            checked_at=CHECK,
            alarms={**known, **states},
            unreadable=2,
            verdicts=(earlier, Verdict(time, UNREADABLE, reason=reason)),
        )
    )


@pytest.mark.parametrize(
    ("policy", "monitored", "states"),
    [
        (CANARY_10, None, {}),
        (ALARMED, Monitored(NOW, {"errors": "ALARM", "slow": "OK"}),
         {"errors": "ALARM", "slow": "OK"}),
        # It is the more important problem.
        (ALARMED, Monitored(NOW, problem="AWS throttles"), {}),
    ],
)  # fmt: skip
def test_a_check_without_a_response_of_ecs_is_unreadable(
    policy: SwapPolicy, monitored: Monitored | None, states: dict[str, str]
) -> None:
    operation = shifted(policy, unreadable=1, unhealthy=1)
    found = checked(operation, monitored, services={}, healthy={}, problem="no answer of ECS")
    time = NOW if monitored else CHECK
    assert found == operation.details._replace(
        checked_at=CHECK,
        alarms=states,
        unreadable=2,
        verdicts=(Verdict(time, UNREADABLE, reason="no answer of ECS"),),
    )


def test_an_ignored_alarm_can_be_deleted() -> None:
    operation = shifted(ALARMED, alarms=OK, ignored=("slow",))
    expected = operation.details._replace(checked_at=CHECK)
    assert checked(operation, Monitored(CHECK, OK)) == expected


def test_a_record_has_the_last_ten_verdicts_with_short_reasons() -> None:
    earlier = tuple(Verdict(SHIFT, GOOD, Requests(n)) for n in range(10))
    operation = shifted(ALARMED, verdicts=earlier)
    long = Monitored(CHECK, {}, problem="x" * 501)
    assert checked(operation, long).verdicts == (
        *earlier[1:], Verdict(CHECK, UNREADABLE, reason="x" * 500),
    )  # fmt: skip


def test_a_verdict_of_few_requests_is_recorded_with_its_reason() -> None:
    operation = judged()
    (verdict,) = checked(operation, Monitored(CHECK, OK, traffic(since(12, 0, (1, 1))))).verdicts
    assert (verdict.verdict, verdict.new) == (TOO_FEW_REQUESTS, Requests(1, 1))
    assert verdict.reason


@pytest.mark.parametrize(
    ("weight", "observed", "unhealthy"),
    [
        (10, sized(4, 1, 10, healthy=1), 4),
        (10, sized(4, 1, 10, healthy=2), 0),
        (10, sized(2, 1, 10, healthy=1), 0),
        (10, sized(1, 1, 10, healthy=0), 4),
        # The previous release does not matter.
        (10, sized(2, 4, 10, healthy=2), 0),
        (10, seen(10, services={"prod-1": slot("prod-1")}, healthy={}), 0),
        # ECS did not respond.
        (10, seen(10, services={}, healthy={}), 3),
        # Before the first customers, tasks that start are normal.
        (0, sized(4, 1, 0, healthy=0), 3),
    ],
)
def test_a_check_counts_too_few_healthy_targets(
    weight: int, observed: Observed, unhealthy: int
) -> None:
    operation = shifted(CANARY_10, weight, unhealthy=3)
    expected = operation.details._replace(checked_at=CHECK, unhealthy=unhealthy)
    assert recorded(operation, observed, CHECK).details == expected


@pytest.mark.parametrize(
    ("operation", "monitored"),
    [
        (swap(SwapPolicy()), None),
        (shifted(CANARY_10, checked_at=CHECK - 54 * SECOND), None),
        (shifted(ALARMED, checked_at=CHECK - 54 * SECOND), Monitored(CHECK, OK)),
        # A status read between two checks has no states of alarms.
        (shifted(ALARMED), None),
        (shifted(CANARY_10, returning=("bad",)), Monitored(CHECK, OK)),
    ],
)
def test_no_check_changes_nothing(operation: Operation, monitored: Monitored | None) -> None:
    observed = sized(4, 1, 10, healthy=1, monitored=monitored)
    assert recorded(operation, observed, CHECK) is operation


def test_the_limit_of_the_judge_is_that_of_the_policy() -> None:
    strict = WATCHED._replace(judge=Judge(error_rate_percent=1, min_requests=10))
    lax = WATCHED._replace(judge=Judge(error_rate_percent=2, min_requests=10))
    few = WATCHED._replace(judge=Judge(error_rate_percent=1, min_requests=101))
    monitored = Monitored(CHECK, OK, traffic(since(12, 0, *[(100, 2)] * 3)))
    found = [checked(judged(policy=each), monitored).verdicts for each in (strict, lax, few)]
    assert [each.verdict for (each,) in found] == [BAD, GOOD, TOO_FEW_REQUESTS]
