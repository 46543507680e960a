"""GetMetricData on the laptop cloud refuses what CloudWatch refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tools.laptop.metric_queries import query_faults
from tools.laptop.scaling.service_model import faults

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def query(name: str = "one", **changes: Any) -> dict[str, Any]:
    metric = {"Namespace": "AWS/ApplicationELB", "MetricName": "RequestCount"}
    return {"Id": name, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}} | changes


def call(*queries: dict[str, Any], **changes: Any) -> dict[str, Any]:
    times = {"StartTime": NOW - timedelta(minutes=3), "EndTime": NOW}
    return {"MetricDataQueries": [*queries]} | times | changes


def test_a_valid_call_has_no_fault() -> None:
    valid = call(query("one"), query("two_2"), ScanBy="TimestampAscending")
    assert faults("GetMetricData", valid, "cloudwatch") == []
    assert list(query_faults(valid)) == []


@pytest.mark.parametrize(
    ("parameters", "fault"),
    [
        (call(query(), query()), "is not unique"),
        (call(query("One")), "does not match"),
        (call(query("m1", MetricStat={**query()["MetricStat"], "Period": 90})), "multiple of 60"),
        (call(query(), EndTime=NOW - timedelta(minutes=3)), "must be less than"),
        (call({"Id": "e1", "Expression": "m1 + 1"}), "expression of e1"),
        (call(query(), MaxDatapoints=5), "MaxDatapoints"),
        (call(*(query(f"m{n}") for n in range(501))), "greater than 500"),
    ],
)
def test_a_fault_is_named(parameters: dict[str, Any], fault: str) -> None:
    assert faults("GetMetricData", parameters, "cloudwatch") == []
    assert fault in " ".join(query_faults(parameters))


def test_the_model_of_the_api_checks_names_and_values() -> None:
    set_state = {"AlarmName": "a", "StateReason": "r", "StateValue": "BROKEN"}
    assert "enum value set" in " ".join(faults("SetAlarmState", set_state, "cloudwatch"))
    no_end = {"MetricDataQueries": [], "StartTime": NOW}
    assert "EndTime" in " ".join(faults("GetMetricData", no_end, "cloudwatch"))
