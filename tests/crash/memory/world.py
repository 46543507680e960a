"""An account in memory, a caller, and everything that wakes the service."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from devops_core.errors import AwsError
from devops_core.model.inventory import Row
from tests.functional.client import SCHEDULE, Client, Reply
from tests.functional.events import DEPLOYMENT_COMPLETED
from tests.functional.fakes import Crash, FakeCloud
from tests.functional.fakes.invariants import Watch, hold_after_recovery, watch
from tests.functional.fakes.service import HANG, OK

# How long after a trigger the next one comes, in seconds: the rate of the schedule.
_PAUSE = 60
# In such turns: more than the longest operation (create) and its undoing may take, and half an
# hour until an operation is given up that AWS lets neither be seen nor moved on.
_GIVEN_UP = 2 * 60 + 30 + 5

# One finds, the next may find what the first has uncovered, the last finds nothing.
_LOOKS = 2
# As many as a rollout has that crashes and is taken back.
_PHASES = 6

Trigger = Callable[["World"], object]


@dataclass(slots=True)
class World:
    """A prepared account. Its calls are counted from 0, and it has forgotten what is over."""

    cloud: FakeCloud
    watcher: Watch
    api: Client

    @staticmethod
    def prepared(prepare: Callable[[FakeCloud, Client], object]) -> bytes:
        """Return an account that was brought to a state, to be opened as often as wanted."""
        cloud = FakeCloud()
        watcher = watch(cloud)
        return World(cloud, watcher, Client(cloud)).brought(prepare)

    def brought(self, prepare: Callable[[FakeCloud, Client], object]) -> bytes:
        """Return this account, brought to a further state, to be opened as often as wanted."""
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
        """Return an account as it was prepared."""
        cloud, watcher = pickle.loads(account)  # noqa: S301 - written above
        return cls(cloud, watcher, Client(cloud))

    def recover(self, triggers: Sequence[Trigger], at_least: int = 0) -> None:
        """Let the triggers fire in turn until nothing is open, or nothing comes to its end."""
        for turn in range(_GIVEN_UP):
            if turn >= at_least and not self.cloud.tables.in_progress():
                return
            self.cloud.clock.wait(_PAUSE)
            try:
                triggers[turn % len(triggers)](self)
            except (Crash, AwsError):
                continue  # an invocation that died

    def hold(self, *, tidy: bool = True) -> None:
        """Hold what must be true when nothing is open any more."""
        hold_after_recovery(self.cloud, self.watcher, tidy=tidy)

    def rest(self) -> None:
        """Let what goes on in AWS by itself come to its end."""
        containers, stacks = self.cloud.containers, self.cloud.stacks.stacks.values()
        for image, behaviour in containers.behaviours.items():
            containers.behaviours[image] = OK if behaviour == HANG else behaviour
        for application, name in containers.services_:
            for _ in range(_PHASES):
                containers.advance(application, name)
        for stack in stacks:
            stack.unseen = 0

    def drift(self) -> int:
        """Let the drift check look as often as it may need; return how often it found something."""
        found = 0
        for _ in range(_LOOKS):
            self.cloud.clock.pass_(minutes=5)
            found += self.api.drift_check()
        return found

    def delete(self) -> None:
        """Delete the application; when it is gone already, one that was made again."""
        stacks = self.cloud.stacks
        stacks.create_failures, stacks.delete_failures = (), ()
        if not self.cloud.tables.rows:
            self.api.finished(self.api.create(environments={"nonProd": ["dev", "qa", "stage"]}))
        self.api.delete()
        self.api.settle()

    def ask(self, act: Callable[[Client], Reply]) -> Reply | None:
        """Make a call of the API and hold what is promised of its answer; None if it died."""
        try:
            reply = act(self.api)
        except Crash:
            return None
        assert reply.status in (200, 202, 409, 424, 502, 503), f"answered {reply.status}"
        operation = reply.body.get("operation")
        if reply.status in (200, 202, 424) and operation:
            key = operation["applicationName"], operation["id"]
            assert key in self.cloud.tables.operations, "4: answered, but not durable"
        return reply

    def versions(self) -> dict[str, str | None]:
        """Return the versions that inventory has, by environment."""
        return {
            environment.value: row.service.version if row.service else None
            for (_, environment), row in self.cloud.tables.rows.items()
        }

    def interrupt(self, act: Callable[[Client], Reply]) -> None:
        """Let somebody else make a call of the API."""
        reply = act(_Somebody(self.api))
        assert reply.status in (200, 202, 409, 424), f"somebody else was answered {reply.status}"

    def inventory(self) -> dict[str, Any]:
        """Return what inventory says, as far as that does not depend on the time."""
        return {
            f"{application} {environment}": (row.status, *_version(row))
            for (application, environment), row in self.cloud.tables.rows.items()
        }

    def end(self) -> dict[str, Any]:
        """Return what it has come to: operations, inventory, services, listeners."""
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


class _Somebody(Client):
    """Another caller: it does not know the Idempotency-Key."""

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
    """Wake the service as the schedule does."""
    return world.api.wake(SCHEDULE)


def event(world: World) -> object:
    """Wake the service as an event of ECS does."""
    return world.api.wake(DEPLOYMENT_COMPLETED)


def read(world: World) -> object:
    """Ask how what is open stands."""
    for application, operation in world.cloud.tables.in_progress():
        world.ask(partial(Client.status, operation=operation, application=application))
    return None


def drift_check(world: World) -> object:
    """Wake the service as the schedule of the drift check does."""
    return world.api.drift_check()


TRIGGERS: tuple[Trigger, ...] = (schedule, event, read)
