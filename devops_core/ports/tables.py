"""The ports of the tables; `devops_core.ports` describes their common errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from devops_core.model.claims import Claim, Closing, IdempotencyRecord
from devops_core.model.inventory import Inventory
from devops_core.model.operation import Event, Operation

if TYPE_CHECKING:
    from devops_core.model.listing import EventSearch, OpenOperation, Page
    from devops_core.model.specification import Revision
    from devops_core.naming import Environment


class Tables(Protocol):
    """Inventory rows, specifications, operation records, events."""

    def inventory(
        self, application: str, key: str | None = None, revision: int | None = None
    ) -> tuple[Inventory, IdempotencyRecord | None]:
        """Return all rows of an application and the record of an Idempotency-Key; consistent.

        The inventory has a revision of the specification, None means the present one. Without this
        revision it has no specification.
        """

    def reserved(self, application: str) -> str | None:
        """Return the application with a name, in any case, or None; consistent."""

    def claim(self, claim: Claim) -> None:
        """Accept an operation, all or nothing.

        Raises BusyError (names the holder), AlreadyExistsError, ChangedMeanwhileError for a row of
        another revision, AlreadyClaimedError for a used Idempotency-Key.
        """

    def revisions(self, application: str, numbers: Sequence[int]) -> Mapping[int, Revision]:
        """Return stored revisions of a specification by number, at most 100; consistent."""

    def remove_revisions(self, application: str, operation_id: str) -> None:
        """Delete all stored revisions of a specification whose record an operation holds.

        An operation that does not hold the record removes nothing.
        """

    def operation(self, application: str, operation_id: str) -> Operation | None:
        """Return the record of an operation, or None; consistent."""

    def save(
        self,
        operation: Operation,
        events: Sequence[Event] = (),
        idempotency: IdempotencyRecord | None = None,
    ) -> Operation:
        """Write an operation, new events and a used key, and return it with its new revision.

        Raises LostClaimError if the record has another revision than `operation`,
        AlreadyClaimedError for a used Idempotency-Key.
        """

    def close(self, closing: Closing) -> None:
        """End an operation, all or nothing; LostClaimError if its record has another revision."""

    def correct(self, closing: Closing) -> None:
        """Write an operation that has ended already, all or nothing.

        Raises ChangedMeanwhileError if a `kept` row has another revision.
        """

    def count_refusal(self, event: Event) -> None:
        """Write the event of a refused call, or add its count to the stored event.

        The stored event keeps its first time, and gets the last time and the reason of this call.
        """

    def applications(self, limit: int) -> list[str]:
        """Return the next applications of the drift check, at most `limit`.

        Each call continues after the last one; after the last application it starts again.
        """

    def open_operations(self, after: str | None = None) -> Page[OpenOperation]:
        """Return a page of the open operations, the oldest first; eventually consistent.

        `after` is `Page.next` of the previous page, the position of its last operation.
        """

    def sweep_position(self) -> str | None:
        """Return the position at which the last run of the schedule stopped, None for the start.

        Any text can be stored, also a position of an operation that no longer exists.
        """

    def save_sweep_position(self, position: str) -> None:
        """Write the position after which the next run of the schedule continues."""

    def begin_wait(self) -> tuple[str, int]:
        """Count a call that begins to wait; return its window and the number of waiting calls.

        The number includes this call, and calls that have crashed within the last minute.
        """

    def end_wait(self, window: str) -> None:
        """Count the end of a waiting call that began in a window."""

    def check(self) -> Mapping[str, str]:
        """Return the problem of each unreadable table by table name."""


class Listing(Protocol):
    """Lists in pages, by consistent reads.

    `limit` is the number of items of a page, at most 100. `after` is `Page.next` of the previous
    page; InvalidRequestError if it belongs to another list.
    """

    def applications(self, team: str | None, after: str | None, limit: int) -> Page[str]:
        """Return the names of all applications, or of a team's, in alphabetical order."""

    def inventories(
        self, applications: Sequence[str], environments: Sequence[Environment]
    ) -> list[Inventory]:
        """Return the rows of applications in the given environments, in the given order."""

    def operations(self, application: str, after: str | None, limit: int) -> Page[Operation]:
        """Return the operations of an application, the newest first."""

    def events(self, search: EventSearch, after: str | None, limit: int) -> Page[Event]:
        """Return events, the newest first."""
