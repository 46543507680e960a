"""A caller who makes only dry runs."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.lab.client import UPGRADE, Client, Reply
from tests.lab.fakes import FakeCloud
from tests.lab.fakes.change_sets import FakeChangeSet
from tests.lab.fakes.stacks import FakeStack

_PORTS = ("tables", "stacks", "containers", "load_balancer", "images", "templates", "web")
# Members of a fake that refer to other fakes or to the wire.
_REFERENCES = ("_wire", "_clock", "_containers", "estate", "templates")


class DryClient(Client):
    """Sends every call as a dry run, and checks that it changes nothing and is repeatable."""

    def raw(self, event: Mapping[str, Any]) -> Reply:
        """Send an event with `?dryRun=true`."""
        query = {**(event["queryStringParameters"] or {}), "dryRun": "true"}
        dry_event = {**event, "queryStringParameters": query}
        with _paused(self.cloud):
            before, start = state(self.cloud), len(self.cloud.wire.journal)
            now = self.cloud.clock.now()
            reply = super().raw(dry_event)
            if reply.status == 200:
                assert super().raw(dry_event).body == reply.body
            assert self.cloud.wire.writes(start) == []
            assert state(self.cloud) == before
            # Only CloudFormation knows the changes of an upgrade.
            waited = self.cloud.clock.now() != now
            assert not waited or event["resource"] == UPGRADE, "a dry run has waited"
        return reply


def plan(reply: Reply) -> dict[str, Any]:
    """Return the plan of a dry run."""
    assert reply.status == 200, reply.body
    assert reply.body.keys() == {"dryRun", "plan"}
    assert reply.body["dryRun"] is True
    assert "Preference-Applied" not in reply.headers
    found: dict[str, Any] = reply.body["plan"]
    return found


def state(cloud: FakeCloud) -> dict[str, Any]:
    """Return a copy of the state of an account and of the tables."""
    members = {name: vars(getattr(cloud, name)) for name in _PORTS}
    return copy.deepcopy(
        {
            name: {key: value for key, value in fake.items() if key not in _REFERENCES}
            for name, fake in members.items()
        }
    )


@contextmanager
def _paused(cloud: FakeCloud) -> Iterator[None]:
    """Stop the fakes, which otherwise advance each time they are described."""
    automatic, cloud.containers.automatic = cloud.containers.automatic, False
    stacks = list(cloud.stacks.stacks.values())
    moving: list[FakeStack | FakeChangeSet] = [
        *stacks,
        *(each for stack in stacks for each in stack.change_sets.values()),
    ]
    left = [each.left for each in moving]
    for each in moving:
        each.left = None
    try:
        yield
    finally:
        cloud.containers.automatic = automatic
        for each, number in zip(moving, left, strict=True):
            each.left = number
