"""Clocks of workers that are wrong, jump, or are set back."""

from __future__ import annotations

from datetime import timedelta

from tests.functional.client import Client
from tests.functional.fakes import FakeCloud

_HOUR = timedelta(hours=1)


def test_a_stack_that_is_not_shown_when_the_time_is_up_is_deleted(
    cloud: FakeCloud, api: Client
) -> None:
    cloud.stacks.lag = 2
    reply = api.create()
    cloud.clock.skew = _HOUR
    late = api.finished(reply)
    assert late.operation["reasons"][0] == "the stack is still CREATE_IN_PROGRESS"
    assert [stack.status for stack in cloud.stacks.stacks.values()] == ["DELETE_COMPLETE"]
    assert cloud.tables.rows == {}
