"""CloudWatch: metric data, and the states of alarms in each minute."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import cloudwatch

from tools.laptop import alarms
from tools.laptop.clock import MINUTE
from tools.laptop.emulator import clock
from tools.laptop.metric_queries import query_faults
from tools.laptop.patches import target_metrics
from tools.laptop.scaling.service_model import faults

SAMPLE = 5.0  # seconds between two samples of the targets
_LOG = logging.getLogger("laptop")
_get_metric_data = cloudwatch._get_metric_data
_CHECKED = {
    "PutMetricData": "_put_metric_data",
    "GetMetricData": "_get_metric_data",
    "PutMetricAlarm": "_put_metric_alarm",
    "PutCompositeAlarm": "_put_composite_alarm",
    "DescribeAlarms": "_describe_alarms",
    "SetAlarmState": "_set_alarm_state",
}


def apply() -> None:
    """Apply the corrections, and start the thread of the metrics and the alarms."""
    cloudwatch._get_metric_data = get_metric_data
    # An alarm is evaluated in each minute only, so that a new alarm has no state at first.
    cloudwatch._evaluate_alarm = cloudwatch._evaluate_all_alarms = lambda *_: None
    for operation, name in _CHECKED.items():
        setattr(cloudwatch, name, _checked(operation, getattr(cloudwatch, name)))
    threading.Thread(target=_run, daemon=True, name="monitoring").start()


def _run() -> None:
    pause, minute = threading.Event(), clock().time() // MINUTE
    while not pause.wait(clock().machine_seconds(SAMPLE)):
        now = clock().time() // MINUTE
        try:
            target_metrics.sample()
            if now > minute:
                target_metrics.publish()
                evaluate_alarms()
        except Exception:  # noqa: BLE001 - any error of the emulator; the next minute must follow
            _LOG.exception("monitoring: the metrics or the alarms failed")
        minute = now


def evaluate_alarms() -> None:
    """Evaluate the metric alarms of all accounts; composite alarms follow them."""
    for (account, region, _), alarm in cloudwatch._alarms.all_items():
        with request_scope(account, region):
            evaluate_alarm(alarm)


def evaluate_alarm(alarm: dict[str, Any]) -> None:
    """Set the state of a metric alarm.

    Gap: the emulator ignores dimensions, missing data and the number of data points, and never
    returns to INSUFFICIENT_DATA. Alarms of expressions and of anomalies keep their state.
    """
    if not alarm.get("MetricName") or not alarms.Rule.of(alarm).is_supported():
        return
    rule, period = alarms.Rule.of(alarm), int(alarm["Period"])
    end = clock().time() // period * period
    statistic = alarm.get("ExtendedStatistic") or alarm["Statistic"]
    start = end - rule.points * period
    values = data_points(alarm, statistic, period, start, end)
    points = [values.get(start + number * period) for number in range(rule.points)]
    before, state = alarm["StateValue"], alarms.evaluate(rule, points, alarm["StateValue"])
    if state == before:
        return
    shown = ", ".join("missing" if each is None else f"{each:g}" for each in points)
    reason = f"{statistic} of the last {rule.points} periods: {shown}"
    alarm.update(
        StateValue=state,
        StateReason=f"{reason}; {rule.to_alarm} of {rule.periods}: {rule.comparison}",
        StateUpdatedTimestamp=int(clock().time()),
    )
    cloudwatch._record_history(alarm["AlarmName"], before, state, alarm["StateReason"])
    cloudwatch._dispatch_alarm_actions(alarm, before, state, alarm["StateReason"])
    cloudwatch._evaluate_parent_alarms(alarm)


def get_metric_data(
    params: Any, members: Mapping[str, Any], is_cbor: bool, is_json: bool = False
) -> Any:
    """Return the data points of metrics, the newest first unless the call asks for the opposite.

    Gap: the emulator returns the oldest first, and without dimensions the metrics with any
    dimensions. Calls of the query protocol still have these gaps.
    """
    if not is_cbor and not is_json:
        return _get_metric_data(params, members, is_cbor, is_json)
    # CloudWatch rounds the start of recent data down to the minute.
    start = cloudwatch._parse_ts(members["StartTime"]) // MINUTE * MINUTE
    end = cloudwatch._parse_ts(members["EndTime"])
    newest_first = members.get("ScanBy") != "TimestampAscending"
    results = []
    for query in members["MetricDataQueries"]:
        statistic, metric = query["MetricStat"], query["MetricStat"]["Metric"]
        found = data_points(metric, statistic["Stat"], statistic["Period"], start, end)
        times = sorted(found, reverse=newest_first)
        if query.get("ReturnData", True):
            results.append(
                {
                    "Id": query["Id"],
                    "Label": query.get("Label", metric["MetricName"]),
                    "Timestamps": [cloudwatch._ts_iso(time) for time in times],
                    "Values": [found[time] for time in times],
                    "StatusCode": "Complete",
                }
            )
    if is_json:
        return cloudwatch._json_ok({"MetricDataResults": results})
    encoded = [cloudwatch._cbor_metric_data_result(each) for each in results]
    return cloudwatch._cbor_ok({"MetricDataResults": encoded})


def data_points(
    metric: Mapping[str, Any], statistic: str, period: int, start: float, end: float
) -> dict[float, float]:
    """Return the data points of a metric with exactly these dimensions, by the start of a period.

    `metric` has the members Namespace, MetricName and Dimensions.
    """
    dimensions = cloudwatch._dims_key(cloudwatch._dims_from_list(metric.get("Dimensions") or []))
    stored = cloudwatch._metrics.get((metric["Namespace"], metric["MetricName"], dimensions)) or []
    periods: dict[float, list[Any]] = defaultdict(list)
    for point in list(stored):
        if start <= point["Timestamp"] < end:
            periods[point["Timestamp"] // period * period].append(point)
    values = {
        time: cloudwatch._stat_value(cloudwatch._calc_stats(points), statistic, points)
        for time, points in periods.items()
    }
    return {time: value for time, value in values.items() if value is not None}


def _checked(operation: str, handler: Callable[..., Any]) -> Callable[..., Any]:
    """Return the handler of a call that checks its parameters, except in the query protocol."""

    def check(params: Any, members: Mapping[str, Any], is_cbor: bool, is_json: bool = False) -> Any:
        if is_cbor or is_json:
            found = faults(operation, members, "cloudwatch")
            if not found and operation == "GetMetricData":
                found = list(query_faults(members))
            if found:
                code, text = "ValidationError", "; ".join(found)
                return cloudwatch._error(code, text, 400, use_json=is_json, use_cbor=is_cbor)
        return handler(params, members, is_cbor, is_json)

    return check
