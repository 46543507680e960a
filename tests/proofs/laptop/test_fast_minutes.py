"""A laptop cloud with short minutes: metrics of target groups, alarms, schedules and operations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.lab.laptop.api import Api, create_body, until
from tests.lab.laptop.ecs_service import Application
from tests.lab.laptop.monitored import (
    CONNECTION_ERRORS,
    ERRORS,
    HEALTHY,
    REQUESTS,
    UNHEALTHY,
    Group,
    Monitoring,
)
from tools.laptop import cloud, deploy

MINUTE = 3.0  # seconds
NAME = "Judged"
LATE = timedelta(minutes=3)  # from the start of a minute to its data points
NOBODY = {"Id": "127.0.0.1", "Port": 1}  # refuses connections


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[cloud.Cloud]:
    options = cloud.Options(minute=MINUTE)
    with cloud.started(tmp_path_factory.mktemp("fast"), options) as running:
        deploy.deploy(running)
        deploy.client(running, "ecr").create_repository(repositoryName="app")
        yield running


@pytest.fixture(scope="module")
def application(there: cloud.Cloud) -> Application:
    """A service whose image fails half of its requests."""
    one = Application(there, NAME, deploy.INITIAL_IMAGE)
    assert one.roll_out("broken", "errors=50") == {}
    return one


@pytest.fixture(scope="module")
def group(application: Application) -> Group:
    elb = deploy.client(application.there, "elbv2")
    (found,) = elb.describe_target_groups(Names=[NAME])["TargetGroups"]
    (balancer,) = elb.describe_load_balancers(Names=[NAME])["LoadBalancers"]
    return Group(found["TargetGroupArn"], balancer["LoadBalancerArn"])


@pytest.fixture
def monitoring(there: cloud.Cloud) -> Monitoring:
    return Monitoring(there)


def test_data_points_are_the_counted_requests(
    application: Application, group: Group, monitoring: Monitoring
) -> None:
    monitoring.origin += timedelta(minutes=1)
    clock, sent = monitoring.clock, list[tuple[datetime, int, datetime]]()

    def called() -> bool:
        before = clock.now()
        sent.append((before, application.call()[0], clock.now()))
        return sent[-1][0] > monitoring.origin + timedelta(minutes=3)

    assert until(called, pause=0.05)
    first, last = (start_of_minute(each) for each in (monitoring.origin, sent[-1][2]))
    counted = {REQUESTS: [each for each in sent], ERRORS: [each for each in sent if each[1] == 500]}

    def published() -> bool:
        now = clock.now()
        found = monitoring.data(group, HEALTHY, "Minimum")
        assert all(time + LATE <= clock.now() for time in found)
        return last in found and last + LATE <= now

    assert until(published)
    for metric, requests in counted.items():
        data = monitoring.data(group, metric)
        assert list(data) == sorted(data, reverse=True)
        assert list(monitoring.data(group, metric, ScanBy="TimestampAscending")) == sorted(data)
        assert all(time == start_of_minute(time) for time in data)
        for minute in (first + timedelta(minutes=number) for number in range(4)):
            within = [start_of_minute(b) == start_of_minute(a) == minute for b, _, a in requests]
            around = [minute in (start_of_minute(b), start_of_minute(a)) for b, _, a in requests]
            assert sum(within) <= data[minute] <= sum(around)
        begun = sum(before >= first for before, _, _ in requests)
        answered = sum(after >= first for _, _, after in requests)
        assert begun <= sum(data.values()) <= answered
    assert set(monitoring.data(group, HEALTHY, "Minimum").values()) == {1}
    assert set(monitoring.data(group, UNHEALTHY, "Maximum").values()) == {0}
    assert monitoring.data(group, CONNECTION_ERRORS) == {}


def start_of_minute(time: datetime) -> datetime:
    return time.replace(second=0, microsecond=0)


def test_an_alarm_follows_its_metric(
    application: Application, group: Group, monitoring: Monitoring
) -> None:
    other = group._replace(arn=group.arn + "0")
    monitoring.put_alarm("errors", group, ERRORS)
    monitoring.put_alarm("no-data", other, ERRORS, TreatMissingData="missing")
    monitoring.put_alarm("other-group", other, ERRORS)
    monitoring.client.put_composite_alarm(
        AlarmName="any", AlarmRule="ALARM(errors) AND NOT ALARM(no-data)"
    )
    names = ["errors", "no-data", "other-group", "any", "unknown"]
    quiet = {"errors": "OK", "no-data": "INSUFFICIENT_DATA", "other-group": "OK", "any": "OK"}
    assert until(lambda: monitoring.states(names) == quiet)

    def raised() -> bool:
        application.call()
        return monitoring.states(names) == quiet | {"errors": "ALARM", "any": "ALARM"}

    assert until(raised)
    assert monitoring.data(group, ERRORS)
    assert until(lambda: monitoring.states(names) == quiet)
    # The state of a call lasts until the next evaluation, but a composite alarm follows it at once.
    monitoring.client.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="test")
    assert until(lambda: monitoring.states(names) == quiet)


def test_a_refused_connection_does_not_count_as_an_error_of_the_target(
    application: Application, group: Group, monitoring: Monitoring
) -> None:
    elb = deploy.client(application.there, "elbv2")
    (listener,) = elb.describe_listeners(LoadBalancerArn=group.load_balancer)["Listeners"]
    (created,) = elb.create_target_group(
        Name="nobody", Protocol="HTTP", Port=80, VpcId="vpc-1", TargetType="ip"
    )["TargetGroups"]
    nobody = Group(created["TargetGroupArn"], group.load_balancer)
    elb.register_targets(TargetGroupArn=nobody.arn, Targets=[NOBODY])
    elb.create_rule(
        ListenerArn=listener["ListenerArn"],
        Priority=1,
        Conditions=[{"Field": "path-pattern", "Values": ["/nobody"]}],
        Actions=[{"Type": "forward", "TargetGroupArn": nobody.arn}],
    )
    assert application.call("/nobody") == (502, "")
    assert until(lambda: monitoring.data(nobody, CONNECTION_ERRORS) != {})
    for metric in (CONNECTION_ERRORS, REQUESTS):
        assert list(monitoring.data(nobody, metric).values()) == [1]
    assert monitoring.data(nobody, ERRORS) == {}
    assert set(monitoring.data(nobody, HEALTHY, "Maximum").values()) == {0}
    assert until(lambda: 1 in monitoring.data(nobody, UNHEALTHY, "Maximum").values())


def test_invalid_calls_are_refused(monitoring: Monitoring, group: Group) -> None:
    with pytest.raises(ClientError, match="enum value set"):
        monitoring.client.set_alarm_state(AlarmName="a", StateValue="BAD", StateReason="test")
    with pytest.raises(ClientError, match="ScanBy"):
        monitoring.data(group, REQUESTS, ScanBy="Sideways")


def test_an_operation_has_the_time_of_the_laptop_cloud(there: cloud.Cloud) -> None:
    api, before = Api(there), there.clock.now()
    answer = api.post("/stacks", create_body("Quick", environments={"nonProd": ["dev"]}))
    assert answer.status == 202
    operation = api.succeed(answer)
    requested, end = (
        datetime.fromisoformat(operation[each]) for each in ("requestedAt", "endedAt")
    )
    assert before <= requested <= end <= there.clock.now()


def test_an_event_reaches_the_queue_of_a_topic(there: cloud.Cloud) -> None:
    events, topics, queues = (deploy.client(there, each) for each in ("events", "sns", "sqs"))
    topic = topics.create_topic(Name="operations")["TopicArn"]
    queue = queues.create_queue(QueueName="operations")["QueueUrl"]
    named = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    topics.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=named["Attributes"]["QueueArn"])
    pattern = json.dumps({"source": ["devops-ecs"], "detail": {"status": ["FAILED"]}})
    events.put_rule(Name="failed", EventPattern=pattern)
    events.put_targets(Rule="failed", Targets=[{"Id": "topic", "Arn": topic}])
    before = there.clock.now().replace(microsecond=0)
    for source, status in (("other", "FAILED"), ("devops-ecs", "OK"), ("devops-ecs", "FAILED")):
        detail = json.dumps({"status": status, "source": source})
        entry = {"Source": source, "DetailType": "Operation ended", "Detail": detail}
        assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
    received: list[dict[str, Any]] = []

    def delivered() -> bool:
        received.extend(queues.receive_message(QueueUrl=queue).get("Messages", ()))
        return bool(received)

    assert until(delivered)
    (message,) = received
    event = json.loads(json.loads(message["Body"])["Message"])
    assert event["detail"] == {"status": "FAILED", "source": "devops-ecs"}
    assert before <= datetime.fromisoformat(event["time"]) <= there.clock.now()
