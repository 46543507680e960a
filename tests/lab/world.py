"""An account with a caller and the triggers of the service: over the fakes, or over moto."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from devops_core.errors import AwsError
from devops_core.model.inventory import Row
from tests.lab.client import SCHEDULE, Reply, http_event
from tests.lab.events import DEPLOYMENT_COMPLETED
from tests.lab.fakes import Crash
from tests.lab.fakes.clock import FakeClock
from tests.lab.promises import Watch, hold_accepted
from tests.lab.snapshot import ActiveSnapshot

APPLICATION = "Shop"
OPERATION = "/stacks/{applicationName}/operations/{id}"
SPECIFICATION = "/stacks/{applicationName}/spec"
UPGRADE = "/stacks/{applicationName}/upgrade"
# Runs of the drift check: the second one can find drift that the first one has uncovered.
_LOOKS = 2


@dataclass(frozen=True, slots=True)
class Request:
    """A request; a caller without a response repeats it with the same key.

    `wait` is the preferred waiting time in seconds.
    """

    method: str
    resource: str
    body: Mapping[str, Any] | None = None
    key: str | None = "build-1"
    wait: int = 0
    query: Mapping[str, str] | None = None

    def by_another(self) -> Request:
        """Return the same request without its Idempotency-Key."""
        return replace(self, key=None)

    def event(self, application: str, operation: str) -> dict[str, Any]:
        """Return the event of API Gateway, with the parameters of its path."""
        headers = {"Idempotency-Key": self.key} if self.key else {}
        headers |= {"Prefer": f"wait={self.wait}"} if self.wait else {}
        named = {"applicationName": application, "id": operation}
        return http_event(
            self.method,
            self.resource,
            None if self.body is None else json.dumps(self.body),
            headers=headers,
            parameters={name: value for name, value in named.items() if name in self.resource},
            query=self.query,
        )


def create(**members: Any) -> Request:
    """Return the request that creates the application."""
    tags, team = {"technicalTeam": "payments"}, "team@example.com"
    body = {"applicationName": APPLICATION, "email": team, "tags": tags, **members}
    return Request("POST", "/stacks", body)


def deploy(version: str, *environments: str, wait: int = 0, **members: Any) -> Request:
    """Return the request that deploys a version."""
    request = _about("/stacks/deploy", environment=environments, version=version, **members)
    return replace(request, wait=wait)


def promote(**members: Any) -> Request:
    """Return the request that promotes the tested version."""
    return _about("/stacks/deploytoprodBlue", **members)


def swap(version: str, **members: Any) -> Request:
    """Return the request that swaps to a version; a repetition does not swap back."""
    return _about("/stacks/swapProdBlueAndGreen", version=version, **members)


def patch(document: Mapping[str, Any], remove: str = "") -> Request:
    """Return the request that changes the specification; `remove` has the removed environments."""
    return Request("PATCH", SPECIFICATION, document, query={"remove": remove} if remove else None)


def restart(*environments: str) -> Request:
    """Return the request that restarts environments with the present specification."""
    return _about("/stacks/deploy", environment=environments, restart=True)


def upgrade() -> Request:
    """Return the request that moves the stack to the newest template."""
    return Request("POST", UPGRADE)


def delete() -> Request:
    """Return the request that deletes the application."""
    return Request("DELETE", "/stacks", {"stack": APPLICATION})


def abort() -> Request:
    """Return the request that aborts the operation that is in progress at the start."""
    return Request("DELETE", OPERATION, key=None)


def advance(action: str) -> Request:
    """Return the request that moves the operation on that is in progress at the start."""
    return Request("POST", OPERATION, {"action": action}, key=None)


def _about(resource: str, **members: Any) -> Request:
    return Request("POST", resource, {"applicationName": APPLICATION, **members})


Trigger = Callable[["World"], object]


class World(ABC):
    """A prepared account and a process of the service in it.

    `pauses` has the seconds before each trigger of a recovery, which ends with the last one.
    `creation` creates the application again with all environments that a story can have.
    `going` is the id of the operation that was in progress at the start.
    """

    pauses: ClassVar[Sequence[float]]
    creation: ClassVar[Request] = create()
    watcher: Watch
    going: str = ""

    @property
    @abstractmethod
    def clock(self) -> FakeClock:
        """The clock of the service and of AWS."""

    @abstractmethod
    def records(self) -> ActiveSnapshot:
        """Return the present state of the account."""

    @abstractmethod
    def in_progress(self) -> Sequence[tuple[str, str]]:
        """Return the application and the id of each open operation."""

    @abstractmethod
    def send(self, event: Mapping[str, Any]) -> Reply:
        """Send an event of API Gateway to its handler."""

    @abstractmethod
    def wake(self, event: Mapping[str, Any]) -> int:
        """Send an event to the reconcile handler; return the number of operations."""

    @abstractmethod
    def heal(self) -> None:
        """Remove all faults."""

    @abstractmethod
    def rest(self) -> None:
        """Complete everything that is in progress in AWS."""

    @abstractmethod
    def end(self) -> dict[str, Any]:
        """Return the members of the final state that do not depend on the time."""

    def ask(self, request: Request) -> Reply | None:
        """Call the API and check the promises of its response; None after a crash."""
        return self._answer(request.event(APPLICATION, self.going))

    def read(self, application: str, operation: str) -> Reply | None:
        """Read the status of an operation."""
        return self._answer(Request("GET", OPERATION, key=None).event(application, operation))

    def _answer(self, event: Mapping[str, Any]) -> Reply | None:
        try:
            reply = self.send(event)
        except Crash:
            return None
        assert reply.status in (200, 202, 409, 424, 502, 503), f"{reply.status} {reply.body}"
        hold_accepted(reply.status, reply.body.get("operation"), self.records().operations)
        return reply

    def recover(self, triggers: Sequence[Trigger], at_least: int = 0) -> None:
        """Fire the triggers in turn until all operations have ended, within a limit."""
        for turn, pause in enumerate(self.pauses):
            if turn >= at_least and not self.in_progress():
                return
            self.clock.wait(pause)
            try:
                triggers[turn % len(triggers)](self)
            except (Crash, AwsError):
                continue  # the invocation crashed

    def drift(self) -> int:
        """Run the drift check several times; return the number of its findings."""
        found = 0
        for _ in range(_LOOKS):
            self.clock.pass_(minutes=5)
            found += drift_check(self)
        return found

    def delete(self) -> None:
        """Delete the application; if it does not exist, create it first."""
        if not self.records().rows:
            self.ask(self.creation.by_another())
            self.recover((schedule,))
        self.ask(delete().by_another())
        self.recover((schedule,))

    def hold(self, *, tidy: bool = True) -> None:
        """Check the promises for the time after all operations have ended."""
        self.watcher.hold_at_rest(tidy=tidy)

    def versions(self) -> dict[str, str | None]:
        """Return the versions in the inventory by environment."""
        return {
            row.environment.value: row.service.version if row.service else None
            for row in self.records().rows
        }

    def revisions(self) -> dict[str, int | None]:
        """Return the revisions of the specification in the inventory by environment."""
        return {
            row.environment.value: row.service.spec if row.service else None
            for row in self.records().rows
        }

    def specification(self) -> dict[str, Any]:
        """Return the present revision and the settings that each environment runs on record."""
        snapshot = self.records()
        settings = {
            f"settings of {row.environment}": (row.service.spec, row.service.spec_hash)
            for row in snapshot.rows
            if row.service
        }
        records = {name: each.current for name, each in snapshot.records.items()}
        return {"present revision": records, **settings}

    def inventory(self) -> dict[str, Any]:
        """Return the members of the inventory that do not depend on the time."""
        return {
            f"{row.application.name} {row.environment}": (row.status, *_version(row))
            for row in self.records().rows
        }


def _version(row: Row) -> tuple[str | None, ...]:
    service = row.service
    return (service.name, service.version, service.image) if service else ()


def schedule(world: World) -> int:
    """Trigger the service as the schedule does."""
    return world.wake(SCHEDULE)


def event(world: World) -> int:
    """Trigger the service as an event of ECS does."""
    return world.wake(DEPLOYMENT_COMPLETED)


def drift_check(world: World) -> int:
    """Trigger the drift check as its schedule does; return the number of corrections."""
    return world.wake({"detail-type": "Drift check"})


def read(world: World) -> None:
    """Read the status of all open operations."""
    for application, operation in world.in_progress():
        world.read(application, operation)


def watched(world: World) -> None:
    """Trigger the service as the schedule does, while callers read all open operations."""
    read(world)
    schedule(world)
    read(world)


TRIGGERS: tuple[Trigger, ...] = (schedule, event, read)
