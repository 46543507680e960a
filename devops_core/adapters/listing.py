"""DynamoDB, page by page: names of applications, inventories, operations, events.

Everything is a consistent query of one partition of the log table, or rows by their keys: no table
is scanned, and no index is asked, which would be without what was just written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from devops_core.adapters import records
from devops_core.adapters.attributes import Item, encode, timestamp
from devops_core.adapters.batches import MAX_KEYS, read
from devops_core.adapters.translate import translated
from devops_core.errors import InvalidRequestError
from devops_core.model import Event, EventSearch, Inventory, Operation, Page, Row
from devops_core.naming import Environment
from devops_core.settings import TableNames

# How many items one page looks at, at least, before it is given out with what was found so far.
_MAX_EXAMINED = 2000
# How many items one query looks at when most of them are not what is asked for.
_CHUNK = 500
# Between the time in an operation's id and that of its first event lie the clocks of two functions.
_CLOCKS = timedelta(minutes=5)
# Sorts after everything that follows the beginning of a key.
_LAST = "\x7f"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """Entries of one partition from `low` to `high`, of these only what meets the conditions.

    `values` are what conditions like "#time < :until" speak of, by name without the colon.
    """

    partition: str
    low: str
    high: str
    newest_first: bool = True
    conditions: tuple[str, ...] = ()
    values: dict[str, str] = field(default_factory=dict)

    def query(self, after: str | None, limit: int) -> dict[str, Any]:
        """Return the parameters of the Query call that goes on after an entry."""
        words = " ".join(self.conditions).split()
        names = {word: word[1:] for word in words if word.startswith("#")}
        values = {"partition": self.partition, "low": self.low, "high": self.high} | self.values
        start = {"applicationName": self.partition, "entry": after} if after else {}
        return {
            "KeyConditionExpression": "#partition = :partition AND #entry BETWEEN :low AND :high",
            "ExpressionAttributeNames": {"#partition": "applicationName", "#entry": "entry"}
            | names,
            "ExpressionAttributeValues": encode({f":{name}": one for name, one in values.items()}),
            "ConsistentRead": True,
            "ScanIndexForward": not self.newest_first,
            "Limit": _CHUNK if self.conditions else limit,
            **({"FilterExpression": " AND ".join(self.conditions)} if self.conditions else {}),
            **({"ExclusiveStartKey": encode(start)} if start else {}),
        }


class DynamoListing:
    """`ports.Listing` over DynamoDB; `together` makes calls at the same time."""

    def __init__(
        self,
        client: Any,
        names: TableNames,
        together: Callable[[Sequence[Callable[[], Any]]], list[Any]],
    ) -> None:
        self._client = client
        self._names = names
        self._together = together

    def applications(self, team: str | None, after: str | None, limit: int) -> Page[str]:
        """Return the names of all applications, or of those of a team, in alphabetical order."""
        span = _Span(
            partition=records.NAMES,
            low=" ",
            high=_LAST,
            newest_first=False,
            conditions=("#technicalTeam = :team",) if team else (),
            values={"team": team} if team else {},
        )
        page = self._page(span, after, limit)
        return Page(tuple(item["name"]["S"] for item in page.items), page.next)

    def inventories(
        self, applications: Sequence[str], environments: Sequence[Environment]
    ) -> list[Inventory]:
        """Return the rows of applications, in their order, as far as environments are asked for."""
        keys = [
            (table, key)
            for application in applications
            for table, some in records.row_keys(application, environments, self._names).items()
            for key in some
        ]
        batches = [keys[start : start + MAX_KEYS] for start in range(0, len(keys), MAX_KEYS)]
        answers = self._together([partial(read, self._client, _by_table(some)) for some in batches])
        rows: dict[str, list[Row]] = defaultdict(list)
        for item in (item for answer in answers for some in answer.values() for item in some):
            row = records.row_of(item)
            rows[row.application.name].append(row)
        return [records.inventory_of(rows[application]) for application in applications]

    def operations(self, application: str, after: str | None, limit: int) -> Page[Operation]:
        """Return the operations of an application, the newest first."""
        low = records.OPERATION
        page = self._page(_Span(partition=application, low=low, high=low + _LAST), after, limit)
        return Page(tuple(map(records.operation_of, page.items)), page.next)

    def events(self, search: EventSearch, after: str | None, limit: int) -> Page[Event]:
        """Return events, the newest first."""
        application = search.application
        if search.operation and application is None:
            application = self._application_of(search.operation)
            if application is None:
                return Page(())
        page = self._page(_events(search, application), after, limit)
        return Page(tuple(map(records.event_of, page.items)), page.next)

    def _application_of(self, operation_id: str) -> str | None:
        """Return whose an operation is: its first event is about as old as its id says."""
        from ulid import ULID

        try:
            begun = ULID.from_str(operation_id).datetime
            since, until = timestamp(begun - _CLOCKS), timestamp(begun + _CLOCKS)
        except (ValueError, OverflowError):
            return None  # an id may be of any time up to the year 10889
        span = _Span(
            partition=records.EVENTS,
            low=records.TIME + since,
            high=records.TIME + until,
            newest_first=False,
            conditions=("#operation = :operation",),
            values={"operation": operation_id},
        )
        found = self._page(span, None, 1).items
        return records.event_of(found[0]).application if found else None

    @translated()
    def _page(self, span: _Span, after: str | None, limit: int) -> Page[Item]:
        if after is not None and not span.low <= after <= span.high:
            raise InvalidRequestError([("nextToken", "is not of this list")])
        if span.low > span.high:
            return Page(())
        found: list[Item] = []
        examined = 0
        while True:
            # One more than asked for tells whether there is another page.
            query = span.query(after, limit + 1 - len(found))
            answer = self._client.query(TableName=self._names.log, **query)
            found += answer["Items"]
            examined += answer["ScannedCount"]
            after = answer.get("LastEvaluatedKey", {}).get("entry", {}).get("S")
            if len(found) > limit:
                return Page(tuple(found[:limit]), found[limit - 1]["entry"]["S"])
            if after is None or examined >= _MAX_EXAMINED:
                return Page(tuple(found), after)


def _events(search: EventSearch, application: str | None) -> _Span:
    since = timestamp(search.since) if search.since else None
    until = timestamp(search.until) if search.until else None
    if search.operation is None:
        return _Span(
            partition=application or records.EVENTS,
            low=records.TIME + (since or ""),
            high=records.TIME + (until or _LAST),
        )
    own = f"{records.EVENT}{search.operation}#"
    bounds = (("#time >= :since", "since", since), ("#time < :until", "until", until))
    return _Span(
        partition=application or records.EVENTS,
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
