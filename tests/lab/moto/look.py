"""The state of AWS, read independently of the service."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from devops_core import details
from devops_core.adapters.dynamodb import items
from devops_core.adapters.dynamodb.attributes import Item
from devops_core.model.inventory import Row, RowStatus
from devops_core.model.operation import Event, Operation
from devops_core.settings import TableNames
from tests.lab.moto.account import Account
from tests.lab.moto.backends import backend

PRODUCTION, TEST = 80, 8080  # the ports of the two listeners


@dataclass(frozen=True, slots=True)
class Records:
    """The items of the tables: rows, operations by id, events by operation."""

    rows: list[Row]
    operations: dict[str, Operation]
    events: dict[str, list[Event]]

    @property
    def open(self) -> list[Operation]:
        """The operations in progress."""
        return [operation for operation in self.operations.values() if not operation.ended]

    @property
    def over(self) -> Iterator[Item]:
        """The keys of the records and events of ended operations."""
        for operation in self.operations.values():
            if operation.ended:
                yield items.operation_key(operation.application, operation.id)
                for event in self.events[operation.id]:
                    yield from map(_key, items.event_items(event))


def recorded(names: TableNames) -> Records:
    """Read the tables from moto's memory: a call takes 3 ms, and this runs at each write."""
    found = Records([], {}, {})
    in_time: list[Event] = []
    for table in (names.non_production, names.production, names.training_da):
        found.rows.extend(map(items.row_of, _items(table)))
    for item in sorted(_items(names.log), key=lambda item: str(item["entry"]["S"])):
        kind, _, identity = item["entry"]["S"].partition("#")
        if kind == "OPERATION":
            found.operations[identity] = items.operation_of(item, details.details_type)
        elif kind == "EVENT":
            event = items.event_of(item)
            found.events.setdefault(event.operation, []).append(event)
        elif kind == "TIME":
            in_time.append(items.event_of(item))
    _hold_listed(found, in_time)
    return found


def _hold_listed(found: Records, in_time: Sequence[Event]) -> None:
    """Check that each event is in both listings: of its application, and of all events."""
    listed = Counter((event.operation, event.key) for event in in_time)
    own = {(event.operation, event.key): 2 for some in found.events.values() for event in some}
    assert listed == own, f"events are not listed as they are: {listed} is not {own}"


def _key(item: Item) -> Item:
    return {name: item[name] for name in ("applicationName", "entry")}


def _items(table: str) -> Iterator[Mapping[str, Any]]:
    for item in backend("dynamodb").tables[table].all_items():
        yield item.to_json()["Attributes"]


@dataclass(frozen=True, slots=True)
class Seen:
    """The complete state of an application.

    `services` has the ECS services of active rows, `listeners` the slot behind each production
    listener by port, None if a listener does not forward to exactly one slot.
    """

    records: Records
    services: Mapping[str, Mapping[str, Any]]
    listeners: Mapping[int, str | None]


def around(account: Account) -> Seen:
    """Read the complete state by calls of AWS that are independent of the service."""
    records = recorded(account.settings.tables)
    rows = [row for row in records.rows if row.service and row.status is RowStatus.ACTIVE]
    if not rows:
        return Seen(records, {}, {})
    return Seen(records, _services(account, rows), _listeners(account, rows))


def _services(account: Account, rows: Sequence[Row]) -> dict[str, Mapping[str, Any]]:
    names = [row.service.name for row in rows if row.service]
    cluster = rows[0].application.name
    found = account.plain("ecs").describe_services(cluster=cluster, services=names)["services"]
    return {service["serviceName"]: service for service in found}


def _listeners(account: Account, rows: Sequence[Row]) -> dict[int, str | None]:
    slots = {row.service.target_group: row.service.name for row in rows if row.service}
    application, elb = rows[0].application, account.plain("elbv2")
    arns = [application.production_listener, application.test_listener]
    forwards = {}
    for listener in elb.describe_listeners(ListenerArns=arns)["Listeners"]:
        groups = [action.get("TargetGroupArn") for action in listener["DefaultActions"]]
        forwards[listener["Port"]] = slots.get(groups[0]) if len(groups) == 1 else None
    return forwards


def task_definitions() -> dict[str, Any]:
    """Return moto's task definitions by ARN."""
    families = backend("ecs").task_definitions.values()
    return {each.arn: each for family in families for each in family.values()}


def stacks(account: Account) -> list[Mapping[str, Any]]:
    """Return all stacks."""
    found: list[Mapping[str, Any]] = account.plain("cloudformation").describe_stacks()["Stacks"]
    return found
