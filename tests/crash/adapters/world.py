"""The account of one case, who calls the service in it, and what wakes the service."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import handlers.reconcile
from devops_core.errors import AwsError
from devops_core.model.inventory import Row
from tests.crash.adapters import look
from tests.crash.adapters.account import Account
from tests.crash.adapters.invariants import APPLICATION, Watch
from tests.functional.client import SCHEDULE, Reply, handled, http_event
from tests.functional.events import DEPLOYMENT_COMPLETED
from tests.functional.fakes import Crash

# How long after a trigger the next one comes, in seconds: longer than a lease, and when all that
# goes on by itself must be over, so that the time limits come near.
_PAUSES = [70] * 6 + [600] * 20
# One look finds, the next may find what the first has uncovered.
_LOOKS = 2

OPERATION = "/stacks/{applicationName}/operations/{id}"


@dataclass(frozen=True, slots=True)
class Request:
    """A call of the API; a caller who is not answered repeats it with the same key.

    `wait` is how many seconds the caller prefers to wait for the end.
    """

    method: str
    resource: str
    body: Mapping[str, Any] | None = None
    key: str | None = "build-1"
    wait: int = 0
    query: Mapping[str, str] | None = None


Trigger = Callable[["World"], object]


class World:
    """An account as it was prepared, and a process of the service in it.

    `going` is the operation that was under way then.
    """

    def __init__(self, account: Account) -> None:
        self.account = account
        self.cloud = account.cloud()
        self.watcher = Watch(account)
        self.going = next((operation.id for operation in self.records().open), "")

    def records(self) -> look.Records:
        """Return what the tables hold."""
        return look.recorded(self.account.settings.tables)

    def ask(self, request: Request) -> Reply | None:
        """Make a call of the API and hold what is promised of its answer; None if it died."""
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
            assert reply.id in self.records().operations, "4: answered, but not durable"
        return reply

    def recover(self, triggers: Sequence[Trigger], at_least: int = 0) -> None:
        """Let the triggers fire in turn until nothing is open, or everything is long overdue."""
        for turn, pause in enumerate(_PAUSES):
            if turn >= at_least and not self.records().open:
                return
            self.account.clock.wait(pause)
            try:
                triggers[turn % len(triggers)](self)
            except (Crash, AwsError):
                continue  # an invocation that died

    def drift(self) -> None:
        """Let the drift check look as often as it may need."""
        for _ in range(_LOOKS):
            self.account.clock.pass_(minutes=5)
            drift_check(self)

    def end(self) -> dict[str, Any]:
        """Return what became of everything, as far as it does not depend on the time."""
        seen = look.around(self.account)
        ends: dict[str, Any] = {
            f"{operation.kind} {operation.version}": operation.status
            for operation in seen.records.operations.values()
        }
        ends |= {row.environment.value: _known(row) for row in seen.records.rows}
        definitions = look.task_definitions()
        for name, service in seen.services.items():
            runs = definitions[service["taskDefinition"]].container_definitions
            ends[f"service {name}"] = runs, service["desiredCount"]
        return ends | {f"listener {port}": slot for port, slot in seen.listeners.items()}

    def forget(self) -> None:
        """Remove what is over from the log: the longer it is, the slower moto gets."""
        log, over = self.account.settings.tables.log, self.records().over
        for key in over:
            self.account.plain("dynamodb").delete_item(TableName=log, Key=key)


def schedule(world: World) -> object:
    """Wake the service as the schedule does."""
    return handlers.reconcile.handle(SCHEDULE, None, world.cloud)


def event(world: World) -> object:
    """Wake the service as an event of ECS does."""
    return handlers.reconcile.handle(DEPLOYMENT_COMPLETED, None, world.cloud)


def drift_check(world: World) -> object:
    """Wake the service as the schedule of the drift check does."""
    return handlers.reconcile.handle({"detail-type": "Drift check"}, None, world.cloud)


def read(world: World) -> object:
    """Ask how what is under way stands."""
    return world.ask(Request("GET", OPERATION, key=None))


def _known(row: Row) -> tuple[Any, ...]:
    service = row.service
    known = service and (service.name, service.version, service.image, service.was_live)
    return row.status, row.drift, known
