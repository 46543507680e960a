"""A create that cannot come to its end: what is looked at, and what is not."""

from __future__ import annotations

from tests.lab.client import Client
from tests.lab.fakes import FakeCloud


def test_a_stack_that_somebody_deletes_while_it_is_made_ends_its_create(
    cloud: FakeCloud, api: Client
) -> None:
    cloud.stacks.pace = None
    reply = api.create()
    stack = cloud.stacks.named("Shop")
    assert stack is not None
    stack.status = "DELETE_COMPLETE"
    ended = api.status(reply.id).operation
    assert (ended["status"], ended["reasons"]) == (
        "FAILED", ["the stack ended as DELETE_COMPLETE"],
    )  # fmt: skip
    assert cloud.tables.rows == {}


def test_what_a_stack_has_made_does_not_matter_once_it_goes(cloud: FakeCloud, api: Client) -> None:
    cloud.stacks.pace = None
    reply = api.create()
    cloud.stacks.finish("Shop")
    assert api.abort(reply.id).status == 202
    stack = cloud.stacks.named("Shop")
    assert stack is not None
    stack.status = "CREATE_COMPLETE"
    start = len(cloud.wire.journal)
    api.status(reply.id)
    assert cloud.wire.names(start) == [
        "tables.operation", "tables.inventory", "stacks.describe", "tables.save", "stacks.delete",
        "tables.save",
    ]  # fmt: skip
    cloud.stacks.finish("Shop")
    assert api.finished(reply).operation["status"] == "FAILED"
