"""Lists of applications, operations and events in pages, from the tables in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from devops_core.errors import InvalidRequestError
from devops_core.model.inventory import Inventory
from devops_core.model.listing import EventSearch, Page
from devops_core.model.operation import Event, Operation
from devops_core.naming import Environment
from tests.lab.fakes.tables import FakeTables
from tests.lab.fakes.wire import Port, Wire, outgoing

T = TypeVar("T")


class FakeListing(Port, port="listing"):
    """`ports.tables.Listing`.

    As in the adapter, a page continues after the key of the previous item.
    """

    def __init__(self, wire: Wire, tables: FakeTables) -> None:
        super().__init__(wire)
        self._tables = tables

    @outgoing
    def applications(self, team: str | None, after: str | None, limit: int) -> Page[str]:
        """Return the names of all applications, or of those of a team."""
        teams = {
            name: row.application.technical_team for (name, _), row in self._tables.rows.items()
        }
        keyed = sorted((name.lower(), name) for name in teams if team in (None, teams[name]))
        return _page(keyed, after, limit)

    @outgoing
    def inventories(
        self, applications: Sequence[str], environments: Sequence[Environment]
    ) -> list[Inventory]:
        """Return the rows of applications in some environments."""
        return [self._inventory(name, environments) for name in applications]

    @outgoing
    def operations(self, application: str, after: str | None, limit: int) -> Page[Operation]:
        """Return the operations of an application, the newest first."""
        keyed = [
            (f"OPERATION#{key}", operation)
            for (name, key), operation in self._tables.operations.items()
            if name == application
        ]
        return _newest_first(keyed, after, limit)

    @outgoing
    def events(self, search: EventSearch, after: str | None, limit: int) -> Page[Event]:
        """Return events, the newest first."""
        keyed = [
            (f"TIME#{event.time.isoformat()}#{operation}#{key}", event)
            for (_, operation, key), event in self._tables.events.items()
            if _is_searched(event, search)
        ]
        return _newest_first(keyed, after, limit)

    def _inventory(self, name: str, environments: Sequence[Environment]) -> Inventory:
        inventory = self._tables.inventory_of(name)
        rows = {each: row for each, row in inventory.rows.items() if each in environments}
        return Inventory(rows, inventory.record)


def _is_searched(event: Event, search: EventSearch) -> bool:
    return (
        search.application in (None, event.application)
        and search.operation in (None, event.operation)
        and (search.since is None or search.since <= event.time)
        and (search.until is None or event.time < search.until)
    )


def _newest_first(keyed: Iterable[tuple[str, T]], after: str | None, limit: int) -> Page[T]:
    if after is not None and "#" not in after:
        raise InvalidRequestError([("nextToken", "must be the nextToken of a page of this call")])
    newest = sorted(keyed, key=lambda pair: pair[0], reverse=True)
    return _page([pair for pair in newest if after is None or pair[0] < after], None, limit)


def _page(keyed: Iterable[tuple[str, T]], after: str | None, limit: int) -> Page[T]:
    assert 1 <= limit <= 100
    rest = [(key, item) for key, item in keyed if after is None or key > after]
    items = tuple(item for _, item in rest[:limit])
    return Page(items, rest[limit - 1][0] if len(rest) > limit else None)
