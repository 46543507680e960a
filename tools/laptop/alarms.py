"""The state of a metric alarm, as CloudWatch evaluates it; no I/O.

Source: Amazon CloudWatch User Guide, "Configuring how CloudWatch alarms treat missing data".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

OK, ALARM, INSUFFICIENT_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"
STATES = (OK, ALARM, INSUFFICIENT_DATA)
# CloudWatch reads more data points than it evaluates; in the examples of the guide five for three.
# The number is not documented. With it, an alarm sees metrics that are two minutes late.
EXTRA_POINTS = 2
_BREACHES: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}


@dataclass(frozen=True)
class Rule:
    """How many of the newest data points must breach the threshold; `missing` treats missing ones.

    `missing` is "missing", "ignore", "breaching" or "notBreaching".
    """

    comparison: str
    threshold: float
    periods: int = 1  # data points that CloudWatch evaluates
    to_alarm: int = 1  # data points of them that must breach
    missing: str = "missing"

    @classmethod
    def of(cls, alarm: Mapping[str, Any]) -> Rule:
        """Return the rule of an alarm with the names of the API."""
        periods = int(alarm["EvaluationPeriods"])
        return cls(
            alarm["ComparisonOperator"],
            float(alarm["Threshold"]),
            periods,
            int(alarm.get("DatapointsToAlarm") or periods),
            alarm.get("TreatMissingData") or "missing",
        )

    @property
    def points(self) -> int:
        """The number of data points that an evaluation reads."""
        return self.periods + EXTRA_POINTS

    def is_supported(self) -> bool:
        """Return whether the comparison needs no anomaly detection."""
        return self.comparison in _BREACHES

    def breaches(self, value: float) -> bool:
        """Return whether a data point breaches the threshold."""
        return _BREACHES[self.comparison](value, self.threshold)


def evaluate(rule: Rule, points: Sequence[float | None], state: str) -> str:
    """Return the next state; `points` are `rule.points` values, the oldest first, None is missing.

    Missing data points are used as few times as possible.
    """
    real = [rule.breaches(point) for point in points if point is not None]
    filled = rule.periods - len(real)
    if filled <= 0:
        return _state(rule, sum(real[-rule.periods :]))
    if rule.missing in ("breaching", "notBreaching"):
        return _state(rule, sum(real) + (filled if rule.missing == "breaching" else 0))
    if sum(real) >= rule.to_alarm:
        return ALARM
    if not all(real):
        return OK
    if rule.missing == "ignore":
        return state
    # A breaching data point raises the alarm alone if it is old enough, so that no newer data
    # points can delay it.
    oldest = next((len(points) - n for n, point in enumerate(points) if point is not None), 0)
    return ALARM if oldest >= rule.to_alarm else INSUFFICIENT_DATA


def _state(rule: Rule, breaching: int) -> str:
    return ALARM if breaching >= rule.to_alarm else OK
