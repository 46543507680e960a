"""EventBridge in moto: the entries of PutEvents, and their results."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from devops_core.adapters.events import EventBridge
from devops_core.bootstrap import AwsCloud
from devops_core.errors import (
    AccessDeniedError,
    AwsError,
    RefusedError,
    ThrottledError,
    UnreachableError,
)
from devops_core.ports.notifications import Message
from tests.adapters.conftest import Aws
from tests.lab.moto.hooks import break_after, refuse, respond

TIME = datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC)


def message(number: int = 1) -> Message:
    return Message("Operation ended", TIME, {"id": f"01-{number}", "reason": "no ❌"})


@pytest.fixture
def client(aws: Aws) -> Any:
    return aws.client("events")


def test_a_message_is_an_event_of_the_service(client: Any) -> None:
    sent = respond(client, "PutEvents")

    assert EventBridge(client).send([message()]) == [None]

    (entry,) = json.loads(sent[0]["body"])["Entries"]
    assert json.loads(entry.pop("Detail")) == {"id": "01-1", "reason": "no ❌"}
    # Without EventBusName it is the default bus (EventBridge API, PutEventsRequestEntry). The time
    # is in seconds (botocore's protocol "json").
    assert entry == {
        "Source": "devops-ecs",
        "DetailType": "Operation ended",
        "Time": 1769860800.123,
    }


def test_each_message_has_its_own_result(client: Any) -> None:
    problem = {"ErrorCode": "InternalFailure", "ErrorMessage": "at arn:aws:events:::rule/a"}
    entries = [{"EventId": "1"}, problem, {"EventId": "3"}, {"ErrorCode": "ThrottlingException"}]
    respond(client, "PutEvents", {"FailedEntryCount": 2, "Entries": entries})

    results = EventBridge(client).send([message(number) for number in range(4)])

    errors = ["InternalFailure: at events rule/a", "ThrottlingException: "]
    assert results == [None, errors[0], None, errors[1]]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("ThrottlingException", ThrottledError),
        ("AccessDeniedException", AccessDeniedError),
        ("ValidationException", RefusedError),
    ],
)
def test_errors_are_translated(client: Any, code: str, error: type[AwsError]) -> None:
    refuse(client, "PutEvents", code)

    with pytest.raises(error):
        EventBridge(client).send([message()])


def test_a_lost_response_is_an_unknown_result(client: Any) -> None:
    break_after(client, "PutEvents", ReadTimeoutError(endpoint_url="https://events"))

    with pytest.raises(UnreachableError):
        EventBridge(client).send([message()])


def test_the_cloud_has_both_ports(cloud: AwsCloud) -> None:
    assert cloud.notifications.send([message()]) == [None]
