"""CloudWatch: the states of alarms, and the metrics of target groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import product
from typing import Any

from devops_core.adapters.aws.errors import translated
from devops_core.errors import AccessDeniedError, RefusedError, UnreachableError
from devops_core.model.traffic import MINUTE, Minute, Traffic

# An alarm type that the request does not name is absent from the response (CloudWatch API,
# DescribeAlarms).
_ALARM_TYPES = ("MetricAlarm", "CompositeAlarm")
_LOG_ALARM = "LogAlarm"
# The longest page, and the largest number of names (CloudWatch API, DescribeAlarms).
_MAX_ALARMS = 100
_REQUESTS = "RequestCount"
# Responses of targets, and connections to them that failed. The load balancer itself responds to a
# request without a connection; no metric counts these responses for each target group. Health
# checks do not count.
_ERRORS = ("HTTPCode_Target_5XX_Count", "TargetConnectionErrorCount")
_METRICS = (_REQUESTS, *_ERRORS)

# The values of a metric by minute, by target group and name.
_Values = Mapping[tuple[str, str], Mapping[datetime, float]]


class CloudWatchMonitoring:
    """`ports.aws.Monitoring` over CloudWatch.

    The facts about the metrics are from the ELB User Guide, "CloudWatch metrics for your
    Application Load Balancer".
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def alarms(self, names: Sequence[str]) -> Mapping[str, str]:
        """Return the states of alarms by name; all of them are on one page.

        Some regions have no log alarms: CloudFormation has no AWS::CloudWatch::LogAlarm in China,
        GovCloud and me-central-1. CloudWatch refuses a type that it does not know.
        """
        if not names:
            # A request without names returns all alarms.
            return {}
        try:
            return self._states(names, (*_ALARM_TYPES, _LOG_ALARM))
        except RefusedError:
            return self._states(names, _ALARM_TYPES)

    @translated()
    def _states(self, names: Sequence[str], types: Sequence[str]) -> Mapping[str, str]:
        page = self._client.describe_alarms(
            AlarmNames=list(names), AlarmTypes=list(types), MaxRecords=_MAX_ALARMS
        )
        alarms = (alarm for kind in types for alarm in page.get(f"{kind}s", ()))
        return {alarm["AlarmName"]: alarm["StateValue"] for alarm in alarms}

    @translated()
    def traffic(
        self, listener: str, target_groups: Sequence[str], start: datetime, end: datetime
    ) -> Traffic:
        """Return the minutes of target groups.

        Elastic Load Balancing reports requests and responses while targets are registered, also the
        value 0, and failed connections only above 0. It reports nothing for a load balancer without
        requests. So a missing data point is 0.
        """
        metrics = {
            f"m{number}": metric for number, metric in enumerate(product(target_groups, _METRICS))
        }
        queries = [
            {"Id": key, "MetricStat": _statistic(listener, group, name)}
            for key, (group, name) in metrics.items()
        ]
        found = self._values(
            {
                "MetricDataQueries": queries,
                "StartTime": start,
                "EndTime": end,
                "ScanBy": "TimestampAscending",
            }
        )
        values = {metric: found[key] for key, metric in metrics.items()}
        return {group: tuple(_minutes(group, values, start, end)) for group in target_groups}

    def _values(self, request: Mapping[str, Any]) -> Mapping[str, Mapping[datetime, float]]:
        """Return the values of all queries of a request by time, from all pages."""
        values: dict[str, dict[datetime, float]] = defaultdict(dict)
        complete = {query["Id"]: False for query in request["MetricDataQueries"]}
        more: dict[str, str] = {}
        while True:
            page = self._client.get_metric_data(**request, **more)
            for result in page["MetricDataResults"]:
                status = result["StatusCode"]
                if status == "Forbidden":
                    raise AccessDeniedError(
                        "the service's role lacks the permission cloudwatch:GetMetricData"
                    )
                complete[result["Id"]] = status == "Complete"
                pairs = zip(result.get("Timestamps", ()), result.get("Values", ()), strict=True)
                values[result["Id"]].update(pairs)
            if not page.get("NextToken"):
                break
            more = {"NextToken": page["NextToken"]}
        # Partial data without a further page, or an internal error of CloudWatch.
        if not all(complete.values()):
            raise UnreachableError("AWS could not complete GetMetricData: some metrics are missing")
        return values


def _statistic(listener: str, target_group: str, metric: str) -> dict[str, Any]:
    """Return the query of a metric; its dimensions are the ends of both ARNs.

    An example is "app/Shop-prod/50dc6c495c0c9188" and "targetgroup/Shop-prod-1/943f017f100becff".
    The ARN of a listener has the id of the listener after the name and id of its load balancer.
    """
    balancer = listener.partition(":listener/")[2].rpartition("/")[0]
    dimensions = {"TargetGroup": target_group.rpartition(":")[2], "LoadBalancer": balancer}
    return {
        "Metric": {
            "Namespace": "AWS/ApplicationELB",
            "MetricName": metric,
            "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
        },
        "Period": int(MINUTE.total_seconds()),
        "Stat": "Sum",
    }


def _minutes(group: str, values: _Values, start: datetime, end: datetime) -> Iterator[Minute]:
    for number in range((end - start) // MINUTE):
        time = start + number * MINUTE
        requests = int(values[group, _REQUESTS].get(time, 0))
        # The load balancer can try several connections for a request.
        errors = min(requests, int(sum(values[group, name].get(time, 0) for name in _ERRORS)))
        yield Minute(time, requests, errors)
