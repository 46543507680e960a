"""The states of metric alarms, with the examples of the CloudWatch User Guide as the judge."""

from __future__ import annotations

import pytest

from tools.laptop.alarms import ALARM, INSUFFICIENT_DATA, OK, Rule, evaluate

TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
KEPT = "the present state"
# The tables of "Configuring how CloudWatch alarms treat missing data": 0 is a data point within the
# threshold, X breaches it, and - is missing. Then the state for each treatment.
THREE_OF_THREE = [
    ("0-X-X", (OK, OK, OK, OK)),
    ("0----", (OK, OK, OK, OK)),
    ("-----", (INSUFFICIENT_DATA, KEPT, ALARM, OK)),
    ("0XX-X", (ALARM, ALARM, ALARM, ALARM)),
    ("----X", (INSUFFICIENT_DATA, KEPT, ALARM, OK)),
    ("X----", (ALARM, KEPT, ALARM, OK)),
]
TWO_OF_THREE = [
    ("0-X-X", (ALARM, ALARM, ALARM, ALARM)),
    ("00X0X", (ALARM, ALARM, ALARM, ALARM)),
    ("0-X--", (OK, OK, ALARM, OK)),
    ("----0", (OK, OK, ALARM, OK)),
    ("----X", (INSUFFICIENT_DATA, KEPT, ALARM, OK)),
]
VALUES = {"0": 1.0, "X": 9.0, "-": None}


@pytest.mark.parametrize(
    ("to_alarm", "points", "expected"),
    [(3, *row) for row in THREE_OF_THREE] + [(2, *row) for row in TWO_OF_THREE],
)
def test_missing_data_has_the_effect_of_the_guide(
    to_alarm: int, points: str, expected: tuple[str, ...]
) -> None:
    values = [VALUES[each] for each in points]
    for treatment, state in zip(TREATMENTS, expected, strict=True):
        rule = Rule("GreaterThanThreshold", 5, 3, to_alarm, treatment)
        assert rule.points == len(points)
        for present in (OK, ALARM, INSUFFICIENT_DATA):
            assert evaluate(rule, values, present) == (present if state == KEPT else state)


@pytest.mark.parametrize(
    ("comparison", "breaching"),
    [
        ("GreaterThanOrEqualToThreshold", [5, 6]),
        ("GreaterThanThreshold", [6]),
        ("LessThanThreshold", [4]),
        ("LessThanOrEqualToThreshold", [4, 5]),
    ],
)
def test_comparisons_include_or_exclude_the_threshold(
    comparison: str, breaching: list[int]
) -> None:
    rule = Rule(comparison, 5)
    assert [each for each in (4, 5, 6) if rule.breaches(each)] == breaching


def test_the_rule_of_an_alarm_has_the_defaults_of_the_api() -> None:
    alarm = {"ComparisonOperator": "LessThanThreshold", "Threshold": 1, "EvaluationPeriods": 3}
    assert Rule.of(alarm) == Rule("LessThanThreshold", 1.0, 3, 3, "missing")
    others = {"DatapointsToAlarm": 2, "TreatMissingData": "ignore"}
    assert Rule.of(alarm | others) == Rule("LessThanThreshold", 1.0, 3, 2, "ignore")
    assert Rule.of(alarm).is_supported()
    assert not Rule.of(alarm | {"ComparisonOperator": "GreaterThanUpperThreshold"}).is_supported()
