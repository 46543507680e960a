"""A caller who only wants to know what would be done."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.lab.client import Client, Reply
from tests.lab.fakes import FakeCloud

_PORTS = ("tables", "stacks", "containers", "load_balancer", "images", "templates", "web")
# What is no state of the account: the fakes that a fake knows, and the wire.
_NOT_HELD = ("_wire", "_clock", "_containers", "estate")


class DryClient(Client):
    """Sends every call as a dry run, and holds that it changes nothing, nor when it is repeated."""

    def raw(self, event: Mapping[str, Any]) -> Reply:
        """Send an event as it is, but for `?dryRun=true`."""
        query = {**(event["queryStringParameters"] or {}), "dryRun": "true"}
        tried = {**event, "queryStringParameters": query}
        with _at_rest(self.cloud):
            before, start, now = state(self.cloud), len(self.cloud.wire.journal), self._now
            reply = super().raw(tried)
            assert self.cloud.wire.writes(start) == []
            assert state(self.cloud) == before
            assert self._now == now, "it has waited"
            if reply.status == 200:
                assert reply.body["dryRun"] is True
                assert super().raw(tried).body == reply.body
                assert state(self.cloud) == before
        return reply

    @property
    def _now(self) -> object:
        return self.cloud.clock.now()


def plan(reply: Reply) -> dict[str, Any]:
    """Return the plan of a dry run."""
    assert reply.status == 200, reply.body
    assert reply.body.keys() == {"dryRun", "plan"}
    found: dict[str, Any] = reply.body["plan"]
    return found


def state(cloud: FakeCloud) -> dict[str, Any]:
    """Return all that is in an account and in the tables, as it is now."""
    held = {name: vars(getattr(cloud, name)) for name in _PORTS}
    return copy.deepcopy(
        {
            name: {key: value for key, value in members.items() if key not in _NOT_HELD}
            for name, members in held.items()
        }
    )


@contextmanager
def _at_rest(cloud: FakeCloud) -> Iterator[None]:
    """Let nothing in AWS come further only because it is looked at, as the fakes do."""
    automatic, cloud.containers.automatic = cloud.containers.automatic, False
    left = {name: stack.left for name, stack in cloud.stacks.stacks.items()}
    for stack in cloud.stacks.stacks.values():
        stack.left = None
    try:
        yield
    finally:
        cloud.containers.automatic = automatic
        for name, stack in cloud.stacks.stacks.items():
            stack.left = left[name]
