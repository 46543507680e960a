"""The CloudWatch metrics and alarms of the target groups of a laptop cloud."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from tools.laptop import deploy
from tools.laptop.cloud import Cloud

NAMESPACE = "AWS/ApplicationELB"
REQUESTS, ERRORS = "RequestCount", "HTTPCode_Target_5XX_Count"
CONNECTION_ERRORS = "TargetConnectionErrorCount"
HEALTHY, UNHEALTHY = "HealthyHostCount", "UnHealthyHostCount"


class Group(NamedTuple):
    """The ARNs of a target group and of its load balancer."""

    arn: str
    load_balancer: str

    @property
    def dimensions(self) -> list[dict[str, str]]:
        """The dimensions of the metrics of the target group."""
        return [
            {"Name": "TargetGroup", "Value": self.arn.rpartition(":")[2]},
            {
                "Name": "LoadBalancer",
                "Value": self.load_balancer.partition(":loadbalancer/")[2],
            },
        ]


class Monitoring:
    """Reads metrics and creates alarms; `origin` is the time of its creation."""

    def __init__(self, there: Cloud) -> None:
        self.clock = there.clock
        self.origin = self.clock.now()
        self.client = deploy.client(there, "cloudwatch")

    def data(
        self, group: Group, metric: str, statistic: str = "Sum", **options: Any
    ) -> dict[datetime, float]:
        """Return the data points of a metric since the origin, in the order of the response."""
        named = {"Namespace": NAMESPACE, "MetricName": metric, "Dimensions": group.dimensions}
        query = {"Id": "m1", "MetricStat": {"Metric": named, "Period": 60, "Stat": statistic}}
        answer = self.client.get_metric_data(
            MetricDataQueries=[query],
            StartTime=self.origin,
            EndTime=self.clock.now() + timedelta(minutes=1),
            **options,
        )
        (result,) = answer["MetricDataResults"]
        return dict(zip(result["Timestamps"], result["Values"], strict=True))

    def put_alarm(self, name: str, group: Group, metric: str, **changes: Any) -> None:
        """Create an alarm that one data point above zero raises."""
        alarm: dict[str, Any] = {
            "AlarmName": name,
            "Namespace": NAMESPACE,
            "MetricName": metric,
            "Dimensions": group.dimensions,
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 0,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
        }
        self.client.put_metric_alarm(**alarm | changes)

    def states(self, names: Sequence[str]) -> dict[str, str]:
        """Return the states of alarms of both types that the emulator has."""
        found = self.client.describe_alarms(
            AlarmNames=[*names], AlarmTypes=["MetricAlarm", "CompositeAlarm", "LogAlarm"]
        )
        alarms = [*found["MetricAlarms"], *found["CompositeAlarms"]]
        return {each["AlarmName"]: each["StateValue"] for each in alarms}
