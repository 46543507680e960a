"""The details of a swap: its policy, and its state in the record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from devops_core.errors import redact
from devops_core.model.steps import WarmedPage
from devops_core.model.swap_policy import ALL, OFF, SHIFT, SwapPolicy
from devops_core.model.times import time_text
from devops_core.model.traffic import Requests, Verdict

# A check takes place at most once a minute; the schedule is not exact, so a little is deducted.
CHECK_INTERVAL = timedelta(seconds=55)
# Verdicts in the record, so that its size does not grow with the duration of the swap.
MAX_VERDICTS = 10
# Characters of the path of a fetched page in the record.
_MAX_PATH = 200


class SwapDetails(NamedTuple):
    """The slots, the policy and the progress of a swap.

    `live` and `idle` are the slots after the swap, `spec` is the revision of the specification that
    becomes live, None for a release of another tool. `warmup` lists the paths to fetch from the
    idle slot before the switch, `warmed` the results, which replace them.

    `weight` is the percentage of the customers' requests that the slot `live` receives, since
    `changed_at`. `shifted_at` is the time of the first change, `switched_at` that of the change to
    100. `returning` are the reasons of the return of all customers, `returned_at` is its time.
    `awaiting_at` is the time since which the swap waits for an approval, `approved_by` the caller
    that approved it at `approved_at`. `finished_by` is the caller that ended the waits at
    `finished_at`. `completing` means that all waits have ended.

    `lost_at` is the end of the lease of a worker that did not record its result, or the time of a
    throttled call with an earlier attempt: they can have changed the weight.

    `checked_at` is the time of the last check of the release, `unreadable` the number of checks of
    CloudWatch in a row without a result, `unhealthy` the number of checks in a row with too few
    healthy targets. `healthy` is the largest number of healthy targets that the slot `live` had
    since the last shift, at most its number of tasks; 0 if it is not on record. `alarms` has the
    states of alarms. `ignored` lists the alarms that do not count. `verdicts` has the last ones.
    `baseline` are the requests of the slot `idle` in the ten minutes before 100 percent. `received`
    are the requests of the slot `live` until `counted_until`, in `counted_minutes` minutes;
    `recent` are those since then at the last check, in `recent_minutes` minutes, whose metrics can
    still change.

    `scaling` is that of the slot `live`, `idle_scaling` that of the slot `idle`, None without a
    scalable target. `minimums` has the smallest number of tasks that the swap has set by slot,
    `minimum_set_at` the time of the last one, and `scale_in` whether it has allowed the scale-in of
    a slot. `scaling_failed_at` is the time of the first failure of a step for scaling since the
    last success, and `scaling_skipped` means that the minimum could not be raised.

    `task_definition` is that of the slot `live` on record at the start, None in a record of an
    earlier version.
    """

    live: str
    idle: str
    policy: SwapPolicy = SwapPolicy()
    spec: int | None = None
    warmup: tuple[str, ...] = ()
    warmed: tuple[WarmedPage, ...] = ()
    weight: int = 0
    changed_at: datetime | None = None
    shifted_at: datetime | None = None
    switched_at: datetime | None = None
    returning: tuple[str, ...] = ()
    returned_at: datetime | None = None
    awaiting_at: datetime | None = None
    approved_by: str | None = None
    approved_at: datetime | None = None
    finished_by: str | None = None
    finished_at: datetime | None = None
    completing: bool = False
    lost_at: datetime | None = None
    checked_at: datetime | None = None
    unreadable: int = 0
    unhealthy: int = 0
    healthy: int = 0
    alarms: Mapping[str, str] = {}
    ignored: tuple[str, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    baseline: Requests | None = None
    received: Requests = Requests()
    counted_minutes: int = 0
    counted_until: datetime | None = None
    recent: Requests = Requests()
    recent_minutes: int = 0
    scaling: Mapping[str, int] | None = None
    idle_scaling: Mapping[str, int] | None = None
    minimums: Mapping[str, int] = {}
    minimum_set_at: datetime | None = None
    scale_in: Mapping[str, bool] = {}
    scaling_failed_at: datetime | None = None
    scaling_skipped: bool = False
    task_definition: str | None = None

    @property
    def next_weight(self) -> int:
        """The weight of the next shift; 100 is the last one."""
        if self.weight == ALL or self.finished_by:
            return ALL
        return self.policy.next_weight(self.weight)

    @property
    def later_waits(self) -> timedelta:
        """The waits after the next shift, without an approval."""
        if self.weight == ALL or self.finished_by:
            return timedelta()
        steps = sum(each > self.next_weight for each in self.policy.weights)
        return timedelta(minutes=steps * self.policy.step_minutes + self.policy.bake_minutes)

    @property
    def needs_approval(self) -> bool:
        """Whether the next shift needs an approval that is missing."""
        approval = self.policy.approval
        if approval is None or self.approved_by or self.weight == ALL:
            return False
        first = self.weight == 0 and approval.before == SHIFT
        return first or self.next_weight == ALL

    @property
    def approval_expires_at(self) -> datetime | None:
        """The time until which the swap waits for an approval, None if it does not wait."""
        if self.awaiting_at is None or self.policy.approval is None or self.approved_by:
            return None
        return self.awaiting_at + timedelta(minutes=self.policy.approval.timeout_minutes)

    def approval_expired(self, now: datetime) -> bool:
        """Return whether the next shift needs an approval whose time has passed."""
        expires_at = self.approval_expires_at
        return expires_at is not None and now >= expires_at and self.needs_approval

    @property
    def next_at(self) -> datetime | None:
        """The time of the next shift, or of the end of the bake; None before the first shift."""
        if self.changed_at is None or self.returning:
            return None
        if self.finished_at:
            return max(self.changed_at, self.finished_at)
        at_full = self.weight == ALL
        minutes = self.policy.bake_minutes if at_full else self.policy.step_minutes
        return self.changed_at + timedelta(minutes=minutes)

    @property
    def phase(self) -> str:
        """The phase of a swap in progress."""
        if self.returning:
            return "RETURNING"
        if self.awaiting_at and not self.approved_by and self.needs_approval:
            return "AWAITING_APPROVAL"
        if self.weight == 0:
            return "PREPARING"
        if self.weight < ALL:
            return "SHIFTED"
        return "BAKING" if self.policy.bake_minutes and not self.finished_by else "FULL"

    @property
    def wants_baseline(self) -> bool:
        """Whether a check must read the requests to the live release before 100 percent."""
        return self.policy.judge is not None and self.weight == ALL and self.baseline is None

    def check_due(self, now: datetime) -> bool:
        """Return whether the release must be checked now."""
        if self.returning or not (self.policy.progressive or self.policy.checks):
            return False
        return self.checked_at is None or now - self.checked_at >= CHECK_INTERVAL

    def with_shift(self, weight: int, moment: datetime) -> SwapDetails:
        """Return the details after a change of the production listener."""
        if weight == 0:
            returned_at = self.returned_at or moment
            return self._replace(weight=0, changed_at=None, lost_at=None, returned_at=returned_at)
        at_full = weight == ALL
        # The worker of the last shift can also make the last steps before it records a result.
        completes = at_full and bool(self.finished_by or not self.policy.bake_minutes)
        return self._replace(
            weight=weight,
            changed_at=moment,
            lost_at=None,
            shifted_at=self.shifted_at or moment,
            switched_at=moment if at_full else None,
            completing=completes,
        )

    def with_page(self, page: WarmedPage) -> SwapDetails:
        """Return the details with the result of a page, which replaces its path."""
        waiting = tuple(path for path in self.warmup if path != page.path)
        if len(page.path) > _MAX_PATH:
            page = page._replace(path=f"{page.path[:_MAX_PATH]}…")
        return self._replace(warmup=waiting, warmed=(*self.warmed, page))

    def view(self, *, ended: bool) -> dict[str, Any]:
        """Return the members of a swap, as JSON."""
        view: dict[str, Any] = {"spec": self.spec, "warmup": list(map(_page_view, self.warmed))}
        if self.policy.progressive or self.policy.checks:
            view |= self._checks_view() | ({} if ended else self._present_view())
        return view

    def _present_view(self) -> dict[str, Any]:
        """Return the members of a swap in progress."""
        next_step: dict[str, Any] | None = {"at": time_text(self.next_at)} if self.next_at else None
        if next_step and self.weight < ALL:
            next_step["weight"] = self.next_weight
        return {
            "phase": self.phase,
            "nextStep": next_step,
            "approvalExpiresAt": time_text(self.approval_expires_at),
        }

    def _checks_view(self) -> dict[str, Any]:
        """Return the policy, the weight, the callers and the results of the checks."""
        received, minutes = self.received + self.recent, self.counted_minutes + self.recent_minutes
        return {
            "weight": self.weight,
            "policy": policy_view(self.policy),
            "approvedBy": self.approved_by,
            "finishedBy": self.finished_by,
            "alarmStates": dict(self.alarms),
            "ignoredAlarms": list(self.ignored),
            "verdicts": [_verdict_view(each) for each in self.verdicts],
            "affected": {
                "requests": received.total,
                "errors": received.errors,
                "minutes": minutes,
            }
            if minutes
            else None,
        }

    def milestones(self) -> dict[str, datetime | None]:
        """Return the times of the changes of the production listener."""
        own = {"shiftedAt": self.shifted_at} if self.policy.progressive else {}
        return {**own, "switchedAt": self.switched_at, "returnedAt": self.returned_at}


def policy_view(policy: SwapPolicy) -> dict[str, Any]:
    """Return a policy with the names of the contract."""
    strategy: dict[str, Any] = {"type": policy.strategy}
    if len(policy.weights) > 1:
        strategy |= {"percent": policy.percent, "stepMinutes": policy.step_minutes}
    judge, approval = policy.judge, policy.approval
    view: dict[str, Any] = {
        "strategy": strategy,
        "bakeMinutes": policy.bake_minutes,
        "alarms": list(policy.alarms),
        "judge": OFF
        if judge is None
        else {"errorRatePercent": judge.error_rate_percent, "minRequests": judge.min_requests},
    }
    if approval:
        view["approval"] = {"before": approval.before, "timeoutMinutes": approval.timeout_minutes}
    return view


def _verdict_view(verdict: Verdict) -> dict[str, Any]:
    members = {
        "time": time_text(verdict.time),
        "verdict": verdict.verdict,
        "new": _requests_view(verdict.new),
        "live": _requests_view(verdict.live),
        "reason": redact(verdict.reason) if verdict.reason else None,
    }
    return {name: value for name, value in members.items() if value is not None}


def _requests_view(requests: Requests) -> dict[str, Any]:
    return {
        "requests": requests.total,
        "errors": requests.errors,
        "errorRatePercent": round(requests.error_rate, 2),
    }


def _page_view(page: WarmedPage) -> dict[str, Any]:
    members = {
        "path": page.path,
        "status": page.status,
        "seconds": page.milliseconds / 1000,
        "reason": redact(page.reason) if page.reason else None,
    }
    return {name: value for name, value in members.items() if value is not None}


DETAILS = SwapDetails
