"""CloudWatch Logs in moto: the last lines of a container's log."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from devops_core.adapters.logs import CloudWatchLogs
from devops_core.bootstrap import CLIENT_CONFIG, QUICK_CONFIG, AwsCloud
from devops_core.errors import AccessDeniedError, AwsError, RefusedError, ThrottledError
from tests.adapters.conftest import Aws
from tests.lab.moto.hooks import break_after, refuse, respond

GROUP, STREAM = "/ecs/Shop/dev", "app/app/0123456789abcdef0123456789abcdef"


@pytest.fixture
def client(aws: Aws) -> Any:
    return aws.client("logs")


@pytest.fixture
def logs(client: Any) -> CloudWatchLogs:
    client.create_log_group(logGroupName=GROUP)
    client.create_log_stream(logGroupName=GROUP, logStreamName=STREAM)
    return CloudWatchLogs(client)


def write(client: Any, *messages: str) -> None:
    # CloudWatch Logs accepts no events that are older than 14 days.
    now = int(time.time() * 1000)
    events = [
        {"timestamp": now + number, "message": message} for number, message in enumerate(messages)
    ]
    client.put_log_events(logGroupName=GROUP, logStreamName=STREAM, logEvents=events)


def test_the_last_lines_are_read_in_their_order(logs: CloudWatchLogs, client: Any) -> None:
    write(client, *(f"line {number}" for number in range(50)))
    assert logs.tail(GROUP, STREAM) == tuple(f"line {number}" for number in range(30, 50))


def test_an_empty_page_is_not_the_end_of_a_stream(logs: CloudWatchLogs, client: Any) -> None:
    write(client, "fatal: no database")
    response = client.get_log_events(logGroupName=GROUP, logStreamName=STREAM)
    sent = respond(client, "GetLogEvents", {**response, "events": []}, response)
    assert logs.tail(GROUP, STREAM) == ("fatal: no database",)
    first, second = (json.loads(each["body"]) for each in sent)
    assert second == {**first, "nextToken": response["nextBackwardToken"]}


def test_an_empty_stream_has_no_lines(logs: CloudWatchLogs) -> None:
    assert logs.tail(GROUP, STREAM) == ()


def test_lines_have_no_control_characters_and_no_arns(logs: CloudWatchLogs, client: Any) -> None:
    write(
        client,
        "\x1b[31mfatal:\x1b[0m no database\r\n",
        "\x1b]0;title\x07 a\u202eb",
        "denied on arn:aws:s3:eu-west-1:123456789012:bucket/key",
        "  File main.py\n    start()\n",
    )
    assert logs.tail(GROUP, STREAM) == (
        "fatal: no database",
        "?]0;title? a?b",
        "denied on s3 bucket/key",
        "  File main.py     start()",
    )


@pytest.mark.parametrize(("group", "stream"), [(GROUP, "app/app/0"), ("/ecs/Other/dev", STREAM)])
def test_a_missing_group_or_stream_is_refused(
    logs: CloudWatchLogs, group: str, stream: str
) -> None:
    with pytest.raises(RefusedError, match="does not exist"):
        logs.tail(group, stream)


@pytest.mark.parametrize(
    ("code", "error"),
    [("AccessDeniedException", AccessDeniedError), ("ThrottlingException", ThrottledError)],
)
def test_a_refusal_of_aws_is_an_error(
    logs: CloudWatchLogs, client: Any, code: str, error: type[AwsError]
) -> None:
    refuse(client, "GetLogEvents", code, "no")
    with pytest.raises(error):
        logs.tail(GROUP, STREAM)


def test_a_call_without_a_response_is_an_error(logs: CloudWatchLogs, client: Any) -> None:
    break_after(client, "GetLogEvents", ReadTimeoutError(endpoint_url="https://logs"))
    with pytest.raises(AwsError):
        logs.tail(GROUP, STREAM)


def test_the_call_has_a_short_time_limit(cloud: AwsCloud) -> None:
    logs = cloud.logs
    assert isinstance(logs, CloudWatchLogs)
    config = logs._client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (1, 3)
    assert config.retries["total_max_attempts"] == 1
    assert QUICK_CONFIG.read_timeout < CLIENT_CONFIG.read_timeout
