"""Target tracking: the capacity that the metrics of a service require.

Each policy has two alarms over data points of one minute: AlarmHigh above the target value, and
AlarmLow below 90 percent of it. Their numbers of points, 3 and 15, are those of the alarms that
AWS creates for ECS services (GitHub, aws/containers-roadmap, "Allow autoscaling rules precise
control"). The rules are those of the Application Auto Scaling User Guide, "How target tracking
scaling works", and of the ECS Developer Guide, "Automatically scale your Amazon ECS service",
"Considerations".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

HIGH_POINTS, LOW_POINTS = 3, 15
LOW_SHARE = 0.9  # of the target value; AWS does not document the number
HIGH, LOW = "AlarmHigh", "AlarmLow"


@dataclass(frozen=True)
class Policy:
    """A policy and its data points, the oldest first; None is a minute without data.

    Cooldowns are in seconds.
    """

    name: str
    target: float
    points: Sequence[float | None] = ()
    scale_out_cooldown: float = 0.0
    scale_in_cooldown: float = 0.0
    scale_in_disabled: bool = False

    @property
    def is_high(self) -> bool:
        """Whether AlarmHigh is in ALARM."""
        return _all(self.points, HIGH_POINTS, lambda point: point > self.target)

    @property
    def is_low(self) -> bool:
        """Whether AlarmLow is in ALARM."""
        return _all(self.points, LOW_POINTS, lambda point: point < self.target * LOW_SHARE)

    def required(self, running: int) -> int:
        """Return the tasks that bring the metric to the target, rounded up.

        Without running tasks, the smallest possible step is one task.
        """
        value = self.points[-1] or 0.0
        return math.ceil(running * value / self.target) if running else int(value > 0)


@dataclass(frozen=True)
class Count:
    """The tasks of a service; `deploying` is whether an ECS deployment is in progress."""

    desired: int
    running: int
    deploying: bool = False


@dataclass(frozen=True)
class Limits:
    """The range of a scalable target, and its suspended activities."""

    minimum: int
    maximum: int
    out_suspended: bool = False
    in_suspended: bool = False


@dataclass(frozen=True)
class Cooldown:
    """The last activity in one direction: its time, the added tasks, and its cooldown."""

    at: float = -math.inf
    added: int = 0
    seconds: float = 0.0

    def is_active(self, now: float) -> bool:
        """Return whether the cooldown period is not over."""
        return now - self.at < self.seconds


@dataclass(frozen=True)
class Cooldowns:
    """The cooldowns of both directions."""

    out: Cooldown = field(default_factory=Cooldown)
    inwards: Cooldown = field(default_factory=Cooldown)


@dataclass(frozen=True)
class Decision:
    """The new desired count, its policy and alarm, and the cooldowns afterwards."""

    desired: int
    policy: str
    alarm: str
    cooldowns: Cooldowns


def decide(
    policies: Iterable[Policy], count: Count, limits: Limits, cooldowns: Cooldowns, now: float
) -> Decision | None:
    """Return the change of the desired count that the policies require at `now`, in seconds.

    One policy is enough to scale out. All policies that can scale in must agree to scale in. The
    policy with the largest capacity decides.
    """
    policies = list(policies)
    high = [each for each in policies if each.is_high]
    if high:
        return None if limits.out_suspended else _scale_out(high, count, limits, cooldowns, now)
    able = [each for each in policies if not each.scale_in_disabled]
    agreed = bool(able) and all(each.is_low for each in able)
    if not agreed or limits.in_suspended or count.deploying or cooldowns.inwards.is_active(now):
        return None
    return _scale_in(able, count, limits, cooldowns, now)


def _scale_out(
    high: list[Policy], count: Count, limits: Limits, cooldowns: Cooldowns, now: float
) -> Decision | None:
    """Scale out; during the cooldown only by more than the last time, and only by the difference.

    The cooldown of scaling in ends with it.
    """
    policy = _largest(high, count)
    required = policy.required(count.running)
    if cooldowns.out.is_active(now):
        required = count.desired + (required - count.running) - cooldowns.out.added
    desired = _within(required, limits)
    if desired <= count.desired:
        return None
    cooldown = Cooldown(now, desired - count.desired, policy.scale_out_cooldown)
    return Decision(desired, policy.name, HIGH, Cooldowns(out=cooldown))


def _scale_in(
    low: list[Policy], count: Count, limits: Limits, cooldowns: Cooldowns, now: float
) -> Decision | None:
    policy = _largest(low, count)
    desired = _within(policy.required(count.running), limits)
    if desired >= count.desired:
        return None
    cooldown = Cooldown(now, desired - count.desired, policy.scale_in_cooldown)
    return Decision(desired, policy.name, LOW, Cooldowns(cooldowns.out, cooldown))


def _largest(policies: list[Policy], count: Count) -> Policy:
    return max(policies, key=lambda each: each.required(count.running))


def _within(capacity: int, limits: Limits) -> int:
    return min(max(capacity, limits.minimum), limits.maximum)


def _all(points: Sequence[float | None], number: int, holds: Callable[[float], bool]) -> bool:
    """Return whether the last `number` points exist and are all on one side of the threshold."""
    last = points[-number:]
    return len(last) == number and all(each is not None and holds(each) for each in last)
