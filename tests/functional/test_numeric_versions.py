"""A version of twelve digits, such as a time, is not an account number: it appears unchanged."""

from __future__ import annotations

import pytest

from tests.lab.client import Client
from tests.lab.fakes import FakeCloud
from tests.lab.fakes.task_service import CRASH
from tests.lab.reads import EVENTS, pages

VERSION = "202611282309"


@pytest.mark.usefixtures("shop")
def test_a_missing_image_is_named_with_its_version(api: Client) -> None:
    reply = api.deploy(VERSION, "dev")
    assert (reply.status, reply.body["code"]) == (409, "IMAGE_NOT_FOUND")
    assert VERSION in reply.body["errorMessage"]


def test_a_failed_rollout_names_its_version_in_response_event_and_log(
    shop: FakeCloud, api: Client
) -> None:
    shop.push(VERSION, CRASH)
    failed = api.finished(api.deploy(VERSION, "dev"))
    assert failed.operation["reasons"][0].startswith(f"DEV {VERSION}: ")
    events = [event for page in pages(api, EVENTS, "Shop") for event in page]
    ended = [event for event in events if event.get("version") == VERSION]
    assert [event["outcome"] for event in ended[:2]] == ["FAILED", "FAILED"]
    assert any(VERSION in str(line) for line in shop.measured)
