"""DynamoDB page by page: names of applications, inventories, operations and events.

Every read is a consistent query of one partition of the log table, or a consistent read of rows by
their keys. Nothing scans a table or queries an index, because reads of an index are not consistent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple

from devops_core.adapters.aws.errors import translated
from devops_core.adapters.dynamodb import items
from devops_core.adapters.dynamodb.attributes import Item, encode
from devops_core.errors import InvalidRequestError
from devops_core.model.inventory import Inventory, Row
from devops_core.model.listing import EventSearch, Page
from devops_core.model.operation import Event, Operation
from devops_core.model.specification import ApplicationRecord
from devops_core.model.times import timestamp
from devops_core.naming import Environment
from devops_core.settings import TableNames

# Items that DynamoDB reads for one page before a page with fewer items than its limit is returned.
_MAX_EXAMINED = 2000
# Items that DynamoDB reads in one query with a filter.
_CHUNK = 500
# Largest difference between the clocks of two functions: one makes an operation's id, another may
# write its first event.
_CLOCK_SKEW = timedelta(minutes=5)
# Sorts after every character of a key.
_LAST = "\x7f"


class _KeyRange(NamedTuple):
    """The entries of a partition from `low` to `high`, filtered by `conditions`.

    `values` are the values in conditions like "#time < :until", by name without the colon.
    """

    partition: str
    low: str
    high: str
    newest_first: bool = True
    conditions: tuple[str, ...] = ()
    values: Mapping[str, str] | None = None

    def query(self, after: str | None, limit: int) -> dict[str, Any]:
        """Return the parameters of the Query call that continues after an entry."""
        words = " ".join(self.conditions).split()
        names = {word: word[1:] for word in words if word.startswith("#")}
        bounds = {"partition": self.partition, "low": self.low, "high": self.high}
        values = {f":{name}": value for name, value in (bounds | dict(self.values or {})).items()}
        start = {"applicationName": self.partition, "entry": after} if after else {}
        return {
            "KeyConditionExpression": "#partition = :partition AND #entry BETWEEN :low AND :high",
            "ExpressionAttributeNames": {"#partition": "applicationName", "#entry": "entry"}
            | names,
            "ExpressionAttributeValues": encode(values),
            "ConsistentRead": True,
            "ScanIndexForward": not self.newest_first,
            "Limit": _CHUNK if self.conditions else limit,
            **({"FilterExpression": " AND ".join(self.conditions)} if self.conditions else {}),
            **({"ExclusiveStartKey": encode(start)} if start else {}),
        }


class DynamoListing:
    """`ports.tables.Listing` over DynamoDB; `gather` runs calls concurrently."""

    def __init__(
        self,
        client: Any,
        names: TableNames,
        gather: Callable[[Sequence[Callable[[], Any]]], list[Any]],
        details_type: items.DetailsType,
    ) -> None:
        self._details_type = details_type
        self._client = client
        self._names = names
        self._gather = gather

    def applications(self, team: str | None, after: str | None, limit: int) -> Page[str]:
        """Return the names of all applications, or of a team's, in alphabetical order."""
        names = _KeyRange(
            partition=items.NAMES,
            low=" ",
            high=_LAST,
            newest_first=False,
            conditions=("#technicalTeam = :team",) if team else (),
            values={"team": team} if team else None,
        )
        page = self._query_page(names, after, limit)
        return Page(tuple(item["name"]["S"] for item in page.items), page.next)

    def inventories(
        self, applications: Sequence[str], environments: Sequence[Environment]
    ) -> list[Inventory]:
        """Return the inventories of applications, in their order, with rows of `environments`."""
        keys = [
            (table, key)
            for application in applications
            for table, some in items.row_keys(application, environments, self._names).items()
            for key in some
        ]
        keys += [(self._names.log, items.record_key(application)) for application in applications]
        size = items.MAX_KEYS
        batches = [_by_table(keys[start : start + size]) for start in range(0, len(keys), size)]
        calls = [partial(items.batch_get, self._client, batch) for batch in batches]
        rows: dict[str, list[Row]] = defaultdict(list)
        records: dict[str, ApplicationRecord] = {}
        for found in self._gather(calls):
            for item in found.pop(self._names.log, []):
                records[items.application_of(item)] = items.record_of(item)
            for item in (item for some in found.values() for item in some):
                row = items.row_of(item)
                rows[row.application.name].append(row)
        return [items.inventory_of(rows[name], records.get(name)) for name in applications]

    def operations(self, application: str, after: str | None, limit: int) -> Page[Operation]:
        """Return the operations of an application, the newest first."""
        low = items.OPERATION
        page = self._query_page(_KeyRange(application, low, low + _LAST), after, limit)
        found = (items.operation_of(item, self._details_type) for item in page.items)
        return Page(tuple(found), page.next)

    def events(self, search: EventSearch, after: str | None, limit: int) -> Page[Event]:
        """Return events, the newest first."""
        application = search.application
        if search.operation and application is None:
            application = self._application_of(search.operation)
            if application is None:
                return Page(())
        page = self._query_page(_event_range(search, application), after, limit)
        return Page(tuple(map(items.event_of, page.items)), page.next)

    def _application_of(self, operation_id: str) -> str | None:
        """Return the application of an operation, from the first event near the id's time."""
        from devops_core.operation_id import operation_time

        try:
            created = operation_time(operation_id)
            since, until = timestamp(created - _CLOCK_SKEW), timestamp(created + _CLOCK_SKEW)
        except OverflowError:
            return None  # the time of a valid id can be after the year 9999
        first_events = _KeyRange(
            partition=items.EVENTS,
            low=items.TIME + since,
            high=items.TIME + until,
            newest_first=False,
            conditions=("#operation = :operation",),
            values={"operation": operation_id},
        )
        found = self._query_page(first_events, None, 1).items
        return items.event_of(found[0]).application if found else None

    @translated()
    def _query_page(self, keys: _KeyRange, after: str | None, limit: int) -> Page[Item]:
        if after is not None and not keys.low <= after <= keys.high:
            raise InvalidRequestError(
                [("nextToken", "must be the nextToken of a page of this call")]
            )
        if keys.low > keys.high:
            return Page(())
        found: list[Item] = []
        examined = 0
        while True:
            # One item more than the limit shows whether there is another page.
            query = keys.query(after, limit + 1 - len(found))
            response = self._client.query(TableName=self._names.log, **query)
            found += response["Items"]
            examined += response["ScannedCount"]
            after = response.get("LastEvaluatedKey", {}).get("entry", {}).get("S")
            if len(found) > limit:
                return Page(tuple(found[:limit]), found[limit - 1]["entry"]["S"])
            if after is None or examined >= _MAX_EXAMINED:
                return Page(tuple(found), after)


def _event_range(search: EventSearch, application: str | None) -> _KeyRange:
    since = timestamp(search.since) if search.since else None
    until = timestamp(search.until) if search.until else None
    partition = application or items.EVENTS
    if search.operation is None:
        return _KeyRange(partition, items.TIME + (since or ""), items.TIME + (until or _LAST))
    own = f"{items.EVENT}{search.operation}#"
    bounds = (("#time >= :since", "since", since), ("#time < :until", "until", until))
    return _KeyRange(
        partition=partition,
        low=own,
        high=own + _LAST,
        conditions=tuple(condition for condition, _, value in bounds if value),
        values={name: value for _, name, value in bounds if value},
    )


def _by_table(keys: Iterable[tuple[str, Item]]) -> dict[str, list[Item]]:
    tables: dict[str, list[Item]] = defaultdict(list)
    for table, key in keys:
        tables[table].append(key)
    return tables
