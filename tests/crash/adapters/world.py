"""The account of one case, who calls the service in it, and what wakes the service."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import handlers.reconcile
from devops_core.errors import AwsError
from devops_core.model import Row
from tests.crash.adapters import look
from tests.crash.adapters.account import Account
from tests.crash.adapters.invariants import APPLICATION, Watch
from tests.functional.client import SCHEDULE, Reply, handled, http_event
from tests.functional.events import DEPLOYMENT_COMPLETED
from tests.functional.fakes import Crash

# How long after a trigger the next one comes, in seconds: longer than a lease, and when all that
# goes on by itself must be over, so that the time limits come near.
_PAUSES = [70] * 6 + [600] * 20


@dataclass(frozen=True, slots=True)
class Request:
    """A call of the API; a caller who is not answered repeats it with the same key."""

    method: str
    resource: str
    body: Mapping[str, Any]
    key: str | None = "build-1"


Trigger = Callable[["World"], object]


class World:
    """An account as it was prepared, and a process of the service in it."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.cloud = account.cloud()
        self.watcher = Watch(account)

    def records(self) -> look.Records:
        """Return what the tables hold."""
        return look.recorded(self.account.settings.tables)

    def ask(self, request: Request) -> Reply | None:
        """Make a call of the API and hold what is promised of its answer; None if it died."""
        headers = {"Idempotency-Key": request.key} if request.key else {}
        body = json.dumps(request.body)
        event = http_event(request.method, request.resource, body, headers=headers)
        try:
            reply = handled(event, self.cloud)
        except Crash:
            return None
        assert reply.status in (200, 202, 409, 424, 502, 503), f"{reply.status} {reply.body}"
        if reply.status in (200, 202, 424) and reply.body.get("operation"):
            assert reply.id in self.records().operations, "4: answered, but not durable"
        return reply

    def recover(self, triggers: Sequence[Trigger]) -> None:
        """Let the triggers fire in turn until nothing is open, or everything is long overdue."""
        for turn, pause in enumerate(_PAUSES):
            if not self.records().open:
                return
            self.account.completion.clock.wait(pause)
            try:
                triggers[turn % len(triggers)](self)
            except (Crash, AwsError):
                continue  # an invocation that died

    def forget(self) -> None:
        """Remove what is over from the log: the longer it is, the slower moto gets."""
        log, over = self.account.settings.tables.log, self.records().over
        for entry in over:
            key = {"applicationName": {"S": APPLICATION}, "entry": {"S": entry}}
            self.account.plain("dynamodb").delete_item(TableName=log, Key=key)

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


def schedule(world: World) -> object:
    """Wake the service as the schedule does."""
    return handlers.reconcile.handle(SCHEDULE, None, world.cloud)


def event(world: World) -> object:
    """Wake the service as an event of ECS does."""
    return handlers.reconcile.handle(DEPLOYMENT_COMPLETED, None, world.cloud)


def read(world: World) -> object:
    """Ask how what is open stands."""
    for operation in world.records().open:
        resource = "/stacks/{applicationName}/operations/{id}"
        parameters = {"applicationName": operation.application, "id": operation.id}
        handled(http_event("GET", resource, parameters=parameters), world.cloud)
    return None


def _known(row: Row) -> tuple[Any, ...]:
    service = row.service
    known = service and (service.name, service.version, service.image, service.was_live)
    return row.status, row.url, known
