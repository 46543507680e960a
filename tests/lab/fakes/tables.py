"""The tables of DynamoDB: rows, specifications, operations, events and idempotency records."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from devops_core.errors import (
    SPECIFICATION,
    AlreadyExistsError,
    BusyError,
    ChangedMeanwhileError,
    LostClaimError,
)
from devops_core.model.claims import AlreadyClaimedError, Claim, Closing, IdempotencyRecord
from devops_core.model.inventory import Inventory, Row
from devops_core.model.listing import OpenOperation, Page
from devops_core.model.notification import Notification, OutboxKey, notifications
from devops_core.model.operation import Event, Operation
from devops_core.model.specification import ApplicationRecord, Revision
from devops_core.naming import Environment
from tests.lab.fakes.clock import FakeClock
from tests.lab.fakes.wire import Port, Wire, outgoing


class FakeTables(Port, port="tables"):
    """`ports.tables.Tables`; each transaction takes effect completely or not at all.

    `rows` has the inventory by application and environment, `records` the record of each
    application, `stored_revisions` its specification by number, `operations` the records by
    application and id, `events` the audit log by application, operation and key in the order of
    the writes, `outbox` the notifications that are not sent, `idempotency_records` the records by
    Idempotency-Key. `problems` is the result of `check`.
    `open_page` is the limit of a page of open operations, `position` that of the schedule,
    `waiting` the number of waiting calls by the window in which they began.
    """

    def __init__(self, wire: Wire, clock: FakeClock) -> None:
        super().__init__(wire)
        self._clock = clock
        self.rows: dict[tuple[str, Environment], Row] = {}
        self.records: dict[str, ApplicationRecord] = {}
        self.stored_revisions: dict[str, dict[int, Revision]] = defaultdict(dict)
        self.operations: dict[tuple[str, str], Operation] = {}
        self.events: dict[tuple[str, str, str], Event] = {}
        self.outbox: dict[OutboxKey, Notification] = {}
        self.idempotency_records: dict[str, IdempotencyRecord] = {}
        self.problems: dict[str, str] = {}
        self.open_page = 1000
        self.position: str | None = None
        self.waiting: Counter[int] = Counter()
        self._last = ""

    # --- the port: reads ---

    @outgoing
    def inventory(
        self, application: str, key: str | None = None, revision: int | None = None
    ) -> tuple[Inventory, IdempotencyRecord | None]:
        """Return the rows of an application, and the valid record of an Idempotency-Key."""
        inventory = self.inventory_of(application)
        record = inventory.record
        if record and revision not in (None, record.current):
            found = self.stored_revisions[application].get(revision or 0)
            record = record._replace(specification=found.specification) if found else None
        return replace(inventory, record=record), self._idempotency_record(key)

    @outgoing
    def revisions(self, application: str, numbers: Sequence[int]) -> Mapping[int, Revision]:
        """Return stored revisions by number."""
        stored = self.stored_revisions[application]
        return {number: stored[number] for number in numbers if number in stored}

    @outgoing
    def remove_revisions(self, application: str, operation_id: str) -> None:
        """Delete all stored revisions, unless another operation holds the record."""
        record = self.records.get(application)
        if record is None or record.claim == operation_id:
            self.stored_revisions[application].clear()

    @outgoing
    def reserved(self, application: str) -> str | None:
        """Return the application with a name, in upper or lower case."""
        names = (name for name, _ in self.rows)
        return next((name for name in names if name.lower() == application.lower()), None)

    @outgoing
    def operation(self, application: str, operation_id: str) -> Operation | None:
        """Return the record of an operation."""
        return self.operations.get((application, operation_id))

    @outgoing
    def applications(self, limit: int) -> list[str]:
        """Return the next applications; the first one follows the last one."""
        names = sorted({name for name, _ in self.rows})
        later = [name for name in names if name > self._last] or names
        turn = later[:limit]
        self._last = turn[-1] if turn and turn[-1] != names[-1] else ""
        return turn

    @outgoing
    def open_operations(self, after: str | None = None) -> Page[OpenOperation]:
        """Return a page of the operations in progress, in the order of their ids, as DynamoDB."""
        found = [
            OpenOperation(application, operation_id, operation.deadline)
            for (application, operation_id), operation in self.operations.items()
            if not operation.ended
        ]
        ordered = sorted(found, key=lambda each: each.position)
        later = [each for each in ordered if after is None or each.position > after]
        page = tuple(later[: self.open_page])
        return Page(page, page[-1].position if len(later) > len(page) else None)

    @outgoing
    def sweep_position(self) -> str | None:
        """Return the position of the schedule."""
        return self.position

    @outgoing
    def save_sweep_position(self, position: str) -> None:
        """Write the position of the schedule."""
        self.position = position

    @outgoing
    def begin_wait(self) -> tuple[str, int]:
        """Count a waiting call; the counters of two windows of 30 seconds matter."""
        window = int(self._clock.now().timestamp()) // 30
        self.waiting[window] += 1
        return str(window), self.waiting[window] + self.waiting[window - 1]

    @outgoing
    def end_wait(self, window: str) -> None:
        """Count the end of a waiting call."""
        self.waiting[int(window)] -= 1

    @outgoing
    def check(self) -> Mapping[str, str]:
        """Return the prepared problems."""
        return dict(self.problems)

    # --- the port: transactions ---

    @outgoing
    def claim(self, claim: Claim) -> None:
        """Accept an operation."""
        operation = claim.operation
        used = self._idempotency_record(claim.idempotency.key) if claim.idempotency else None
        if used:
            raise AlreadyClaimedError(used)
        self._check_new(claim)
        for row in (*claim.taken, *claim.unchanged):
            self._check_free(row)
        self._check_record(claim)
        if any((row.application.name, row.environment) in self.rows for row in claim.new):
            raise ChangedMeanwhileError(
                f"the inventory of {operation.application} changed at the same moment: repeat the"
                " call"
            )
        assert (operation.application, operation.id) not in self.operations, "an id is used once"
        for row in claim.taken:
            stored = self.rows[row.application.name, row.environment]
            taken = row if row in claim.corrected else stored
            self._put(replace(taken, claim=operation.id, revision=row.revision + 1))
        for row in claim.new:
            self._put(replace(row, claim=operation.id))
        self._write_record(claim)
        self.operations[operation.application, operation.id] = operation
        self._log(operation, [claim.event])
        if claim.idempotency:
            self.idempotency_records[claim.idempotency.key] = claim.idempotency

    @outgoing
    def save(
        self,
        operation: Operation,
        events: Sequence[Event] = (),
        idempotency: IdempotencyRecord | None = None,
    ) -> Operation:
        """Write an operation with its new events, unless its record has changed since the read."""
        used = self._idempotency_record(idempotency.key) if idempotency else None
        if used:
            raise AlreadyClaimedError(used)
        self._check_unchanged(operation)
        if idempotency:
            self.idempotency_records[idempotency.key] = idempotency
        saved = replace(operation, revision=operation.revision + 1)
        self.operations[operation.application, operation.id] = saved
        self._log(saved, events)
        return saved

    @outgoing
    def close(self, closing: Closing) -> None:
        """End an operation."""
        operation = closing.operation
        self._check_unchanged(operation)
        for row in (*closing.kept, *closing.removed):
            held = self.rows.get((row.application.name, row.environment))
            # An operation can end although one of its rows was removed by hand.
            if held and held.claim != operation.id:
                raise LostClaimError(operation.id)
        record = self.records.get(operation.application)
        if closing.releases_record and record and record.claim != operation.id:
            raise LostClaimError(operation.id)
        ended = replace(operation, revision=operation.revision + 1, lease_until=None)
        self.operations[operation.application, operation.id] = ended
        for row in closing.kept:
            self._put(replace(row, claim=None, revision=row.revision + 1))
        for row in closing.removed:
            self.rows.pop((row.application.name, row.environment), None)
        if closing.ends_application:
            self.records.pop(operation.application, None)
            self.stored_revisions[operation.application].pop(operation.spec or 0, None)
        elif closing.releases_record and record:
            stack = closing.stack or record.stack
            present = closing.specification or record.specification
            self.records[operation.application] = record._replace(
                claim=None, stack=stack, specification=present, current=present.revision
            )
        self._log(ended, [*closing.events, closing.event])

    @outgoing
    def correct(self, closing: Closing) -> None:
        """Write an ended operation with its rows, unless a row has changed since the read."""
        operation = closing.operation
        for row in closing.kept:
            there = self.rows.get((row.application.name, row.environment))
            if there is None or there.revision != row.revision:
                raise ChangedMeanwhileError("a row has changed")
        record = self.records.get(operation.application)
        if closing.freed and (record is None or record.claim != closing.freed):
            raise ChangedMeanwhileError("the record has changed")
        assert (operation.application, operation.id) not in self.operations, "an id is used once"
        self.operations[operation.application, operation.id] = operation
        for row in closing.kept:
            self._put(replace(row, revision=row.revision + 1))
        if closing.freed and record:
            self.records[operation.application] = record._replace(claim=None)
        self._log(operation, [*closing.events, closing.event])

    @outgoing
    def count_refusal(self, event: Event) -> None:
        """Write the event of a refused call, or add it to the stored one."""
        key = event.application, event.operation, event.key
        stored = self.events.get(key)
        if stored:
            count = (stored.count or 0) + (event.count or 0)
            event = replace(event, count=count, first_time=stored.first_time)
        self.events[key] = event

    # --- for tests, without outgoing calls ---

    def inventory_of(self, application: str) -> Inventory:
        """Return the rows of an application."""
        rows = {name: self.rows[application, name] for name in Environment
                if (application, name) in self.rows}  # fmt: skip
        return Inventory(rows, self.records.get(application))

    def in_progress(self) -> list[tuple[str, str]]:
        """Return the application and the id of each operation in progress."""
        return [key for key, operation in self.operations.items() if not operation.ended]

    def events_of(self, application: str, operation_id: str | None = None) -> list[Event]:
        """Return the events of an application or of one operation, in order of their keys."""
        found = [
            (key, event)
            for key, event in self.events.items()
            if key[0] == application and operation_id in (None, key[1])
        ]
        return [event for _, event in sorted(found, key=lambda pair: pair[0])]

    # --- parts of the transactions ---

    def _idempotency_record(self, key: str | None) -> IdempotencyRecord | None:
        record = self.idempotency_records.get(key) if key is not None else None
        valid = record and record.expires_at >= int(self._clock.now().timestamp())
        return record if valid else None

    def _check_new(self, claim: Claim) -> None:
        if claim.record and claim.record.seen:
            return
        for name in {row.application.name for row in claim.new}:
            for (other, _), there in self.rows.items():
                if other.lower() == name.lower():
                    raise AlreadyExistsError.of(name, other, there.claim)

    def _check_free(self, seen: Row) -> None:
        row = self.rows.get((seen.application.name, seen.environment))
        name = seen.application.name
        if row and row.claim:
            raise BusyError(row.environment, name, row.claim)
        if row is None or row.revision != seen.revision:
            raise ChangedMeanwhileError(
                f"the inventory of {name} changed at the same moment: repeat the call"
            )

    def _check_record(self, claim: Claim) -> None:
        part, name = claim.record, claim.operation.application
        stored = self.records.get(name)
        if part is None or (part.seen is None and part.new is None):
            return
        if part.seen is None:
            assert stored is None, "a record without rows"
            return
        if part.taken and stored and stored.claim:
            raise BusyError(SPECIFICATION, name, stored.claim)
        if stored is None or stored.current != part.seen.current:
            raise ChangedMeanwhileError(
                f"the inventory of {name} changed at the same moment: repeat the call"
            )

    def _write_record(self, claim: Claim) -> None:
        part, name = claim.record, claim.operation.application
        if part is None:
            return
        if part.revision:
            number = part.revision.specification.revision
            assert number not in self.stored_revisions[name], "a revision is written once"
            self.stored_revisions[name][number] = part.revision
        record = part.new or self.records.get(name)
        if record and part.revision and not part.new:
            record = record._replace(latest=part.revision.specification.revision)
        if record and (part.taken or part.new):
            holder = claim.operation.id if part.taken else None
            self.records[name] = record._replace(claim=holder)

    def _check_unchanged(self, operation: Operation) -> None:
        stored = self.operations.get((operation.application, operation.id))
        if stored is None or stored.ended or stored.revision != operation.revision:
            raise LostClaimError(operation.id)

    def _put(self, row: Row) -> None:
        self.rows[row.application.name, row.environment] = row

    def _log(self, operation: Operation, events: Sequence[Event]) -> None:
        for event in events:
            key = event.application, event.operation, event.key
            assert key not in self.events, f"event {key} is written twice"
            self.events[key] = event
        for each in notifications(operation, events):
            entry = f"DUE#{each.time.isoformat(timespec='milliseconds')}#{each.id}"
            self.outbox[OutboxKey(each.application, entry)] = each
