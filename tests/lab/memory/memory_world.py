"""An account in memory."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar

from tests.lab.client import Client, Reply
from tests.lab.fakes import FakeCloud
from tests.lab.fakes.clock import FakeClock
from tests.lab.fakes.task_service import HANG, OK
from tests.lab.memory.memory_snapshot import MemorySnapshot, watch
from tests.lab.promises import Watch
from tests.lab.world import Request, create
from tests.lab.world import World as BaseWorld

# Phases of a rollout that fails and is rolled back.
_PHASES = 6


class World(BaseWorld):
    """A prepared account: its calls are counted from 0, and ended operations are removed.

    The operations of Idempotency-Keys remain, because a request can be repeated.
    """

    # The pauses are the rate of the schedule. Their sum is that of the time limits of the longest
    # operation (create) and of its undo, of the grace period before a blocked operation is given
    # up, and some more.
    pauses: ClassVar[Sequence[float]] = [60] * (2 * 60 + 30 + 5)

    creation: ClassVar[Request] = create(
        environments={"nonProd": ["dev", "qa", "stage"], "da": True}
    )

    def __init__(self, cloud: FakeCloud, watcher: Watch) -> None:
        self.cloud = cloud
        self.watcher = watcher
        self.api = Client(cloud)
        self.going = next((operation for _, operation in self.in_progress()), "")

    @staticmethod
    def prepared(prepare: Callable[[FakeCloud, Client], object]) -> bytes:
        """Return a prepared account as bytes, for any number of `opened` worlds."""
        cloud = FakeCloud()
        return World(cloud, watch(cloud)).brought(prepare)

    def brought(self, prepare: Callable[[FakeCloud, Client], object]) -> bytes:
        """Return this account after another preparation, as bytes."""
        prepare(self.cloud, self.api)
        self.cloud.wire.journal.clear()
        self.cloud.wire.done.clear()
        self.watcher.forget()
        tables = self.cloud.tables
        records = tables.idempotency_records.values()
        kept = {*tables.in_progress(), *((each.application, each.operation) for each in records)}
        tables.operations = {
            key: tables.operations[key] for key in tables.operations if key in kept
        }
        tables.events = {key: tables.events[key] for key in tables.events if key[:2] in kept}
        tables.outbox = {
            key: each
            for key, each in tables.outbox.items()
            if (each.application, each.operation) in kept
        }
        messages = self.cloud.notifications
        messages.sent = [
            each
            for each in messages.sent
            if (each.detail["applicationName"], each.detail["operation"]) in kept
        ]
        # Much faster than copy.deepcopy, which takes as long as a story.
        return pickle.dumps((self.cloud, self.watcher))

    @classmethod
    def opened(cls, account: bytes) -> World:
        """Return the world of a prepared account."""
        return cls(*pickle.loads(account))  # noqa: S301 - written above

    @classmethod
    def begun(cls, prepare: Callable[[FakeCloud, Client], object]) -> World:
        """Return the world after a preparation, which runs once in this process."""
        return cls.opened(_prepared(prepare))

    @property
    def clock(self) -> FakeClock:
        """The clock of the service and of AWS."""
        return self.cloud.clock

    def records(self) -> MemorySnapshot:
        """Return the present state of the account."""
        return MemorySnapshot(self.cloud)

    def in_progress(self) -> Sequence[tuple[str, str]]:
        """Return the application and the id of each open operation."""
        return self.cloud.tables.in_progress()

    def send(self, event: Mapping[str, Any]) -> Reply:
        """Send an event of API Gateway to its handler."""
        return self.api.raw(event)

    def wake(self, event: Mapping[str, Any]) -> int:
        """Send an event to the reconcile handler; return the number of operations."""
        return self.api.wake(event)

    def heal(self) -> None:
        """Remove all faults."""
        self.cloud.wire.heal()

    def rest(self) -> None:
        """Complete everything that is in progress in AWS."""
        containers, stacks = self.cloud.containers, self.cloud.stacks.stacks.values()
        containers.hangs = False
        for image, behaviour in containers.behaviours.items():
            containers.behaviours[image] = OK if behaviour == HANG else behaviour
        for application, name in containers.services_:
            for _ in range(_PHASES):
                containers.advance(application, name)
        for stack in stacks:
            stack.unseen = 0

    def delete(self) -> None:
        """Delete the application; if it does not exist, create it first."""
        stacks = self.cloud.stacks
        stacks.create_failures, stacks.delete_failures = (), ()
        stacks.update_failures, stacks.rollback_failures = (), ()
        super().delete()

    def end(self) -> dict[str, Any]:
        """Return the final state: operations, inventory, services, listeners."""
        containers = self.cloud.containers
        operations = {
            f"{operation.kind} of {operation.application}": operation.status
            for operation in self.cloud.tables.operations.values()
        }
        services = {
            f"{application} {name}": (
                containers.running(application, name).image,
                containers.running(application, name).settings,
                service.desired,
            )
            for (application, name), service in containers.services_.items()
        }
        listeners = self.cloud.load_balancer.listeners
        return operations | self.inventory() | self.specification() | services | listeners


_prepared = cache(World.prepared)
