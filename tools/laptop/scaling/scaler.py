"""Evaluates the policies of all targets, once in each minute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tools.laptop.scaling.policies import metric_of, tracked
from tools.laptop.scaling.records import Account, Members, fulfil_activities, limits, scale
from tools.laptop.scaling.tracking import LOW_POINTS, Cooldowns, decide

MINUTE = 60.0  # seconds
# (resource id, metric, resource label) -> the data point of the last minute, or None.
Metric = Callable[[str, str, str], float | None]


@dataclass(frozen=True)
class _Track:
    """The data points of a policy with this configuration."""

    configuration: Members
    points: tuple[float | None, ...] = ()


@dataclass
class Scaler:
    """The data points and the cooldowns of the targets of an account.

    A restart or a change of a policy begins with no data points, so both delay the next activity.
    """

    _minute: int = 0
    _tracks: dict[str, _Track] = field(default_factory=dict)  # by the ARN of the policy
    _cooldowns: dict[str, Cooldowns] = field(default_factory=dict)  # by the ARN of the target

    def evaluate(self, account: Account, metric: Metric) -> None:
        """Add a data point to each policy, and change the desired counts."""
        self._minute += 1
        fulfil_activities(account)
        records = account.targets
        self._tracks = {
            policy["PolicyARN"]: self._next(resource, policy, metric)
            for resource, record in records.items()
            for policy in record["policies"].values()
        }
        for resource, record in records.items():
            self._change(account, resource, record)

    def _next(self, resource: str, policy: Members, metric: Metric) -> _Track:
        before = self._tracks.get(policy["PolicyARN"])
        if before is None or before.configuration != policy:
            before = _Track({**policy})
        point = metric(resource, *metric_of(policy))
        return replace(before, points=(*before.points, point)[-LOW_POINTS:])

    def _change(self, account: Account, resource: str, record: Members) -> None:
        count, arn = account.count(resource), record["target"]["ScalableTargetARN"]
        if count is None:
            return
        policies = [
            tracked(each, self._tracks[each["PolicyARN"]].points)
            for each in record["policies"].values()
        ]
        cooldowns = self._cooldowns.get(arn, Cooldowns())
        decision = decide(policies, count, limits(record), cooldowns, self._minute * MINUTE)
        if decision is None:
            return
        self._cooldowns[arn] = decision.cooldowns
        alarms = record["policies"][decision.policy]["Alarms"]
        alarm = next(each["AlarmName"] for each in alarms if decision.alarm in each["AlarmName"])
        cause = f"monitor alarm {alarm} in state ALARM triggered policy {decision.policy}"
        scale(account, resource, decision.desired, cause)
