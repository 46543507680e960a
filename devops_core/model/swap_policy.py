"""The policy of a swap: its steps, its waits, and the reasons for a rollback."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple

ALL_AT_ONCE, CANARY, LINEAR = "allAtOnce", "canary", "linear"
SHIFT, FULL = "shift", "full"
OFF = "off"
# The weight with which a slot receives all requests; its unit is percent.
ALL = 100
# A judge needs three whole minutes, whose metrics are complete two minutes later.
JUDGED_MINUTES = 6
# The values of members that neither the request nor the specification has. A bake without a judge
# must be wanted.
DEFAULT_STRATEGY = ALL_AT_ONCE
DEFAULT_PERCENT = 10
DEFAULT_STEP_MINUTES = DEFAULT_JUDGED_BAKE_MINUTES = JUDGED_MINUTES
DEFAULT_BAKE_MINUTES = 0
DEFAULT_ERROR_RATE_PERCENT = 1.0
DEFAULT_MIN_REQUESTS = 50
DEFAULT_APPROVAL_MINUTES = 1440


class Judge(NamedTuple):
    """The comparison of the new release with the live one.

    The new release is bad if its error rate exceeds `error_rate_percent` and twice the rate of the
    live release. A minute counts only with at least `min_requests` requests to the new release.
    """

    error_rate_percent: float = DEFAULT_ERROR_RATE_PERCENT
    min_requests: int = DEFAULT_MIN_REQUESTS


class Approval(NamedTuple):
    """An approval before the first customers (SHIFT), or before 100 percent of them (FULL)."""

    before: str
    timeout_minutes: int = DEFAULT_APPROVAL_MINUTES


class SwapPolicy(NamedTuple):
    """The policy of a swap; the default switches all requests at once, without waits.

    `strategy` is ALL_AT_ONCE, CANARY (`percent`, then all requests) or LINEAR (`percent` more with
    each step). `alarms` are names of CloudWatch alarms. `judge` is None if it is off. `approval` is
    None for none.
    """

    strategy: str = DEFAULT_STRATEGY
    percent: int = DEFAULT_PERCENT
    step_minutes: int = DEFAULT_STEP_MINUTES
    bake_minutes: int = DEFAULT_BAKE_MINUTES
    alarms: tuple[str, ...] = ()
    judge: Judge | None = None
    approval: Approval | None = None

    @classmethod
    def of(cls, members: Mapping[str, Any]) -> SwapPolicy:
        """Return the policy of valid members by their names in the contract.

        They are those of `production` of the specification, replaced by those of a request.
        """
        strategy = members.get("strategy") or {}
        judge, approval = members.get("judge", OFF), members.get("approval", OFF)
        usual_bake = DEFAULT_BAKE_MINUTES if judge == OFF else DEFAULT_JUDGED_BAKE_MINUTES
        return cls(
            strategy=strategy.get("type", DEFAULT_STRATEGY),
            percent=strategy.get("percent", DEFAULT_PERCENT),
            step_minutes=strategy.get("stepMinutes", DEFAULT_STEP_MINUTES),
            bake_minutes=members.get("bakeMinutes", usual_bake),
            alarms=tuple(members.get("alarms", ())),
            judge=None
            if judge == OFF
            else Judge(
                judge.get("errorRatePercent", DEFAULT_ERROR_RATE_PERCENT),
                judge.get("minRequests", DEFAULT_MIN_REQUESTS),
            ),
            approval=None
            if approval == OFF
            else Approval(
                approval["before"], approval.get("timeoutMinutes", DEFAULT_APPROVAL_MINUTES)
            ),
        )

    @property
    def progressive(self) -> bool:
        """Whether the swap waits between its phases."""
        return self._replace(alarms=()) != SwapPolicy()

    @property
    def checks(self) -> bool:
        """Whether CloudWatch decides about the swap."""
        return bool(self.alarms or self.judge)

    @property
    def weights(self) -> tuple[int, ...]:
        """The weights of the new release, one after the other."""
        if self.strategy == CANARY:
            return (self.percent, ALL)
        if self.strategy == LINEAR:
            return (*range(self.percent, ALL, self.percent), ALL)
        return (ALL,)

    def next_weight(self, weight: int) -> int:
        """Return the weight after `weight`."""
        return next(each for each in self.weights if each > weight)

    @property
    def waits(self) -> timedelta:
        """The duration of all waits, from the first readiness to the end."""
        steps = (len(self.weights) - 1) * self.step_minutes
        approval = self.approval.timeout_minutes if self.approval else 0
        return timedelta(minutes=steps + self.bake_minutes + approval)
