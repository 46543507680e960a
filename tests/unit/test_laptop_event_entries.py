"""PutEvents on the laptop cloud refuses what EventBridge refuses."""

from __future__ import annotations

from typing import Any

import pytest

from devops_core.adapters.events import EventBridge
from devops_core.engine.outbox import message
from devops_core.model.notification import Notification
from devops_core.model.operation import Status
from tests.lab.builders import NOW
from tools.laptop.event_entries import MOST_BYTES, refused_call, refused_entry
from tools.laptop.scaling.service_model import faults

ENTRY = {"Source": "devops-ecs", "DetailType": "Operation ended", "Detail": "{}"}


class Client:
    """Keeps the entries of a call."""

    def put_events(self, **request: Any) -> dict[str, Any]:
        self.request = request
        return {"Entries": [{"EventId": "1"} for _ in request["Entries"]]}


def test_ten_notifications_with_the_longest_reasons_are_accepted() -> None:
    """The most bytes: a character outside of the basic plane has twelve in JSON."""
    notification = Notification(
        id="1", title="Drift found", operation="01", kind="drift", application="Shop",
        caller="iam user/alice", time=NOW, outcome="DRIFT", status=Status.FAILED,
        reason="\N{ROCKET}" * 1000,
    )  # fmt: skip
    client = Client()
    EventBridge(client).send([message("https://api.example.com/dev", notification)] * 10)
    assert faults("PutEvents", client.request, "events") == []
    assert refused_call(client.request["Entries"]) is None
    assert not any(map(refused_entry, client.request["Entries"]))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"Source": ""}, "InvalidArgument"),
        ({"DetailType": ""}, "InvalidArgument"),
        ({"Detail": ""}, "InvalidArgument"),
        ({"DetailType": "x" * 128}, None),
        ({"DetailType": "x" * 129}, "InvalidArgument"),
        ({"Detail": "text"}, "MalformedDetail"),
        ({"Detail": "[]"}, "MalformedDetail"),
    ],
)
def test_an_entry_is_complete_and_its_detail_an_object(
    changes: dict[str, str], code: str | None
) -> None:
    refused = refused_entry({**ENTRY, **changes})
    assert (refused[0] if refused else None) == code


@pytest.mark.parametrize(
    ("entries", "refused"),
    [
        ([ENTRY], False),
        ([ENTRY, {"Source": "devops-ecs"}], False),
        ([], True),
        ([{"Source": "devops-ecs"}], True),
        ([{**ENTRY, "Detail": "x" * MOST_BYTES}], True),
        ([{**ENTRY, "Detail": "x" * (MOST_BYTES // 2)}] * 2, True),
    ],
)
def test_a_call_has_a_complete_entry_and_less_than_the_most_bytes(
    entries: list[dict[str, Any]], refused: bool
) -> None:
    assert bool(refused_call(entries)) is refused
