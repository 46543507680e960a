"""Lists of applications, operations and events, by reads that include the last write."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from devops_core.errors import NotFoundError, no_application
from devops_core.model.inventory import Inventory, RowStatus
from devops_core.model.listing import EventSearch, Page
from devops_core.naming import APPLICATION_NAME, Environment

if TYPE_CHECKING:
    from devops_core.model.inventory import Row
    from devops_core.model.operation import Event, Operation
    from devops_core.ports import Cloud
    from devops_core.requests.reads import EventsRequest, PageRequest, StacksRequest

# A page ends after this number of examined applications, even if few of them match.
_MAX_EXAMINED = 200


def applications_page(cloud: Cloud, query: StacksRequest) -> Page[Inventory]:
    """Return a page of the applications with matching rows, each with its matching rows."""
    environments = (query.environment,) if query.environment else tuple(Environment)
    found: list[Inventory] = []
    examined, after, limit = 0, query.page.after, query.page.limit
    while True:
        names = cloud.listing.applications(query.team, after, limit)
        inventories = cloud.listing.inventories(names.items, environments)
        for name, inventory in zip(names.items, inventories, strict=True):
            matching = _matching(inventory, query)
            if matching.rows and len(found) == limit:
                return Page(tuple(found), after)
            found += [matching] if matching.rows else []
            after = name.lower()
        examined += len(names.items)
        after = names.next
        if after is None or len(found) == limit or examined >= _MAX_EXAMINED:
            return Page(tuple(found), after)


def _matching(inventory: Inventory, query: StacksRequest) -> Inventory:
    rows = {
        environment: row
        for environment, row in inventory.rows.items()
        if query.status in (None, row.status)
        if query.version is None or _runs(row, query.version)
    }
    return Inventory(rows, inventory.record)


def _runs(row: Row, version: str) -> bool:
    """Return whether an environment runs a version; a partly deleted one may run nothing."""
    service = row.service if row.status is RowStatus.ACTIVE else None
    return service is not None and service.version == version


def one_application(cloud: Cloud, name: str) -> Inventory:
    """Return all rows of an application; NotFoundError if it does not exist."""
    _require_possible(name)
    inventory, _ = cloud.tables.inventory(name)
    return inventory if inventory.rows else _no_application(name, cloud)


def operations_page(cloud: Cloud, name: str, page: PageRequest) -> Page[Operation]:
    """Return the operations of an existing or deleted application; NotFoundError without any."""
    _require_possible(name)
    found = cloud.listing.operations(name, page.after, page.limit)
    return found if found.items or page.after else _no_application(name, cloud)


def events_page(cloud: Cloud, name: str | None, query: EventsRequest) -> Page[Event]:
    """Return the events of an existing or deleted application, or of all without a name.

    Raises NotFoundError if the application or the operation never had an event.
    """
    if name is not None:
        _require_possible(name)
    search = EventSearch(
        application=name, operation=query.operation, since=query.since, until=query.until
    )
    found = cloud.listing.events(search, query.page.after, query.page.limit)
    if found.items or found.next:
        return found
    whole = EventSearch(application=name, operation=query.operation)
    if whole == EventSearch() or cloud.listing.events(whole, None, 1).items:
        return found
    if query.operation:
        raise NotFoundError(f"there are no events of operation {query.operation}")
    return _no_application(name or "", cloud)


def _require_possible(name: str) -> None:
    # DynamoDB refuses a key that is too long, so an impossible name is not looked up.
    if not APPLICATION_NAME.fullmatch(name):
        _no_application(name)


def _no_application(name: str, cloud: Cloud | None = None) -> NoReturn:
    """Raise NotFoundError; with `cloud` it names the application that differs only in case."""
    existing = cloud.tables.reserved(name) if cloud else None
    raise NotFoundError(no_application(name, existing))
