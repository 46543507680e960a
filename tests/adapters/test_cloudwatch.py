"""CloudWatch: the states of alarms, and the metrics of target groups by minute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError, ReadTimeoutError

from devops_core.adapters.cloudwatch import CloudWatchMonitoring
from devops_core.bootstrap import QUICK_CONFIG, AwsCloud
from devops_core.errors import (
    AccessDeniedError,
    AwsError,
    RefusedError,
    ThrottledError,
    UnreachableError,
)
from devops_core.model.traffic import MINUTE, Minute
from tests.adapters.conftest import Aws
from tests.lab.moto import responses
from tests.lab.moto.backends import backend
from tests.lab.moto.hooks import break_after, parameters, refuse, respond
from tests.lab.moto.transport import Wire

ELB = "arn:aws:elasticloadbalancing:eu-west-1:123456789012"
LISTENER = f"{ELB}:listener/app/Shop-prod/50dc6c495c0c9188/f2f7dc8efc522ab2"
NEW, LIVE = (f"{ELB}:targetgroup/Shop-prod-{slot}/943f017f100becf{slot}" for slot in "12")
START = datetime(2025, 3, 1, 9, 5, tzinfo=UTC)
END = START + 3 * MINUTE
REQUESTS, RESPONSES, CONNECTIONS = (
    "RequestCount", "HTTPCode_Target_5XX_Count", "TargetConnectionErrorCount",
)  # fmt: skip


@pytest.fixture
def client(aws: Aws) -> Any:
    return aws.client("cloudwatch")


@pytest.fixture
def monitoring(client: Any) -> CloudWatchMonitoring:
    return CloudWatchMonitoring(client)


def dimensions(group: str) -> list[dict[str, str]]:
    return [
        {"Name": "TargetGroup", "Value": group.rpartition(":")[2]},
        {"Name": "LoadBalancer", "Value": "app/Shop-prod/50dc6c495c0c9188"},
    ]


def put(client: Any, group: str, values: Mapping[str, Sequence[float]], minute: int = 0) -> None:
    """Publish the values of a minute, as several nodes of a load balancer do."""
    data = [
        {
            "MetricName": name,
            "Dimensions": dimensions(group),
            "Timestamp": START + minute * MINUTE,
            "Value": value,
        }
        for name, nodes in values.items()
        for value in nodes
    ]
    client.put_metric_data(Namespace="AWS/ApplicationELB", MetricData=data)


def add_alarm(client: Any, name: str, state: str) -> None:
    client.put_metric_alarm(
        AlarmName=name, Namespace="Shop", MetricName="Orders", Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=1, ComparisonOperator="LessThanThreshold",
    )  # fmt: skip
    client.set_alarm_state(AlarmName=name, StateValue=state, StateReason="test")


def test_alarms_of_all_types_have_states(client: Any, monitoring: CloudWatchMonitoring) -> None:
    for name, state in (("orders", "OK"), ("latency", "ALARM"), ("other", "ALARM")):
        add_alarm(client, name, state)
    # moto has no operation that creates a composite alarm; an alarm with a rule is one.
    add_alarm(client, "all", "INSUFFICIENT_DATA")
    backend("cloudwatch").alarms["all"].rule = "ALARM(orders)"
    sent = parameters(client, "DescribeAlarms")

    found = monitoring.alarms(["orders", "latency", "all", "missing"])

    assert found == {"orders": "OK", "latency": "ALARM", "all": "INSUFFICIENT_DATA"}
    # Without the types AWS returns only metric alarms; moto returns all.
    assert sent == [
        {
            "AlarmNames": ["orders", "latency", "all", "missing"],
            "AlarmTypes": ["MetricAlarm", "CompositeAlarm", "LogAlarm"],
            "MaxRecords": 100,
        }
    ]


def test_the_types_and_the_limits_of_alarms_are_those_of_the_api(client: Any) -> None:
    model = client.meta.service_model.operation_model("DescribeAlarms")
    members = model.input_shape.members
    assert members["AlarmNames"].metadata["max"] == members["MaxRecords"].metadata["max"] == 100
    types = {*members["AlarmTypes"].member.metadata["enum"]}
    assert types == {"MetricAlarm", "CompositeAlarm", "LogAlarm"}
    assert model.output_shape.members.keys() == {f"{each}s" for each in types} | {"NextToken"}


class OtherRegion:
    """The client of a region whose CloudWatch does not know some types of alarms."""

    def __init__(self, *unknown: str) -> None:
        self._unknown = {*unknown}
        self.asked: list[list[str]] = []

    def describe_alarms(self, **request: Any) -> dict[str, Any]:
        types = request["AlarmTypes"]
        self.asked.append(types)
        if self._unknown & {*types}:
            text = "Member must satisfy enum value set: [CompositeAlarm, MetricAlarm]"
            error = {"Error": {"Code": "ValidationError", "Message": text}}
            raise ClientError(
                {**error, "ResponseMetadata": {"HTTPStatusCode": 400}}, "DescribeAlarms"
            )
        return {"MetricAlarms": [{"AlarmName": "a", "StateValue": "ALARM"}]}


def test_a_region_without_log_alarms_has_the_others() -> None:
    client = OtherRegion("LogAlarm")
    assert CloudWatchMonitoring(client).alarms(["a"]) == {"a": "ALARM"}
    others = ["MetricAlarm", "CompositeAlarm"]
    assert client.asked == [[*others, "LogAlarm"], others]


def test_another_refusal_is_an_error() -> None:
    client = OtherRegion("CompositeAlarm")
    with pytest.raises(RefusedError, match="enum value set"):
        CloudWatchMonitoring(client).alarms(["a"])


def test_no_names_are_no_alarms(client: Any, monitoring: CloudWatchMonitoring) -> None:
    """AWS returns all alarms of the account for a request without names."""
    add_alarm(client, "other", "ALARM")
    assert monitoring.alarms([]) == {}


@pytest.mark.parametrize("members", ["MetricAlarms", "CompositeAlarms", "LogAlarms"])
def test_alarms_of_one_type_need_no_list_of_the_others(
    client: Any, monitoring: CloudWatchMonitoring, members: str
) -> None:
    respond(client, "DescribeAlarms", {members: [{"AlarmName": "a", "StateValue": "OK"}]})
    assert monitoring.alarms(["a"]) == {"a": "OK"}


def test_each_minute_has_the_requests_of_all_nodes_of_the_load_balancer(
    client: Any, monitoring: CloudWatchMonitoring
) -> None:
    put(client, NEW, {REQUESTS: [60, 40], RESPONSES: [1, 2], CONNECTIONS: [3]})
    put(client, NEW, {REQUESTS: [10]}, minute=2)
    put(client, LIVE, {REQUESTS: [900]}, minute=1)
    # Outside of the range: its start is inclusive, its end is exclusive.
    put(client, NEW, {REQUESTS: [7]}, minute=-1)
    put(client, NEW, {REQUESTS: [7]}, minute=3)

    assert monitoring.traffic(LISTENER, [NEW, LIVE], START, END) == {
        NEW: (
            Minute(START, 100, 6),
            Minute(START + MINUTE),
            Minute(START + 2 * MINUTE, 10),
        ),
        LIVE: (
            Minute(START),
            Minute(START + MINUTE, 900),
            Minute(START + 2 * MINUTE),
        ),
    }


def test_a_request_fails_once_although_several_connections_fail(
    client: Any, monitoring: CloudWatchMonitoring
) -> None:
    put(client, NEW, {REQUESTS: [10], RESPONSES: [4], CONNECTIONS: [30]})
    (first, *_) = monitoring.traffic(LISTENER, [NEW], START, END)[NEW]
    assert first == Minute(START, 10, 10)


def test_one_request_has_all_metrics_of_all_target_groups(
    client: Any, monitoring: CloudWatchMonitoring
) -> None:
    sent = parameters(client, "GetMetricData")
    monitoring.traffic(LISTENER, [NEW, LIVE], START, END)
    (request,) = sent
    queries = request.pop("MetricDataQueries")
    assert request == {"StartTime": START, "EndTime": END, "ScanBy": "TimestampAscending"}
    assert len({query["Id"] for query in queries}) == len(queries) == 6
    metrics = [query["MetricStat"] for query in queries]
    assert metrics == [
        {
            "Metric": {
                "Namespace": "AWS/ApplicationELB",
                "MetricName": name,
                "Dimensions": dimensions(group),
            },
            "Period": 60,
            "Stat": "Sum",
        }
        for group in (NEW, LIVE)
        for name in (REQUESTS, RESPONSES, CONNECTIONS)
    ]


def result(number: int, status: str = "Complete", **values: float) -> dict[str, Any]:
    """Return a result whose values have their minutes as names ("m1")."""
    return {
        "Id": f"m{number}",
        "StatusCode": status,
        "Timestamps": [START + int(name[1:]) * MINUTE for name in values],
        "Values": [*values.values()],
    }


def test_a_metric_without_lists_has_no_values(
    client: Any, monitoring: CloudWatchMonitoring
) -> None:
    """The API requires no member of a result (CloudWatch API, MetricDataResult)."""
    empty = [{"Id": f"m{number}", "StatusCode": "Complete"} for number in range(3)]
    respond(client, "GetMetricData", {"MetricDataResults": empty})
    assert not any(each.requests for each in monitoring.traffic(LISTENER, [NEW], START, END)[NEW])


def test_values_are_on_several_pages(client: Any, monitoring: CloudWatchMonitoring) -> None:
    others = [result(number) for number in (1, 2)]
    sent = parameters(client, "GetMetricData")
    respond(
        client,
        "GetMetricData",
        {"MetricDataResults": [result(0, "PartialData", m0=10), *others], "NextToken": "2"},
        {"MetricDataResults": [], "NextToken": "3"},
        {"MetricDataResults": [result(0, m1=20)]},
    )
    found = monitoring.traffic(LISTENER, [NEW], START, END)[NEW]
    assert [each.requests for each in found] == [10, 20, 0]
    first, second, third = sent
    assert "NextToken" not in first
    assert (second, third) == ({**first, "NextToken": "2"}, {**first, "NextToken": "3"})


@pytest.mark.parametrize(
    ("results", "error", "text"),
    [
        # An error of one metric must not look like a metric without errors.
        ([result(0, m0=10), result(1, "InternalError")], UnreachableError, "GetMetricData"),
        ([result(0, m0=10), result(1, "PartialData")], UnreachableError, "metrics are missing"),
        ([result(0, m0=10)], UnreachableError, "metrics are missing"),
        ([result(0, "Forbidden")], AccessDeniedError, "cloudwatch:GetMetricData"),
    ],
)
def test_metrics_that_are_not_complete_are_an_error(
    client: Any,
    monitoring: CloudWatchMonitoring,
    results: Sequence[dict[str, Any]],
    error: type[AwsError],
    text: str,
) -> None:
    respond(client, "GetMetricData", {"MetricDataResults": [*results, result(2)]})
    with pytest.raises(error, match=text):
        monitoring.traffic(LISTENER, [NEW], START, END)


def test_the_statuses_of_results_are_those_of_the_api(client: Any) -> None:
    model = client.meta.service_model.operation_model("GetMetricData")
    status = model.output_shape.members["MetricDataResults"].member.members["StatusCode"]
    assert {*status.enum} == {"Complete", "PartialData", "InternalError", "Forbidden"}


@pytest.mark.parametrize("operation", ["DescribeAlarms", "GetMetricData"])
@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("AccessDenied", AccessDeniedError),
        ("AccessDeniedException", AccessDeniedError),
        ("Throttling", ThrottledError),
        ("ThrottlingException", ThrottledError),
    ],
)
def test_a_refusal_of_aws_is_an_error(
    monitoring: CloudWatchMonitoring, client: Any, operation: str, code: str, error: type[AwsError]
) -> None:
    refuse(client, operation, code, "no")
    with pytest.raises(error):
        call(monitoring, operation)


@pytest.mark.parametrize("operation", ["DescribeAlarms", "GetMetricData"])
@pytest.mark.parametrize(
    ("response", "error", "text"),
    [
        (responses.throttled("cloudwatch"), ThrottledError, "AWS throttles"),
        (responses.broken("cloudwatch"), UnreachableError, "could not complete"),
        (responses.denied("cloudwatch", "cloudwatch:Any"), AccessDeniedError, "cloudwatch:Any"),
    ],
    ids=["throttled", "broken", "denied"],
)
def test_error_responses_are_readable(
    monitoring: CloudWatchMonitoring,
    client: Any,
    operation: str,
    response: AWSResponse,
    error: type[AwsError],
    text: str,
) -> None:
    Wire(lambda _call, _request: response).attach(client)
    with pytest.raises(error, match=text):
        call(monitoring, operation)


@pytest.mark.parametrize("operation", ["DescribeAlarms", "GetMetricData"])
def test_a_call_without_a_response_is_an_error(
    monitoring: CloudWatchMonitoring, client: Any, operation: str
) -> None:
    break_after(client, operation, ReadTimeoutError(endpoint_url="https://monitoring"))
    with pytest.raises(UnreachableError):
        call(monitoring, operation)


def call(monitoring: CloudWatchMonitoring, operation: str) -> object:
    if operation == "DescribeAlarms":
        return monitoring.alarms(["orders"])
    return monitoring.traffic(LISTENER, [NEW], START, END)


def test_the_calls_have_a_short_time_limit(cloud: AwsCloud) -> None:
    """A check must not delay the return of the requests to the live release."""
    monitoring = cloud.monitoring
    assert isinstance(monitoring, CloudWatchMonitoring)
    config = monitoring._client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (
        QUICK_CONFIG.connect_timeout,
        QUICK_CONFIG.read_timeout,
    )
    assert config.retries["total_max_attempts"] == 1
