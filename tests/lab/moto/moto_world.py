"""The account of one case, its caller, and the triggers of the service."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import handlers.reconcile
from devops_core.errors import AwsError
from devops_core.model.inventory import Row
from tests.lab.client import SCHEDULE, Reply, handled, http_event
from tests.lab.events import DEPLOYMENT_COMPLETED
from tests.lab.fakes import Crash
from tests.lab.moto.account import Account
from tests.lab.moto.backends import backend
from tests.lab.moto.moto_snapshot import MotoSnapshot
from tests.lab.promises import Watch, service_of
from tests.lab.snapshot import LISTENERS

# Seconds before each trigger: first a little more than a lease; later so much that the operations
# approach their time limits.
_PAUSES = [70] * 6 + [600] * 20
# Runs of the drift check: the second one can find drift that the first one has uncovered.
_LOOKS = 2

APPLICATION = "Shop"
OPERATION = "/stacks/{applicationName}/operations/{id}"


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


Trigger = Callable[["World"], object]


class World:
    """A prepared account and a process of the service in it.

    `going` is the id of the operation that was in progress at the start.
    """

    def __init__(self, account: Account) -> None:
        self.account = account
        self.cloud = account.cloud()
        # Calls that only read change nothing, and a check takes as long as a call.
        self.watcher = Watch(account.wire, self.records, reads=False)
        self.going = next((operation.id for operation in self.records().open), "")

    def records(self) -> MotoSnapshot:
        """Return the present state of the account."""
        return MotoSnapshot(self.account)

    def ask(self, request: Request) -> Reply | None:
        """Call the API and check the promises of its response; None after a crash."""
        headers = {"Idempotency-Key": request.key} if request.key else {}
        headers |= {"Prefer": f"wait={request.wait}"} if request.wait else {}
        named = {"applicationName": APPLICATION, "id": self.going}
        parameters = {name: value for name, value in named.items() if name in request.resource}
        event = http_event(
            request.method,
            request.resource,
            json.dumps(request.body) if request.body else None,
            headers=headers,
            parameters=parameters,
            query=request.query,
        )
        try:
            reply = handled(event, self.cloud)
        except Crash:
            return None
        assert reply.status in (200, 202, 409, 424, 502, 503), f"{reply.status} {reply.body}"
        if reply.status in (200, 202, 424) and reply.body.get("operation"):
            assert reply.id in self.records().operations, "4: accepted, but not durable"
        return reply

    def recover(self, triggers: Sequence[Trigger], at_least: int = 0) -> None:
        """Fire the triggers in turn until all operations have ended, within a limit."""
        for turn, pause in enumerate(_PAUSES):
            if turn >= at_least and not self.records().open:
                return
            self.account.clock.wait(pause)
            try:
                triggers[turn % len(triggers)](self)
            except (Crash, AwsError):
                continue  # the invocation crashed

    def drift(self) -> None:
        """Run the drift check several times."""
        for _ in range(_LOOKS):
            self.account.clock.pass_(minutes=5)
            drift_check(self)

    def end(self) -> dict[str, Any]:
        """Return the members of the final state that do not depend on the time."""
        seen = self.records()
        ends: dict[str, Any] = {
            f"{operation.kind} {operation.version}": operation.status
            for operation in seen.operations.values()
        }
        ends |= {row.environment.value: _known(row) for row in seen.rows}
        for (_, name), service in seen.services.items():
            definition = backend("ecs").describe_task_definition(service.task_definition)
            ends[f"service {name}"] = definition.container_definitions, service.desired
        for listener in LISTENERS if seen.rows else ():
            groups = seen.forwards(APPLICATION, listener) or ()
            ends[listener] = [service_of(APPLICATION, group) for group in groups]
        return ends

    def forget(self) -> None:
        """Remove ended operations from the log, because moto is slow with many items."""
        log, over = self.account.settings.tables.log, self.records().over
        for key in over:
            self.account.plain("dynamodb").delete_item(TableName=log, Key=key)


def schedule(world: World) -> object:
    """Trigger the service as the schedule does."""
    return handlers.reconcile.handle(SCHEDULE, None, world.cloud)


def event(world: World) -> object:
    """Trigger the service as an event of ECS does."""
    return handlers.reconcile.handle(DEPLOYMENT_COMPLETED, None, world.cloud)


def drift_check(world: World) -> object:
    """Trigger the drift check as its schedule does."""
    return handlers.reconcile.handle({"detail-type": "Drift check"}, None, world.cloud)


def read(world: World) -> object:
    """Read the status of the operation."""
    return world.ask(Request("GET", OPERATION, key=None))


def _known(row: Row) -> tuple[Any, ...]:
    service = row.service
    known = service and (service.name, service.version, service.image, service.was_live)
    return row.status, row.drift, known
