"""DynamoDB: inventory rows, operation records, events, idempotency records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from devops_core.errors import AlreadyExistsError, BusyError, ChangedMeanwhileError, LostClaimError
from devops_core.model.inventory import Inventory, Row
from devops_core.model.operation import Event, Operation
from devops_core.naming import Environment
from devops_core.ports import AlreadyClaimedError, Claim, Closing, IdempotencyRecord
from tests.lab.fakes.clock import FakeClock
from tests.lab.fakes.wire import Wire


class FakeTables:
    """`ports.Tables` with the transactions that the port promises: all or nothing.

    State is public: `rows` by application and environment, `operations` by application and id,
    `events` by application, operation and key in the order in which they were written,
    `idempotency_records` by Idempotency-Key. `problems` is what `check` answers.
    """

    def __init__(self, wire: Wire, clock: FakeClock) -> None:
        self._wire = wire
        self._clock = clock
        self.rows: dict[tuple[str, Environment], Row] = {}
        self.operations: dict[tuple[str, str], Operation] = {}
        self.events: dict[tuple[str, str, str], Event] = {}
        self.idempotency_records: dict[str, IdempotencyRecord] = {}
        self.problems: dict[str, str] = {}
        self._last = ""

    # --- the port ---

    def inventory(
        self, application: str, key: str | None = None
    ) -> tuple[Inventory, IdempotencyRecord | None]:
        """Return the rows of an application and what an Idempotency-Key stands for."""
        return self._wire.call(
            "tables.inventory",
            (application, key),
            lambda: (self.inventory_of(application), self._idempotency_record(key)),
        )

    def reserved(self, application: str) -> str | None:
        """Return the application that has a name, in whatever case."""
        return self._wire.call(
            "tables.reserved", (application,), lambda: self._reserved(application)
        )

    def claim(self, claim: Claim) -> None:
        """Accept an operation, all or nothing."""
        self._wire.call("tables.claim", (claim,), lambda: self._claim(claim))

    def operation(self, application: str, operation_id: str) -> Operation | None:
        """Return an operation as it stands."""
        key = application, operation_id
        return self._wire.call("tables.operation", key, lambda: self.operations.get(key))

    def save(self, operation: Operation, events: Sequence[Event] = ()) -> Operation:
        """Write an operation and new events if nobody wrote it since it was read."""
        return self._wire.call(
            "tables.save", (operation, tuple(events)), lambda: self._save(operation, events)
        )

    def close(self, closing: Closing) -> None:
        """End an operation, all or nothing."""
        self._wire.call("tables.close", (closing,), lambda: self._close(closing))

    def correct(self, closing: Closing) -> None:
        """Write an operation that is over at once, if its rows are as they were seen."""
        self._wire.call("tables.correct", (closing,), lambda: self._correct(closing))

    def note(self, event: Event) -> None:
        """Write an event that belongs to no operation."""
        self._wire.call("tables.note", (event,), lambda: self._log([event]))

    def applications(self, limit: int) -> list[str]:
        """Return all applications, in turns of at most `limit`."""
        return self._wire.call("tables.applications", (limit,), lambda: self._turn(limit))

    def open_operations(self) -> list[tuple[str, str]]:
        """Return the operations in progress."""
        return self._wire.call("tables.open_operations", (), self.in_progress)

    def check(self) -> Mapping[str, str]:
        """Return what the test says is wrong."""
        return self._wire.call("tables.check", (), lambda: dict(self.problems))

    # --- what tests look at; none of it is an outgoing call ---

    def inventory_of(self, application: str) -> Inventory:
        """Return the rows of an application, as `inventory` does."""
        rows = {name: self.rows[application, name] for name in Environment
                if (application, name) in self.rows}  # fmt: skip
        return Inventory(rows)

    def in_progress(self) -> list[tuple[str, str]]:
        """Return `(application, operation id)` of what has not ended."""
        return [key for key, operation in self.operations.items() if not operation.ended]

    def events_of(self, application: str, operation_id: str | None = None) -> list[Event]:
        """Return the audit log of an application, or of one operation, in order of its keys."""
        found = [
            (key, event)
            for key, event in self.events.items()
            if key[0] == application and operation_id in (None, key[1])
        ]
        return [event for _, event in sorted(found, key=lambda pair: pair[0])]

    # --- the transactions ---

    def _idempotency_record(self, key: str | None) -> IdempotencyRecord | None:
        record = self.idempotency_records.get(key) if key is not None else None
        return record if record and self._valid(record) else None

    def _valid(self, record: IdempotencyRecord) -> bool:
        return record.expires_at >= int(self._clock.now().timestamp())

    def _claim(self, claim: Claim) -> None:
        operation = claim.operation
        used = self._idempotency_record(claim.idempotency.key) if claim.idempotency else None
        if used:
            raise AlreadyClaimedError(used)
        self._check_new(claim)
        for row in (*claim.taken, *claim.unchanged):
            self._check_free(row)
        assert (operation.application, operation.id) not in self.operations, "an id is used once"
        for row in claim.taken:
            self._put(replace(row, claim=operation.id, revision=row.revision + 1))
        for row in claim.new:
            self._put(replace(row, claim=operation.id))
        self.operations[operation.application, operation.id] = operation
        self._log([claim.event])
        if claim.idempotency:
            self.idempotency_records[claim.idempotency.key] = claim.idempotency

    def _check_new(self, claim: Claim) -> None:
        for name in {row.application.name for row in claim.new}:
            for (other, _), there in self.rows.items():
                if other.lower() == name.lower():
                    raise AlreadyExistsError.of(name, other, there.claim)

    def _reserved(self, application: str) -> str | None:
        names = (name for name, _ in self.rows)
        return next((name for name in names if name.lower() == application.lower()), None)

    def _check_free(self, seen: Row) -> None:
        row = self.rows.get((seen.application.name, seen.environment))
        name = seen.application.name
        if row and row.claim:
            raise BusyError(row.environment, name, row.claim)
        if row is None or row.revision != seen.revision:
            raise ChangedMeanwhileError(
                f"the inventory of {name} changed at the same moment: repeat the call"
            )

    def _save(self, operation: Operation, events: Sequence[Event]) -> Operation:
        self._check_as_seen(operation)
        saved = replace(operation, revision=operation.revision + 1)
        self.operations[operation.application, operation.id] = saved
        self._log(events)
        return saved

    def _close(self, closing: Closing) -> None:
        operation = closing.operation
        self._check_as_seen(operation)
        for row in (*closing.kept, *closing.removed):
            held = self.rows.get((row.application.name, row.environment))
            # A row that somebody removed by hand does not keep its operation from ending.
            if held and held.claim != operation.id:
                raise LostClaimError(operation.id)
        ended = replace(operation, revision=operation.revision + 1, lease_until=None)
        self.operations[operation.application, operation.id] = ended
        for row in closing.kept:
            self._put(replace(row, claim=None, revision=row.revision + 1))
        for row in closing.removed:
            self.rows.pop((row.application.name, row.environment), None)
        self._log([*closing.events, closing.event])

    def _correct(self, closing: Closing) -> None:
        operation = closing.operation
        for row in closing.kept:
            there = self.rows.get((row.application.name, row.environment))
            if there is None or there.revision != row.revision:
                raise ChangedMeanwhileError("a row has changed")
        assert (operation.application, operation.id) not in self.operations, "an id is used once"
        self.operations[operation.application, operation.id] = operation
        for row in closing.kept:
            self._put(replace(row, revision=row.revision + 1))
        self._log([*closing.events, closing.event])

    def _turn(self, limit: int) -> list[str]:
        names = sorted({name for name, _ in self.rows})
        later = [name for name in names if name > self._last] or names
        turn = later[:limit]
        self._last = turn[-1] if turn and turn[-1] != names[-1] else ""
        return turn

    def _check_as_seen(self, operation: Operation) -> None:
        stored = self.operations.get((operation.application, operation.id))
        if stored is None or stored.ended or stored.revision != operation.revision:
            raise LostClaimError(operation.id)

    def _put(self, row: Row) -> None:
        self.rows[row.application.name, row.environment] = row

    def _log(self, events: Sequence[Event]) -> None:
        for event in events:
            key = event.application, event.operation, event.key
            assert key not in self.events, f"event {key} is written twice"
            self.events[key] = event
