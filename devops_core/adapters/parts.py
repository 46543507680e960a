"""The parts of the transactions: each thing that is written, and on which condition."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from devops_core import model
from devops_core.adapters import records
from devops_core.adapters.transactions import About, Part, check, delete, put, update

if TYPE_CHECKING:
    from devops_core.adapters.attributes import Item
    from devops_core.model import Event, Operation, Row
    from devops_core.ports import Claim, IdempotencyRecord
    from devops_core.settings import TableNames

_ABSENT = "attribute_not_exists(#applicationName)"
_AS_SEEN = "#revision = :seen"
_FREE_AS_SEEN = f"attribute_not_exists(#claim) AND {_AS_SEEN}"
# A row that somebody removed by hand must not keep its operation from ending.
_HELD = f"{_ABSENT} OR #claim = :operation"
_IN_PROGRESS_AS_SEEN = f"{_AS_SEEN} AND #status = :open"


class Parts:
    """Makes the parts for the tables of these names."""

    def __init__(self, names: TableNames) -> None:
        self._names = names

    def claim(self, claim: Claim, now: int) -> list[Part]:
        """Return what accepts an operation; a record of before `now` (epoch, s) has run out."""
        identity = claim.operation.id
        parts = [self._taken(row, identity) for row in claim.taken]
        parts += [self._unchanged(row) for row in claim.unchanged]
        parts += [self._new(row, identity) for row in claim.new]
        parts += self._reservation(claim.new)
        parts += [self.new_record(claim.operation), *self.events([claim.event])]
        if claim.idempotency:
            parts.append(self._idempotency_record(claim.idempotency, now))
        return parts

    def new_record(self, operation: Operation) -> Part:
        """Return the first write of an operation's record."""
        item = records.operation_item(operation, uuid4().hex)
        return Part(About.OPERATION, put(self._names.log, item, _ABSENT))

    def record(self, operation: Operation, write: str, *, seen: int) -> Part:
        """Return a write of a record that must be in progress and of the revision `seen`."""
        item = records.operation_item(operation, write)
        values = {"seen": seen, "open": model.Status.IN_PROGRESS.value}
        action = put(self._names.log, item, _IN_PROGRESS_AS_SEEN, **values)
        return Part(About.OPERATION, action)

    def events(self, events: Iterable[Event]) -> list[Part]:
        """Return the writes of events, each in all places where it is looked for."""
        items = [item for event in events for item in records.event_items(event)]
        return [Part(About.EVENT, put(self._names.log, item)) for item in items]

    def kept(self, row: Row, operation_id: str) -> Part:
        """Return the write of a row that its operation lets go."""
        item = records.row_item(replace(row, claim=None, revision=row.revision + 1))
        action = put(self._table(row), item, _HELD, operation=operation_id)
        return Part(About.ROW, action, row)

    def removed(self, row: Row, operation_id: str) -> Part:
        """Return the removal of a row that its operation held."""
        action = delete(self._table(row), _key(row), _HELD, operation=operation_id)
        return Part(About.ROW, action, row)

    def name_given_back(self, application: str) -> Part:
        """Return the removal of a name's reservation."""
        return Part(About.NAME, delete(self._names.log, records.name_key(application)))

    def corrected(self, row: Row) -> Part:
        """Return the write of a row that must be as it was seen."""
        item = records.row_item(replace(row, revision=row.revision + 1))
        action = put(self._table(row), item, _AS_SEEN, seen=row.revision)
        return Part(About.ROW, action, row)

    def _taken(self, row: Row, operation_id: str) -> Part:
        change = "SET #claim = :operation, #revision = #revision + :one"
        values = {"operation": operation_id, "seen": row.revision, "one": 1}
        action = update(self._table(row), _key(row), change, _FREE_AS_SEEN, **values)
        return Part(About.ROW, action, row)

    def _unchanged(self, row: Row) -> Part:
        action = check(self._table(row), _key(row), _FREE_AS_SEEN, seen=row.revision)
        return Part(About.ROW, action, row)

    def _new(self, row: Row, operation_id: str) -> Part:
        item = records.row_item(replace(row, claim=operation_id))
        return Part(About.NEW_ROW, put(self._table(row), item, _ABSENT), row)

    def _reservation(self, rows: Iterable[Row]) -> list[Part]:
        applications = {row.application.name: row.application for row in rows}
        return [
            Part(About.NAME, put(self._names.log, records.name_item(each), _ABSENT))
            for each in applications.values()
        ]

    def _idempotency_record(self, record: IdempotencyRecord, now: int) -> Part:
        item = records.idempotency_record_item(record)
        condition = f"{_ABSENT} OR #expiresAt < :now"
        return Part(About.IDEMPOTENCY_RECORD, put(self._names.log, item, condition, now=now))

    def _table(self, row: Row) -> str:
        return records.table_of(row.environment, self._names)


def _key(row: Row) -> Item:
    return records.row_key(row.application.name, row.environment)
