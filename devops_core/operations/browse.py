"""What callers look through: applications and how they are, operations, events. Nothing is changed.

What is told is what the last write has left, also when that was a moment ago.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from devops_core.errors import NotFoundError
from devops_core.model import EventSearch, Inventory, Page
from devops_core.naming import APPLICATION_NAME, Environment

if TYPE_CHECKING:
    from devops_core.model import Event, Operation
    from devops_core.ports import Cloud
    from devops_core.requests.reads import EventsRequest, PageRequest, StacksRequest

# How many applications one page looks at, at least, before it is given out with what was found.
_MAX_EXAMINED = 200


def applications(cloud: Cloud, wanted: StacksRequest) -> Page[Inventory]:
    """Return the applications that have rows as they are asked for, with those rows only."""
    environments = (wanted.environment,) if wanted.environment else tuple(Environment)
    found: list[Inventory] = []
    examined, after, limit = 0, wanted.page.after, wanted.page.limit
    while True:
        names = cloud.listing.applications(wanted.team, after, limit)
        looked = cloud.listing.inventories(names.items, environments)
        for name, inventory in zip(names.items, looked, strict=True):
            shown = _matching(inventory, wanted)
            if shown.rows and len(found) == limit:
                return Page(tuple(found), after)
            found += [shown] if shown.rows else []
            after = name.lower()
        examined += len(names.items)
        after = names.next
        if after is None or len(found) == limit or examined >= _MAX_EXAMINED:
            return Page(tuple(found), after)


def _matching(inventory: Inventory, wanted: StacksRequest) -> Inventory:
    return Inventory(
        {
            environment: row
            for environment, row in inventory.rows.items()
            if wanted.status in (None, row.status)
            if wanted.version is None or (row.service and row.service.version == wanted.version)
        }
    )


def application(cloud: Cloud, name: str) -> Inventory:
    """Return all rows of an application; NotFoundError when there is none."""
    _check(name)
    inventory, _ = cloud.tables.inventory(name)
    return inventory if inventory.rows else _missing("application")


def operations(cloud: Cloud, name: str, page: PageRequest) -> Page[Operation]:
    """Return the operations of an application, also one that is deleted; NotFoundError for none."""
    _check(name)
    found = cloud.listing.operations(name, page.after, page.limit)
    return found if found.items or page.after else _missing("application")


def events(cloud: Cloud, name: str | None, wanted: EventsRequest) -> Page[Event]:
    """Return events of an application, also one that is deleted, or of all without a name.

    Raises NotFoundError when there never was anything of that application or operation.
    """
    if name is not None:
        _check(name)
    search = EventSearch(
        application=name, operation=wanted.operation, since=wanted.since, until=wanted.until
    )
    found = cloud.listing.events(search, wanted.page.after, wanted.page.limit)
    if found.items or found.next:
        return found
    whole = EventSearch(application=name, operation=wanted.operation)
    if whole != EventSearch() and not cloud.listing.events(whole, None, 1).items:
        _missing("operation" if wanted.operation else "application")
    return found


def _check(name: str) -> None:
    # What cannot be a name is not asked for: DynamoDB refuses a key that is too long.
    if not APPLICATION_NAME.fullmatch(name):
        _missing("application")


def _missing(what: str) -> NoReturn:
    raise NotFoundError(f"there is no such {what}")
