"""The rows, operations and events in the items of DynamoDB tables, for the promises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property

from devops_core import details
from devops_core.adapters.dynamodb import items
from devops_core.adapters.dynamodb.attributes import Item
from devops_core.model.inventory import Row
from devops_core.model.operation import Event, Operation
from devops_core.model.specification import ApplicationRecord, Specification


class TableItems:
    """The tables of an installation; `read` returns the items of tables by their names."""

    def __init__(
        self, read: Callable[[str], Iterable[Item]], inventory: Sequence[str], log: str
    ) -> None:
        self._read = read
        self._inventory = inventory
        self._log_table = log

    @cached_property
    def rows(self) -> Collection[Row]:
        """The inventory."""
        return [items.row_of(item) for table in self._inventory for item in self._read(table)]

    @cached_property
    def records(self) -> Mapping[str, ApplicationRecord]:
        """The records of applications, with their present specifications, by name."""
        found = self._log("APPLICATION")
        return {items.application_of(item): items.record_of(item) for item in found}

    @cached_property
    def specifications(self) -> Mapping[tuple[str, int], Specification]:
        """The stored revisions by application and number."""
        found = [
            (items.application_of(item), items.revision_of(item)) for item in self._log("SPEC")
        ]
        return {
            (application, each.specification.revision): each.specification
            for application, each in found
        }

    @cached_property
    def operations(self) -> Mapping[str, Operation]:
        """The operations by id, in the order of their acceptance."""
        found = (items.operation_of(item, details.details_type) for item in self._log("OPERATION"))
        return {each.id: each for each in sorted(found, key=lambda operation: operation.id)}

    @cached_property
    def events(self) -> Mapping[str, Sequence[Event]]:
        """The events by operation, in the order of their keys."""
        found: dict[str, list[Event]] = {}
        for event in map(items.event_of, self._log("EVENT")):
            found.setdefault(event.operation, []).append(event)
        return found

    @property
    def outbox(self) -> Sequence[str]:
        """The ids of the notifications that are not sent."""
        return [items.notification_of(item).id for item in self._log("DUE")]

    @property
    def listed(self) -> Counter[tuple[str, str]]:
        """The number of entries of each event in the listings by time."""
        events = map(items.event_of, self._log("TIME"))
        return Counter((event.operation, event.key) for event in events)

    def _log(self, kind: str) -> Sequence[Item]:
        return self._items_of_log.get(kind, ())

    @cached_property
    def _items_of_log(self) -> Mapping[str, Sequence[Item]]:
        """The items of the log by the first word of their keys, in the order of the keys."""
        found: dict[str, list[Item]] = {}
        for item in sorted(self._read(self._log_table), key=lambda item: str(item["entry"]["S"])):
            found.setdefault(item["entry"]["S"].partition("#")[0], []).append(item)
        return found
