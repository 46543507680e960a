"""IAM checks the reads of CloudWatch and the events that a caller sends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from boto3 import Session
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tools.laptop.callers import create_user
from tools.laptop.cloud import ACCOUNT, REGION, Cloud
from tools.laptop.deploy import client

BUS = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"
METRIC = {"Namespace": "AWS/ApplicationELB", "MetricName": "RequestCount"}
READS = {
    "Effect": "Allow",
    "Action": ["cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData"],
    "Resource": "*",
}
EVENTS = {
    "Effect": "Allow",
    "Action": "events:PutEvents",
    "Resource": BUS,
    "Condition": {"StringEquals": {"events:source": "devops-ecs"}},
}
Clients = Callable[[str], Any]


def alarms(of: Clients) -> None:
    of("cloudwatch").describe_alarms(AlarmNames=["errors"], AlarmTypes=["CompositeAlarm"])


def metrics(of: Clients) -> None:
    query = {"Id": "m1", "MetricStat": {"Metric": METRIC, "Period": 60, "Stat": "Sum"}}
    now = datetime.now(UTC)
    of("cloudwatch").get_metric_data(
        MetricDataQueries=[query], StartTime=now - timedelta(minutes=3), EndTime=now
    )


def event(of: Clients, source: str = "devops-ecs") -> None:
    entry = {"Source": source, "DetailType": "Operation ended", "Detail": "{}"}
    of("events").put_events(Entries=[entry])


def test_only_permitted_calls_succeed(callers: tuple[Cloud, dict[str, Credentials]]) -> None:
    cloud, users = callers
    permitted = create_user(client(cloud, "iam"), "monitor", READS, EVENTS)

    def clients(user: Credentials) -> Clients:
        session = Session(user.access_key, user.secret_key, region_name=REGION)
        return lambda service: session.client(service, endpoint_url=cloud.endpoint)

    for call, code in (
        (alarms, "AccessDenied"),
        (metrics, "AccessDenied"),
        (event, "AccessDeniedException"),
    ):
        call(clients(permitted))
        with pytest.raises(ClientError) as refused:
            call(clients(users["stranger"]))
        assert refused.value.response["Error"]["Code"] == code
    with pytest.raises(ClientError, match="events:PutEvents"):
        event(clients(permitted), "other")
