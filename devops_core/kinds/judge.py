"""The judge: it compares the error rate of a new release with that of the live release.

It uses whole minutes that ended at least two minutes ago, because the newest metrics of a load
balancer are incomplete (github.com/Netflix/atlas/pull/1300). With a clock that is ahead of that of
AWS it could judge an incomplete minute. AWS refuses calls whose time differs by more than five
minutes (IAM User Guide, "AWS Signature Version 4 for API requests").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from typing import NamedTuple

from devops_core.model import swap_policy
from devops_core.model.traffic import (
    BAD,
    GOOD,
    MINUTE,
    TOO_FEW_REQUESTS,
    Minute,
    Requests,
    Verdict,
)

# The time after the end of a minute in which its metrics are incomplete.
METRICS_DELAY = timedelta(minutes=2)
WINDOW = 3 * MINUTE
# The minutes of a window that must agree: one minute can be an accident.
_ENOUGH = 2
BASELINE = 10 * MINUTE
# A call for six metrics has 1,080 data points then. So 50 such calls in a second, the quota of
# GetMetricData, stay below its quota of 180,000 data points in a second for start times of at most
# three hours ago (CloudWatch User Guide, "CloudWatch service quotas").
LONGEST_SPAN = timedelta(hours=3) - METRICS_DELAY - MINUTE


class _Compared(NamedTuple):
    """A minute with enough requests to the new release, and its highest accepted error rate."""

    minute: Minute
    limit: Fraction

    @property
    def rate(self) -> Fraction:
        return _rate(_requests(self.minute))

    @property
    def is_bad(self) -> bool:
        return self.rate > self.limit


def window(now: datetime) -> tuple[datetime, datetime]:
    """Return the start and the end of the newest three whole minutes with complete metrics."""
    end = _whole(now - METRICS_DELAY)
    return end - WINDOW, end


def span(
    now: datetime, shifted_at: datetime, counted_until: datetime, *, wants_baseline: bool
) -> tuple[datetime, datetime]:
    """Return the start and the end of all minutes that a check needs, in whole minutes.

    They are the window, the minutes to count, and those of the baseline, but at most
    `LONGEST_SPAN`. After a longer pause of the checks some minutes are never counted. A baseline
    that is too old is omitted.
    """
    start, end = window(now)
    earliest = end - LONGEST_SPAN
    before = _whole(shifted_at) - BASELINE
    if wants_baseline and before >= earliest:
        start = min(start, before)
    return max(min(start, _whole(counted_until)), earliest), end


def judge(
    policy: swap_policy.Judge,
    now: datetime,
    new: Sequence[Minute],
    live: Sequence[Minute],
    baseline: Requests | None,
) -> Verdict:
    """Compare both releases in the minutes of the window.

    The new release is bad if its error rate exceeds the limit in two minutes. The limit is the
    greater one of `error_rate_percent` and twice the rate of the live release. Only minutes with
    at least `min_requests` requests to the new release count. `baseline` replaces the requests to
    the live release, which receives none at 100 percent. A missing minute has no requests.
    """
    seen, before = _within(new, *window(now)), _within(live, *window(now))
    verdict = Verdict(now, GOOD, _total(seen), _total(before) if baseline is None else baseline)
    compared = [
        _Compared(minute, _accepted_rate(policy, minute.start, before, baseline))
        for minute in seen
        if minute.requests >= policy.min_requests
    ]
    if len(compared) < _ENOUGH:
        reason = _too_few(policy, now, seen)
        return verdict._replace(verdict=TOO_FEW_REQUESTS, reason=reason)
    bad = [each for each in compared if each.is_bad]
    if len(bad) < _ENOUGH:
        return verdict
    return verdict._replace(verdict=BAD, reason=_too_many_errors(policy, bad))


def baseline(live: Sequence[Minute], shifted_at: datetime) -> Requests | None:
    """Return the requests to the live release in the ten whole minutes before the shift.

    None if a minute is missing: its metrics are not complete yet, or too old for `span`.
    """
    end = _whole(shifted_at)
    minutes = _within(live, end - BASELINE, end)
    return _total(minutes) if len(minutes) * MINUTE == BASELINE else None


class Counted(NamedTuple):
    """The requests in some minutes, and the number of those with requests."""

    requests: Requests
    minutes: int


def new_minutes(
    minutes: Sequence[Minute], counted_until: datetime, now: datetime
) -> tuple[Counted, Counted, datetime]:
    """Return the requests since `counted_until` until the window, those in it, and its start.

    The start is the next `counted_until`. So a minute counts for good when no further check judges
    it. Until then each check counts it anew, because the metrics of its first check can still be
    incomplete.
    """
    start = _whole(counted_until)
    settled = max(start, window(now)[0])
    final = [each for each in minutes if start <= each.start < settled]
    recent = [each for each in minutes if each.start >= settled]
    return _counted(final), _counted(recent), settled


def _counted(minutes: Sequence[Minute]) -> Counted:
    return Counted(_total(minutes), sum(each.requests > 0 for each in minutes))


def _accepted_rate(
    policy: swap_policy.Judge,
    start: datetime,
    live: Sequence[Minute],
    baseline: Requests | None,
) -> Fraction:
    """Return the highest accepted error rate of the new release in the minute at `start`."""
    if baseline is None:
        same = _total(_within(live, start, start + MINUTE))
        rate = _rate(same)
        if same.total < policy.min_requests:
            # The rate of few requests can be 0 by accident, so the whole window counts too.
            rate = max(rate, _rate(_total(live)))
    else:
        rate = _rate(baseline)
    return max(_allowed(policy), 2 * rate)


def _allowed(policy: swap_policy.Judge) -> Fraction:
    """Return the exact rate of a percentage: the text of a float has the digits of the request."""
    return Fraction(str(policy.error_rate_percent)) / 100


def _rate(requests: Requests) -> Fraction:
    return Fraction(requests.errors, requests.total) if requests.total else Fraction(0)


def _requests(minute: Minute) -> Requests:
    return Requests(minute.requests, minute.errors)


def _total(minutes: Iterable[Minute]) -> Requests:
    return sum(map(_requests, minutes), Requests())


def _within(minutes: Iterable[Minute], start: datetime, end: datetime) -> list[Minute]:
    return [each for each in minutes if start <= each.start < end]


def _whole(time: datetime) -> datetime:
    return time.replace(second=0, microsecond=0)


def _too_few(policy: swap_policy.Judge, now: datetime, seen: Sequence[Minute]) -> str:
    start, end = window(now)
    counts = {each.start: each.requests for each in seen}
    numbers = [str(counts.get(start + n * MINUTE, 0)) for n in range((end - start) // MINUTE)]
    return (
        f"the new release received {_list(numbers)} requests in the last minutes:"
        f" a verdict needs {policy.min_requests} requests (minRequests) in {_ENOUGH} of"
        f" {len(numbers)} minutes"
    )


def _too_many_errors(policy: swap_policy.Judge, bad: Sequence[_Compared]) -> str:
    minutes = [
        f"{each.minute.errors} of {each.minute.requests} requests at {each.minute.start:%H:%M}"
        f" ({_percent(each.rate)}, limit {_percent(each.limit)})"
        for each in bad
    ]
    return (
        f"requests to the new release failed too often: {_list(minutes)}; the limit is"
        f" {_percent(_allowed(policy))} (errorRatePercent), or twice the error rate of the live"
        " release if that is more"
    )


def _percent(rate: Fraction) -> str:
    return f"{float(100 * rate):.4g} percent"


def _list(texts: Sequence[str]) -> str:
    *first, last = texts
    return f"{', '.join(first)} and {last}"
