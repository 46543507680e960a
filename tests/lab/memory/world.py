"""An account in memory, a caller, and the triggers of the service."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from devops_core.errors import AwsError
from devops_core.model.inventory import Row
from tests.lab.client import SCHEDULE, Client, Reply
from tests.lab.events import DEPLOYMENT_COMPLETED
from tests.lab.fakes import Crash, FakeCloud
from tests.lab.fakes.task_service import HANG, OK
from tests.lab.memory.memory_snapshot import watch
from tests.lab.promises import Watch

# Seconds between two triggers: the rate of the schedule.
_PAUSE = 60
# Number of turns (minutes): the limits of the longest operation (create) and of its undo, the
# grace period before a blocked operation is given up, and some more.
_GIVEN_UP = 2 * 60 + 30 + 5

# Runs of the drift check: the second one can find drift that the first one has uncovered.
_LOOKS = 2
# Phases of a rollout that fails and is rolled back.
_PHASES = 6

Trigger = Callable[["World"], object]


@dataclass(slots=True)
class World:
    """A prepared account: its calls are counted from 0, and ended operations are removed."""

    cloud: FakeCloud
    watcher: Watch
    api: Client

    @staticmethod
    def prepared(prepare: Callable[[FakeCloud, Client], object]) -> bytes:
        """Return a prepared account as bytes, for any number of `opened` worlds."""
        cloud = FakeCloud()
        watcher = watch(cloud)
        return World(cloud, watcher, Client(cloud)).brought(prepare)

    def brought(self, prepare: Callable[[FakeCloud, Client], object]) -> bytes:
        """Return this account after another preparation, as bytes."""
        prepare(self.cloud, self.api)
        self.cloud.wire.journal.clear()
        self.cloud.wire.done.clear()
        self.watcher.forget()
        tables = self.cloud.tables
        going = set(tables.in_progress())
        tables.operations = {key: tables.operations[key] for key in going}
        tables.events = {key: tables.events[key] for key in tables.events if key[:2] in going}
        # Much faster than copy.deepcopy, which takes as long as a story.
        return pickle.dumps((self.cloud, self.watcher))

    @classmethod
    def opened(cls, account: bytes) -> World:
        """Return the world of a prepared account."""
        cloud, watcher = pickle.loads(account)  # noqa: S301 - written above
        return cls(cloud, watcher, Client(cloud))

    def recover(self, triggers: Sequence[Trigger], at_least: int = 0) -> None:
        """Fire the triggers in turn until all operations have ended, within a limit."""
        for turn in range(_GIVEN_UP):
            if turn >= at_least and not self.cloud.tables.in_progress():
                return
            self.cloud.clock.wait(_PAUSE)
            try:
                triggers[turn % len(triggers)](self)
            except (Crash, AwsError):
                continue  # the invocation crashed

    def hold(self, *, tidy: bool = True) -> None:
        """Check the promises for the time after all operations have ended."""
        self.watcher.hold_at_rest(tidy=tidy)

    def rest(self) -> None:
        """Complete everything that is in progress in AWS."""
        containers, stacks = self.cloud.containers, self.cloud.stacks.stacks.values()
        for image, behaviour in containers.behaviours.items():
            containers.behaviours[image] = OK if behaviour == HANG else behaviour
        for application, name in containers.services_:
            for _ in range(_PHASES):
                containers.advance(application, name)
        for stack in stacks:
            stack.unseen = 0

    def drift(self) -> int:
        """Run the drift check several times; return the number of its findings."""
        found = 0
        for _ in range(_LOOKS):
            self.cloud.clock.pass_(minutes=5)
            found += self.api.drift_check()
        return found

    def delete(self) -> None:
        """Delete the application; if it does not exist, create it first."""
        stacks = self.cloud.stacks
        stacks.create_failures, stacks.delete_failures = (), ()
        if not self.cloud.tables.rows:
            self.api.finished(self.api.create(environments={"nonProd": ["dev", "qa", "stage"]}))
        self.api.delete()
        self.api.settle()

    def ask(self, act: Callable[[Client], Reply]) -> Reply | None:
        """Call the API and check the promises of its response; None after a crash."""
        try:
            reply = act(self.api)
        except Crash:
            return None
        assert reply.status in (200, 202, 409, 424, 502, 503), f"answered {reply.status}"
        operation = reply.body.get("operation")
        if reply.status in (200, 202, 424) and operation:
            key = operation["applicationName"], operation["id"]
            assert key in self.cloud.tables.operations, "4: accepted, but not durable"
        return reply

    def versions(self) -> dict[str, str | None]:
        """Return the versions in the inventory by environment."""
        return {
            environment.value: row.service.version if row.service else None
            for (_, environment), row in self.cloud.tables.rows.items()
        }

    def interrupt(self, act: Callable[[Client], Reply]) -> None:
        """Send a request of another caller."""
        reply = act(_OtherCaller(self.api))
        assert reply.status in (200, 202, 409, 424), f"the other caller got {reply.status}"

    def inventory(self) -> dict[str, Any]:
        """Return the members of the inventory that do not depend on the time."""
        return {
            f"{application} {environment}": (row.status, *_version(row))
            for (application, environment), row in self.cloud.tables.rows.items()
        }

    def end(self) -> dict[str, Any]:
        """Return the final state: operations, inventory, services, listeners."""
        containers = self.cloud.containers
        operations = {
            f"{operation.kind} of {operation.application}": operation.status
            for operation in self.cloud.tables.operations.values()
        }
        services = {
            f"{application} {name}": (containers.running(application, name).image, service.desired)
            for (application, name), service in containers.services_.items()
        }
        listeners = self.cloud.load_balancer.listeners
        return operations | self.inventory() | services | listeners


class _OtherCaller(Client):
    """Another caller, without the Idempotency-Key."""

    def __init__(self, first: Client) -> None:
        super().__init__(first.cloud)
        self._over = first._over

    def raw(self, event: Mapping[str, Any]) -> Reply:
        headers = {
            name: value for name, value in event["headers"].items() if name != "Idempotency-Key"
        }
        return super().raw({**event, "headers": headers})


def _version(row: Row) -> tuple[str | None, ...]:
    service = row.service
    return (service.name, service.version, service.image) if service else ()


def schedule(world: World) -> object:
    """Trigger the service as the schedule does."""
    return world.api.wake(SCHEDULE)


def event(world: World) -> object:
    """Trigger the service as an event of ECS does."""
    return world.api.wake(DEPLOYMENT_COMPLETED)


def read(world: World) -> object:
    """Read the status of all open operations."""
    for application, operation in world.cloud.tables.in_progress():
        world.ask(partial(Client.status, operation=operation, application=application))
    return None


def drift_check(world: World) -> object:
    """Trigger the drift check as its schedule does."""
    return world.api.drift_check()


TRIGGERS: tuple[Trigger, ...] = (schedule, event, read)
