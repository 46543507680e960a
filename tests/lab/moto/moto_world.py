"""An account in moto."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import handlers.reconcile
from devops_core.model.inventory import Row
from tests.lab.client import Reply, handled
from tests.lab.fakes.clock import FakeClock
from tests.lab.moto.account import Account
from tests.lab.moto.backends import backend
from tests.lab.moto.moto_snapshot import MotoSnapshot
from tests.lab.moto.transport import undisturbed
from tests.lab.promises import Watch
from tests.lab.snapshot import LISTENERS, service_of
from tests.lab.world import APPLICATION, Request, create
from tests.lab.world import World as BaseWorld


class World(BaseWorld):
    """A prepared account and a process of the service in it."""

    # First a little more than a lease; later so much that the operations approach their limits.
    pauses: ClassVar[Sequence[float]] = [70] * 6 + [600] * 20
    creation: ClassVar[Request] = create(environments={"nonProd": ["dev", "qa"], "da": True})

    def __init__(self, account: Account) -> None:
        self.account = account
        self.cloud = account.cloud()
        # Calls that only read change nothing, and a check takes as long as a call.
        self.watcher = Watch(account.wire, self.records, reads=False)
        self.going = next((operation for _, operation in self.in_progress()), "")

    @property
    def clock(self) -> FakeClock:
        """The clock of the service and of AWS."""
        return self.account.clock

    def records(self) -> MotoSnapshot:
        """Return the present state of the account."""
        return MotoSnapshot(self.account)

    def in_progress(self) -> Sequence[tuple[str, str]]:
        """Return the application and the id of each open operation."""
        return [(operation.application, operation.id) for operation in self.records().open]

    def send(self, event: Mapping[str, Any]) -> Reply:
        """Send an event of API Gateway to its handler."""
        return handled(event, self.cloud)

    def wake(self, event: Mapping[str, Any]) -> int:
        """Send an event to the reconcile handler; return the number of operations."""
        return int(handlers.reconcile.handle(event, None, self.cloud)["operations"])

    def heal(self) -> None:
        """Remove all faults."""
        self.account.wire.fault = undisturbed

    def rest(self) -> None:
        """Complete everything that is in progress in AWS."""
        self.account.completion.endless.clear()

    def end(self) -> dict[str, Any]:
        """Return the members of the final state that do not depend on the time."""
        seen = self.records()
        ends: dict[str, Any] = {
            f"{operation.kind} {operation.version}": operation.status
            for operation in seen.operations.values()
        }
        ends |= {row.environment.value: _known(row) for row in seen.rows}
        ends |= self.specification()
        for (_, name), service in seen.services.items():
            definition = backend("ecs").describe_task_definition(service.task_definition)
            ends[f"service {name}"] = definition.container_definitions, service.desired
        for listener in LISTENERS if seen.rows else ():
            weights = seen.weights(APPLICATION, listener) or {}
            ends[listener] = {service_of(APPLICATION, arn): one for arn, one in weights.items()}
        return ends

    def forget(self) -> None:
        """Remove ended operations from the log, because moto is slow with many items."""
        log, over = self.account.settings.tables.log, self.records().over
        for key in over:
            self.account.plain("dynamodb").delete_item(TableName=log, Key=key)
        remaining = {operation for _, operation in self.in_progress()}
        sent = self.account.completion.sent
        sent -= {each for each in sent if each.partition("-")[0] not in remaining}


def _known(row: Row) -> tuple[Any, ...]:
    service = row.service
    known = service and (service.name, service.version, service.image, service.was_live)
    return row.status, row.drift, known
