"""Accounts at the start of races, based on those of the crash matrix."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from tests.lab.client import Client
from tests.lab.fakes import Call, Crash, FakeCloud
from tests.lab.memory.accounts import Call as Request
from tests.lab.memory.accounts import Prepare
from tests.lab.memory.memory_world import World

# Seconds until another worker can continue an operation, because its lease has expired.
_LEASE_IS_OVER = 70


@cache
def prepared(*steps: Prepare) -> bytes:
    """Return an account after some steps of preparation, as bytes for `World.opened`."""
    *before, last = steps
    return World.opened(prepared(*before)).brought(last) if before else World.prepared(last)


def aged(cloud: FakeCloud, api: Client) -> None:
    """Let time pass, so that the drift check checks the application."""
    del api
    cloud.clock.pass_(minutes=10)


def interrupted(request: Request, writes: int) -> Prepare:
    """Return a step that starts an operation; its worker crashes after a number of writes."""

    def prepare(cloud: FakeCloud, api: Client) -> None:
        left = [writes]

        def die(call: Call) -> None:
            left[0] -= call.writes
            if call.writes and left[0] == 0:
                raise Crash

        cloud.wire.after.append(die)
        try:
            request(api)
            api.settle()
        except Crash:
            cloud.clock.wait(_LEASE_IS_OVER)
        cloud.wire.heal()

    return prepare


@dataclass(frozen=True, slots=True)
class OpenOperation:
    """An operation in progress, after any of its `writes` except the last one."""

    name: str
    steps: tuple[Prepare, ...]
    request: Request
    writes: int

    @property
    def fails(self) -> bool:
        """Whether the operation ends FAILED."""
        return self.name in ("create-fails", "deploy-crashes", "update-crashes", "swap-approved")

    @property
    def aborts(self) -> bool:
        """Whether the operation can be aborted."""
        return self.name != "delete"

    @property
    def refusals(self) -> frozenset[str]:
        """The allowed error codes of an abort."""
        return frozenset({"ALREADY_ENDED" if self.aborts else "NOT_ABORTABLE"})

    def at(self, writes: int) -> tuple[Prepare, ...]:
        """Return the steps to an account whose worker has crashed after a number of writes."""
        return (*self.steps, interrupted(self.request, writes))
