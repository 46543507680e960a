"""The transactions of an operation: the claim that accepts it, and the one that ends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from devops_core.model.inventory import Row
from devops_core.model.operation import Event, Operation

if TYPE_CHECKING:
    from devops_core.model.specification import (
        RecordClaim,
        Specification,
        StackRecord,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyRecord:
    """The use of an Idempotency-Key; `expires_at` in epoch seconds.

    `creation` is `Application.creation` of the application at the time of the request. `aborts`
    means that the request has rolled the operation back.
    """

    key: str
    fingerprint: str
    application: str
    operation: str
    expires_at: int
    creation: str | None = None
    aborts: bool = False


class AlreadyClaimedError(Exception):
    """The Idempotency-Key of a claim is taken: `record` names its operation."""

    def __init__(self, record: IdempotencyRecord) -> None:
        super().__init__(record.operation)
        self.record = record


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One transaction that accepts an operation.

    `taken` rows become the operation's; those of them in `corrected` are written with their
    release. `new` rows must not exist, `unchanged` rows must be free. Taken and unchanged rows must
    have the revision that was read.

    `record` is the part that concerns the record of the application, None without a record.
    """

    operation: Operation
    event: Event
    taken: Sequence[Row] = ()
    corrected: Sequence[Row] = ()
    new: Sequence[Row] = ()
    unchanged: Sequence[Row] = ()
    record: RecordClaim | None = None
    idempotency: IdempotencyRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """One transaction that ends an operation: its record, its rows, its last event.

    `event` is the last event, with the key "END"; `events` are further new events. `kept` rows are
    written without a claim, `removed` rows are deleted. With `ends_application` the record of the
    application, its present revision and the reservation of its name are deleted. Otherwise, with
    `releases_record` the record is written without a claim, and with the members of `stack`; a
    `specification` becomes the present one. A correction removes the claim of the record that the
    ended operation `freed` has.
    """

    operation: Operation
    event: Event
    events: Sequence[Event] = ()
    kept: Sequence[Row] = ()
    removed: Sequence[Row] = ()
    ends_application: bool = False
    releases_record: bool = False
    stack: StackRecord | None = None
    specification: Specification | None = None
    freed: str | None = None
