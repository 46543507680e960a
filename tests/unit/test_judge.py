"""The judge: verdicts as tables, and properties of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from devops_core.kinds import judge as judging
from devops_core.kinds.judge import LONGEST_SPAN, new_minutes, span, window
from devops_core.model.swap_policy import Judge
from devops_core.model.traffic import (
    BAD,
    GOOD,
    MINUTE,
    TOO_FEW_REQUESTS,
    Minute,
    Requests,
    Verdict,
)
from tests.lab.fakes import FakeCloud
from tests.lab.fakes.monitoring import Metrics, late_errors, late_requests

NOW = datetime(2025, 3, 1, 9, 10, 30, tzinfo=UTC)
START = datetime(2025, 3, 1, 9, 5, tzinfo=UTC)
POLICY = Judge(error_rate_percent=1.0, min_requests=50)
Pair = tuple[int, int]  # requests, errors
QUIET: Sequence[Pair] = [(900, 0)] * 3


def minutes(*pairs: Pair, start: datetime = START) -> list[Minute]:
    """Return minutes that follow each other."""
    return [
        Minute(start + number * MINUTE, requests, errors)
        for number, (requests, errors) in enumerate(pairs)
    ]


def judged(
    new: Sequence[Pair],
    live: Sequence[Pair] = QUIET,
    *,
    baseline: Requests | None = None,
    policy: Judge = POLICY,
) -> Verdict:
    return judging.judge(policy, NOW, minutes(*new), minutes(*live), baseline)


@pytest.mark.parametrize(
    ("now", "start", "end"),
    [
        ("09:10:30", "09:05", "09:08"),
        # The minute 09:07 ended exactly two minutes ago.
        ("09:10:00", "09:05", "09:08"),
        ("09:09:59.999", "09:04", "09:07"),
        ("00:01:30", "23:56", "23:59"),
    ],
)
def test_the_window_has_three_whole_minutes_that_ended_two_minutes_ago(
    now: str, start: str, end: str
) -> None:
    day = "2025-02-28T" if start > now else "2025-03-01T"
    found = window(datetime.fromisoformat(f"2025-03-01T{now}+00:00"))
    assert found == tuple(datetime.fromisoformat(f"{day}{each}:00+00:00") for each in (start, end))


@pytest.mark.parametrize(
    ("new", "live", "verdict"),
    [
        ([(100, 0)] * 3, QUIET, GOOD),
        # Exactly the limit of 1 percent is accepted.
        ([(100, 1)] * 3, QUIET, GOOD),
        ([(100, 2)] * 3, QUIET, BAD),
        ([(10_000, 101)] * 3, QUIET, BAD),
        # One bad minute is an accident, two are not.
        ([(100, 50), (100, 0), (100, 0)], QUIET, GOOD),
        ([(100, 50), (100, 0), (100, 2)], QUIET, BAD),
        # Exactly twice the rate of the live release is accepted.
        ([(100, 6)] * 3, [(900, 27)] * 3, GOOD),
        ([(100, 7)] * 3, [(900, 27)] * 3, BAD),
        # The rate of the live release is that of the same minute.
        ([(100, 6), (100, 0), (100, 6)], [(900, 27), (900, 0), (900, 27)], GOOD),
        ([(100, 6), (100, 6), (100, 6)], [(900, 27), (900, 0), (900, 0)], BAD),
        # Below 50 requests a minute does not count.
        ([(50, 0), (50, 0), (49, 49)], QUIET, GOOD),
        ([(50, 50), (50, 50), (0, 0)], QUIET, BAD),
        ([(50, 50), (49, 49), (49, 49)], QUIET, TOO_FEW_REQUESTS),
        ([], QUIET, TOO_FEW_REQUESTS),
        # Before the shift only a part of the window has requests.
        ([(0, 0), (0, 0), (500, 500)], QUIET, TOO_FEW_REQUESTS),
        # Without requests to the live release only errorRatePercent counts.
        ([(100, 1)] * 3, [(0, 0)] * 3, GOOD),
        ([(100, 2)] * 3, [], BAD),
        # Few requests to the live release: all its minutes count too. 1 of 60 are 1.67 percent.
        ([(900, 30)] * 3, [(20, 0), (20, 0), (20, 1)], GOOD),
        ([(900, 31)] * 3, [(20, 0), (20, 0), (20, 1)], BAD),
        # 50 requests are enough: the others do not count.
        ([(900, 90)] * 3, [(50, 0), (50, 0), (50, 50)], BAD),
        # Its rate in the same minute still counts.
        ([(900, 90)] * 3, [(20, 1), (20, 1), (200, 0)], GOOD),
    ],
)
def test_verdicts(new: Sequence[Pair], live: Sequence[Pair], verdict: str) -> None:
    assert judged(new, live).verdict == verdict


@pytest.mark.parametrize(
    ("errors", "baseline", "verdict"),
    [
        (4, Requests(10_000, 200), GOOD),
        (5, Requests(10_000, 200), BAD),
        (1, Requests(10_000, 0), GOOD),
        # Without requests before the shift only errorRatePercent counts.
        (1, Requests(), GOOD),
        (2, Requests(), BAD),
    ],
)
def test_the_baseline_replaces_the_requests_to_the_live_release(
    errors: int, baseline: Requests, verdict: str
) -> None:
    found = judged([(100, errors)] * 3, [(100, 100)] * 3, baseline=baseline)
    assert (found.verdict, found.live) == (verdict, baseline)


@pytest.mark.parametrize(
    ("percent", "requests", "errors", "verdict"),
    [
        # 0.1 + 0.2 and 0.3 are different floats; 0.3 percent of 1,000 requests are exactly 3.
        (0.3, 1000, 3, GOOD),
        (0.3, 1000, 4, BAD),
        (0.1, 1000, 1, GOOD),
        (2.3, 1000, 23, GOOD),
        (0.07, 10_000, 7, GOOD),
        (0.07, 10_000, 8, BAD),
        (1, 100, 1, GOOD),
        (0, 100, 0, GOOD),
        (0, 100, 1, BAD),
        (100, 100, 100, GOOD),
    ],
)
def test_limits_are_exact(percent: float, requests: int, errors: int, verdict: str) -> None:
    policy = Judge(error_rate_percent=percent, min_requests=1)
    assert judged([(requests, errors)] * 3, policy=policy).verdict == verdict


def test_a_verdict_has_the_requests_of_the_window() -> None:
    outside = [Minute(START - MINUTE, 7, 7), Minute(START + 3 * MINUTE, 7, 7)]
    new = [*minutes((100, 1), (200, 2), (300, 3)), *outside]
    live = [*outside, *minutes((900, 0), (800, 1), (700, 2))]
    verdict = judging.judge(POLICY, NOW, new, live, None)
    assert verdict == Verdict(NOW, GOOD, Requests(600, 6), Requests(2400, 3), None)


def test_the_newest_minutes_are_ignored() -> None:
    """They are incomplete: the number of requests grows for some minutes."""
    newest = minutes((60, 60), (60, 60), start=START + 3 * MINUTE)
    new = [*minutes(*[(100, 0)] * 3), *newest]
    assert judging.judge(POLICY, NOW, new, minutes(*QUIET), None).verdict == GOOD


def test_the_reason_of_a_bad_release_has_rates_requests_and_limits() -> None:
    found = judged([(200, 12), (190, 11), (100, 0)], [(900, 9), (900, 0), (900, 0)])
    assert found.reason == (
        "requests to the new release failed too often:"
        " 12 of 200 requests at 09:05 (6 percent, limit 2 percent)"
        " and 11 of 190 requests at 09:06 (5.789 percent, limit 1 percent);"
        " the limit is 1 percent (errorRatePercent),"
        " or twice the error rate of the live release if that is more"
    )


def test_the_reason_of_a_missing_verdict_has_the_numbers() -> None:
    assert judged([(12, 0), (49, 1)]).reason == (
        "the new release received 12, 49 and 0 requests in the last minutes:"
        " a verdict needs 50 requests (minRequests) in 2 of 3 minutes"
    )


SHIFT = datetime(2025, 3, 1, 9, 5, 20, tzinfo=UTC)


def test_the_baseline_has_the_ten_whole_minutes_before_the_shift() -> None:
    live = minutes(*[(100, 1)] * 20, start=START - 12 * MINUTE)
    assert judging.baseline(live, SHIFT) == Requests(1000, 10)
    assert judging.baseline(live, SHIFT - MINUTE) == Requests(1000, 10)


def test_a_baseline_with_a_missing_minute_is_not_known() -> None:
    live = minutes(*[(100, 1)] * 9, start=START - 10 * MINUTE)
    assert judging.baseline(live, SHIFT) is None
    assert judging.baseline([], SHIFT) is None


def test_a_minute_is_counted_for_good_when_no_further_check_judges_it() -> None:
    found = minutes((100, 1), (0, 0), (50, 50))
    all_three = Requests(150, 51), 2
    # The window of a check has the three minutes that ended two minutes ago.
    for later, final, recent in (
        (5, (Requests(), 0), all_three),
        (6, (Requests(100, 1), 1), (Requests(50, 50), 1)),
        (7, (Requests(100, 1), 1), (Requests(50, 50), 1)),
        (8, all_three, (Requests(), 0)),
    ):
        until = START + (later - 5) * MINUTE
        assert new_minutes(found, SHIFT, START + later * MINUTE) == (final, recent, until)
    assert new_minutes([], START, START) == ((Requests(), 0), (Requests(), 0), START)


def test_minutes_that_were_counted_for_good_do_not_count_again() -> None:
    found, now = minutes((100, 1), (0, 0), (50, 50)), START + 8 * MINUTE
    nothing = Requests(), 0
    assert new_minutes(found, START + 2 * MINUTE, now)[0] == (Requests(50, 50), 1)
    assert new_minutes(found, START + 3 * MINUTE, now) == (nothing, nothing, START + 3 * MINUTE)


@pytest.mark.parametrize(
    ("after", "counted", "wants_baseline", "start"),
    [
        # All counted: only the window.
        (60, 58, False, 55),
        # The first check after the shift, with and without the baseline.
        (0, 0, False, -5),
        (0, 0, True, -10),
        (20, 0, True, -10),
        (20, 0, False, 0),
        # The oldest baseline that is asked for.
        (LONGEST_SPAN // MINUTE - 8, 167, True, -10),
        (LONGEST_SPAN // MINUTE - 7, 168, True, 165),
        # After a pause not everything is counted, and an old baseline is not asked for.
        (24 * 60, 0, True, 24 * 60 - 2 - LONGEST_SPAN // MINUTE),
        (3 * 60, 170, True, 170),
        (3 * 60, 170, False, 170),
    ],
)
def test_one_span_has_everything_that_a_check_needs(
    after: int, counted: int, wants_baseline: bool, start: int
) -> None:
    zero = datetime(2025, 3, 1, 9, 0, tzinfo=UTC)
    found = span(
        zero + after * MINUTE + timedelta(seconds=30),
        zero + timedelta(seconds=20),
        zero + counted * MINUTE,
        wants_baseline=wants_baseline,
    )
    assert found == (zero + start * MINUTE, zero + (after - 2) * MINUTE)


# --- the newest minutes ---

BALANCER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012"
LISTENER = f"{BALANCER}:listener/app/Shop-prod/50dc6c495c0c9188/1"
NEW, LIVE = (f"{BALANCER}:targetgroup/Shop-prod-{slot}/73e2d6bc24d8a067" for slot in "12")


def verdicts_of(cloud: FakeCloud, ahead: timedelta) -> set[str]:
    """Return the verdicts at many times, by a judge whose clock is ahead of that of AWS."""
    found = set()
    for _ in range(30):
        cloud.clock.pass_(seconds=7)
        now = cloud.clock.right() + ahead
        traffic = cloud.monitoring.traffic(LISTENER, [NEW, LIVE], *window(now))
        found.add(judging.judge(POLICY, now, traffic[NEW], traffic[LIVE], None).verdict)
    return found


@pytest.mark.parametrize(
    ("errors", "incomplete", "verdict", "wrong"),
    [(9, late_requests, GOOD, BAD), (20, late_errors, BAD, GOOD)],
)
def test_a_judge_of_the_newest_minutes_is_wrong(
    errors: int, incomplete: Callable[[Metrics], Metrics], verdict: str, wrong: str
) -> None:
    cloud = FakeCloud()
    cloud.monitoring.metrics[NEW] = lambda _start: Metrics(1000, errors)
    cloud.monitoring.metrics[LIVE] = lambda _start: Metrics(9000, 0)
    cloud.monitoring.incomplete = incomplete
    assert verdicts_of(cloud, timedelta()) == {verdict}
    assert verdicts_of(cloud, timedelta(minutes=2)) == {wrong}


# --- properties ---

REQUESTS = st.integers(0, 2000)
PAIRS = REQUESTS.flatmap(lambda most: st.tuples(st.just(most), st.integers(0, most)))
THREE = st.lists(PAIRS, min_size=3, max_size=3)
POLICIES = st.builds(
    Judge,
    error_rate_percent=st.integers(0, 10_000).map(lambda hundredths: hundredths / 100),
    min_requests=st.integers(1, 500),
)
BASELINES = st.none() | PAIRS.map(lambda pair: Requests(*pair))
TIMES = st.timedeltas(timedelta(), timedelta(days=400)).map(lambda later: NOW + later)
PAUSES = st.timedeltas(timedelta(), timedelta(days=2))


@given(THREE, st.lists(st.integers(1, 50), min_size=3, max_size=3), POLICIES)
def test_a_release_with_the_error_rate_of_the_live_one_is_never_bad(
    live: list[Pair], factors: list[int], policy: Judge
) -> None:
    new = [(total * n, errors * n) for (total, errors), n in zip(live, factors, strict=True)]
    assert judged(new, live, policy=policy).verdict != BAD
    assert judged(live, new, policy=policy).verdict != BAD


@given(PAIRS, st.integers(1, 50), POLICIES)
def test_a_release_with_the_error_rate_of_the_baseline_is_never_bad(
    before: Pair, factor: int, policy: Judge
) -> None:
    new = [(before[0] * factor, before[1] * factor)] * 3
    assert judged(new, baseline=Requests(*before), policy=policy).verdict != BAD


@given(THREE, POLICIES, BASELINES)
def test_a_release_without_errors_is_never_bad(
    live: list[Pair], policy: Judge, baseline: Requests | None
) -> None:
    new = [(total, 0) for total, _ in live]
    assert judged(new, live, policy=policy, baseline=baseline).verdict != BAD


@given(THREE, THREE, POLICIES, BASELINES, st.integers(0, 2))
def test_more_errors_never_improve_a_verdict(
    new: list[Pair], live: list[Pair], policy: Judge, baseline: Requests | None, worse: int
) -> None:
    before = judged(new, live, policy=policy, baseline=baseline).verdict
    total, errors = new[worse]
    new[worse] = (total, min(total, errors + 1))
    after = judged(new, live, policy=policy, baseline=baseline).verdict
    assert (before, after) in {(before, before), (GOOD, BAD)}


@given(THREE, THREE, POLICIES, BASELINES)
def test_a_verdict_follows_the_definition(
    new: list[Pair], live: list[Pair], policy: Judge, baseline: Requests | None
) -> None:
    """The definition in whole numbers: ten-thousandths, and products instead of quotients."""
    assume(baseline is not None or all(total >= policy.min_requests for total, _ in live))
    hundredths = round(policy.error_rate_percent * 100)
    counted = [n for n, (total, _) in enumerate(new) if total >= policy.min_requests]
    bad = 0
    for n in counted:
        total, errors = new[n]
        live_total, live_errors = baseline or live[n]
        above_allowed = errors * 10_000 > hundredths * total
        above_live = errors * live_total > 2 * live_errors * total or (
            live_total == 0 and errors > 0
        )
        bad += above_allowed and above_live
    expected = TOO_FEW_REQUESTS if len(counted) < 2 else BAD if bad >= 2 else GOOD
    found = judged(new, live, policy=policy, baseline=baseline)
    assert found.verdict == expected
    assert (found.reason is None) == (expected == GOOD)


@given(TIMES, PAUSES, PAUSES, st.booleans())
def test_a_span_is_bounded_and_has_the_window(
    shifted_at: datetime, pause: timedelta, uncounted: timedelta, wants_baseline: bool
) -> None:
    now = shifted_at + pause
    start, end = span(now, shifted_at, now - uncounted, wants_baseline=wants_baseline)
    first, last = window(now)
    assert start <= first
    assert end == last
    assert end - start <= LONGEST_SPAN
    assert start >= now - timedelta(hours=3)
    assert timedelta(minutes=2) <= now - end < timedelta(minutes=3)
    assert (start.second, start.microsecond) == (0, 0)


@given(TIMES, st.lists(st.timedeltas(timedelta(), timedelta(minutes=40)), min_size=1, max_size=8))
def test_checks_at_any_times_count_each_minute_once(
    shifted_at: datetime, pauses: list[timedelta]
) -> None:
    """Each minute has one request, so the requests are the minutes of the operation."""
    now = counted_until = shifted_at
    total = Requests()
    for pause in pauses:
        now += pause
        start, end = span(now, shifted_at, counted_until, wants_baseline=True)
        found = minutes(*[(1, 0)] * ((end - start) // MINUTE), start=start)
        final, recent, counted_until = new_minutes(found, counted_until, now)
        assert (final.requests.total, recent.requests.total) == (final.minutes, recent.minutes)
        total += final.requests
    first = shifted_at.replace(second=0, microsecond=0)
    expected = max(0, (window(now)[1] - first) // MINUTE)
    assert (total + recent.requests).total == expected
