"""DynamoDB transactions: their write actions with conditions, and the commit.

An action is one member of a TransactWriteItems call. All actions of a call take effect, or none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from devops_core.adapters.aws.errors import translated
from devops_core.adapters.dynamodb import items
from devops_core.adapters.dynamodb.attributes import encode, plain
from devops_core.errors import AwsError, RefusedError, ThrottledError
from devops_core.model.notification import notifications
from devops_core.model.operation import Status

if TYPE_CHECKING:
    from devops_core.adapters.dynamodb.attributes import Item
    from devops_core.model.claims import Claim, Closing, IdempotencyRecord
    from devops_core.model.inventory import Row
    from devops_core.model.operation import Event, Operation
    from devops_core.model.specification import RecordClaim
    from devops_core.settings import TableNames

# Attempts while another transaction holds the same items. That transaction takes milliseconds, so
# it has ended when ours is cancelled, and the next attempt finds the items that it wrote.
_ATTEMPTS = 3
# Codes of cancellation reasons (DynamoDB API, TransactionCanceledException).
_THROTTLED = ("ThrottlingError", "ProvisionedThroughputExceeded", "RequestLimitExceeded")

_ABSENT = "attribute_not_exists(#applicationName)"
_AS_SEEN = "#revision = :seen"
_FREE_AS_SEEN = f"attribute_not_exists(#claim) AND {_AS_SEEN}"
# A row that was removed by hand must not prevent the end of its operation.
_HELD = f"{_ABSENT} OR #claim = :operation"
_IN_PROGRESS_AS_SEEN = f"{_AS_SEEN} AND #status = :open"
_PRESENT_REVISION = "#current = :current"
_FREE_RECORD = f"attribute_not_exists(#claim) AND {_PRESENT_REVISION}"


class Subject(Enum):
    """The kind of item that an action writes or checks."""

    OPERATION = auto()
    EVENT = auto()
    NOTIFICATION = auto()
    IDEMPOTENCY_RECORD = auto()
    NAME = auto()
    NEW_ROW = auto()
    ROW = auto()
    NEW_RECORD = auto()
    RECORD = auto()
    REVISION = auto()


class WriteAction(NamedTuple):
    """One action of a transaction. `request` is its member of TransactItems, `row` its row.

    `ignores_claim` means that its condition does not depend on the claim of the item.
    """

    subject: Subject
    request: Mapping[str, Any]
    row: Row | None = None
    ignores_claim: bool = False


class FailedCondition(NamedTuple):
    """An action whose condition failed. `stored` is the item in the table, empty if there is none.

    With `conflict`, another transaction held the item in every attempt: `stored` is unknown.
    """

    action: WriteAction
    stored: Item
    conflict: bool = False


class ActionBuilder:
    """Builds the actions for the tables with these names; `commit` executes them."""

    def __init__(self, names: TableNames) -> None:
        self._names = names

    def claim_actions(self, claim: Claim, now: int) -> list[WriteAction]:
        """Return the actions that accept an operation.

        An idempotency record that expired before `now` (epoch seconds) is replaced.
        """
        operation_id = claim.operation.id
        actions = [
            self._take_row(row, operation_id, corrected=row in claim.corrected)
            for row in claim.taken
        ]
        actions += [self._check_row(row) for row in claim.unchanged]
        creates = claim.record is None or claim.record.seen is None
        subject = Subject.NEW_ROW if creates else Subject.ROW
        actions += [self._create_row(row, operation_id, subject) for row in claim.new]
        actions += self._reserve_names(claim.new) if creates else []
        if claim.record:
            actions += self._claim_record(claim.record, claim.operation)
        actions.append(self.create_operation(claim.operation))
        actions += self.put_events(claim.operation, [claim.event])
        if claim.idempotency:
            actions.append(self.put_idempotency_record(claim.idempotency, now))
        return actions

    def create_operation(self, operation: Operation) -> WriteAction:
        """Return the first write of an operation's record."""
        item = items.operation_item(operation, uuid4().hex)
        return WriteAction(Subject.OPERATION, _put_request(self._names.log, item, _ABSENT))

    def update_operation(self, operation: Operation, write: str, *, seen: int) -> WriteAction:
        """Return a write of a record; the stored one must be in progress at revision `seen`."""
        item = items.operation_item(operation, write)
        values = {"seen": seen, "open": Status.IN_PROGRESS.value}
        request = _put_request(self._names.log, item, _IN_PROGRESS_AS_SEEN, **values)
        return WriteAction(Subject.OPERATION, request)

    def put_events(self, operation: Operation, events: Sequence[Event]) -> list[WriteAction]:
        """Return the writes of an operation's events, several items for each event.

        Notifications about them are in the same transaction: none is lost, or has no event.
        """
        copies = [item for event in events for item in items.event_items(event)]
        outbox = map(items.notification_item, notifications(operation, events))
        return [
            WriteAction(subject, _put_request(self._names.log, item))
            for subject, some in ((Subject.EVENT, copies), (Subject.NOTIFICATION, outbox))
            for item in some
        ]

    def count_refusal(self, event: Event) -> list[WriteAction]:
        """Return the updates of a refusal's items, which add its count and keep its first time."""
        return [
            WriteAction(Subject.EVENT, _count_request(self._names.log, item))
            for item in items.event_items(event)
        ]

    def release_row(self, row: Row, operation_id: str) -> WriteAction:
        """Return the write of a row that its operation releases."""
        item = items.row_item(replace(row, claim=None, revision=row.revision + 1))
        request = _put_request(self._table(row), item, _HELD, operation=operation_id)
        return WriteAction(Subject.ROW, request, row)

    def remove_row(self, row: Row, operation_id: str) -> WriteAction:
        """Return the removal of a row that its operation holds."""
        request = _delete_request(self._table(row), _key(row), _HELD, operation=operation_id)
        return WriteAction(Subject.ROW, request, row)

    def release_record(self, closing: Closing) -> WriteAction:
        """Return the release of an application's record, and the write of its new members."""
        operation, written = closing.operation, {}
        if closing.stack:
            written["stack"] = plain(closing.stack)
        if closing.specification:
            written["current"] = closing.specification.revision
            written |= items.document(closing.specification)
        assignments = ", ".join(f"#{name} = :{name}" for name in written)
        change = f"SET {assignments} REMOVE #claim" if written else "REMOVE #claim"
        # A record that was removed by hand must not be created again without its document.
        condition = "#claim = :operation"
        key = items.record_key(operation.application)
        values = {**written, "operation": operation.id}
        request = _update_request(self._names.log, key, change, condition, **values)
        return WriteAction(Subject.RECORD, request)

    def free_record(self, application: str, operation_id: str) -> WriteAction:
        """Return the removal of an ended operation's claim of an application's record."""
        key, condition = items.record_key(application), "#claim = :operation"
        change = "REMOVE #claim"
        request = _update_request(self._names.log, key, change, condition, operation=operation_id)
        return WriteAction(Subject.RECORD, request)

    def remove_record(self, application: str, revision: int | None) -> list[WriteAction]:
        """Return the removals of an application's record, and of a revision if one is given."""
        keys = {Subject.RECORD: items.record_key(application)}
        if revision is not None:
            keys[Subject.REVISION] = items.revision_key(application, revision)
        return [
            WriteAction(subject, _delete_request(self._names.log, key))
            for subject, key in keys.items()
        ]

    def remove_revisions(
        self, application: str, keys: Iterable[Item], operation_id: str
    ) -> list[WriteAction]:
        """Return the removals of revisions, and the check that an operation holds the record.

        Without the check, a late call would remove the revisions of a new application with the same
        name. A record that was removed by hand must not prevent the end of the operation.
        """
        record, log = items.record_key(application), self._names.log
        check = _check_request(log, record, _HELD, operation=operation_id)
        return [
            WriteAction(Subject.RECORD, check),
            *(WriteAction(Subject.REVISION, _delete_request(log, key)) for key in keys),
        ]

    def release_name(self, application: str) -> WriteAction:
        """Return the removal of a name's reservation."""
        return WriteAction(
            Subject.NAME, _delete_request(self._names.log, items.name_key(application))
        )

    def correct_row(self, row: Row) -> WriteAction:
        """Return the write of a row; the stored one must have the row's revision."""
        item = items.row_item(replace(row, revision=row.revision + 1))
        request = _put_request(self._table(row), item, _AS_SEEN, seen=row.revision)
        return WriteAction(Subject.ROW, request, row)

    def _take_row(self, row: Row, operation_id: str, *, corrected: bool) -> WriteAction:
        if corrected:
            item = items.row_item(replace(row, claim=operation_id, revision=row.revision + 1))
            request = _put_request(self._table(row), item, _FREE_AS_SEEN, seen=row.revision)
            return WriteAction(Subject.ROW, request, row)
        change = "SET #claim = :operation, #revision = #revision + :one"
        values = {"operation": operation_id, "seen": row.revision, "one": 1}
        request = _update_request(self._table(row), _key(row), change, _FREE_AS_SEEN, **values)
        return WriteAction(Subject.ROW, request, row)

    def _check_row(self, row: Row) -> WriteAction:
        request = _check_request(self._table(row), _key(row), _FREE_AS_SEEN, seen=row.revision)
        return WriteAction(Subject.ROW, request, row)

    def _create_row(self, row: Row, operation_id: str, subject: Subject) -> WriteAction:
        item = items.row_item(replace(row, claim=operation_id))
        return WriteAction(subject, _put_request(self._table(row), item, _ABSENT), row)

    def _reserve_names(self, rows: Iterable[Row]) -> list[WriteAction]:
        applications = {row.application.name: row.application for row in rows}
        return [
            WriteAction(Subject.NAME, _put_request(self._names.log, items.name_item(each), _ABSENT))
            for each in applications.values()
        ]

    def _claim_record(self, claim: RecordClaim, operation: Operation) -> list[WriteAction]:
        """Return the actions that check, take or write an application's record."""
        application, log = operation.application, self._names.log
        actions = []
        if claim.revision:
            item = items.revision_item(application, claim.revision)
            actions.append(WriteAction(Subject.REVISION, _put_request(log, item, _ABSENT)))
        held = claim.new and claim.new._replace(claim=operation.id)
        if claim.seen is None:
            new = [_put_request(log, items.record_item(application, held), _ABSENT)] if held else []
            return [*(WriteAction(Subject.NEW_RECORD, each) for each in new), *actions]
        key, seen = items.record_key(application), {"current": claim.seen.current}
        if held:
            item = items.record_item(application, held)
            request = _put_request(log, item, _FREE_RECORD, **seen)
        elif claim.taken:
            values = seen | {"operation": operation.id}
            change = "SET #claim = :operation"
            if claim.revision:
                change += ", #latest = :latest"
                values["latest"] = claim.revision.specification.revision
            request = _update_request(log, key, change, _FREE_RECORD, **values)
        else:
            request = _check_request(log, key, _PRESENT_REVISION, **seen)
        own = WriteAction(Subject.RECORD, request, ignores_claim=not claim.taken)
        return [own, *actions]

    def put_idempotency_record(self, record: IdempotencyRecord, now: int) -> WriteAction:
        """Return the write of a used Idempotency-Key; an expired record is replaced."""
        item = items.idempotency_record_item(record)
        condition = f"{_ABSENT} OR #expiresAt < :now"
        request = _put_request(self._names.log, item, condition, now=now)
        return WriteAction(Subject.IDEMPOTENCY_RECORD, request)

    def _table(self, row: Row) -> str:
        return items.table_of(row.environment, self._names)


def commit(client: Any, actions: Sequence[WriteAction]) -> list[FailedCondition]:
    """Execute all actions or none; return the failed conditions, empty after a success.

    The SDK gives each call its own token, so a call that it sends twice takes effect once.
    """
    failed: list[FailedCondition] = []
    for _ in range(_ATTEMPTS):
        failed = _send(client, actions)
        if not failed or not all(each.conflict for each in failed):
            break
    return [each for each in failed if not each.conflict] or failed


def _send(client: Any, actions: Sequence[WriteAction]) -> list[FailedCondition]:
    with translated():
        try:
            client.transact_write_items(TransactItems=[action.request for action in actions])
        except client.exceptions.TransactionCanceledException as cancelled:
            return failed_conditions(actions, cancelled.response["CancellationReasons"])
    return []


def failed_conditions(
    actions: Sequence[WriteAction], reasons: Sequence[Mapping[str, Any]]
) -> list[FailedCondition]:
    """Return the failed conditions of a cancelled transaction; reasons have the actions' order.

    Raises ThrottledError or RefusedError if no condition failed.
    """
    failed = []
    errors: list[AwsError] = []
    for action, reason in zip(actions, reasons, strict=True):
        code = reason.get("Code", "None")
        if code == "ConditionalCheckFailed":
            failed.append(FailedCondition(action, reason.get("Item", {})))
        elif code == "TransactionConflict":
            failed.append(FailedCondition(action, {}, conflict=True))
        elif code in _THROTTLED:
            errors.append(ThrottledError("AWS throttles TransactWriteItems"))
        elif code != "None":
            errors.append(RefusedError(reason.get("Message") or code))
    if errors and not failed:
        raise errors[0]
    return failed


def _key(row: Row) -> Item:
    return items.row_key(row.application.name, row.environment)


# In a condition or change, `#name` is the attribute `name` and `:name` the value of that name.


def _put_request(table: str, item: Item, condition: str = "", **values: Any) -> dict[str, Any]:
    return {"Put": {"TableName": table, "Item": item} | _conditional(condition, values)}


def _update_request(
    table: str, key: Item, change: str, condition: str, **values: Any
) -> dict[str, Any]:
    request = {"TableName": table, "Key": key, "UpdateExpression": change}
    return {"Update": request | _conditional(condition, values, change)}


def _count_request(table: str, item: Item) -> dict[str, Any]:
    """Return the update that creates an event's item, or adds to the count of the stored one."""
    key = {name: item[name] for name in ("applicationName", "entry")}
    values = {name: value for name, value in item.items() if name not in key}
    changes = {name: f":{name}" for name in values if name != "count"}
    changes["firstTime"] = "if_not_exists(#firstTime, :firstTime)"
    assignments = ", ".join(f"#{name} = {change}" for name, change in changes.items())
    return {
        "Update": {
            "TableName": table,
            "Key": key,
            "UpdateExpression": f"SET {assignments} ADD #count :count",
            "ExpressionAttributeNames": {f"#{name}": name for name in values},
            "ExpressionAttributeValues": {f":{name}": value for name, value in values.items()},
        }
    }


def _delete_request(table: str, key: Item, condition: str = "", **values: Any) -> dict[str, Any]:
    return {"Delete": {"TableName": table, "Key": key} | _conditional(condition, values)}


def _check_request(table: str, key: Item, condition: str, **values: Any) -> dict[str, Any]:
    return {"ConditionCheck": {"TableName": table, "Key": key} | _conditional(condition, values)}


def _conditional(condition: str, values: Mapping[str, Any], change: str = "") -> dict[str, Any]:
    """Return the members of a conditional write. `#` names avoid DynamoDB's reserved words."""
    if not condition:
        return {}
    words = f"{condition} {change}".replace("(", " ").replace(")", " ").replace(",", " ").split()
    members: dict[str, Any] = {
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {word: word[1:] for word in words if word.startswith("#")},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    if values:
        attributes = encode({f":{name}": value for name, value in values.items()})
        members["ExpressionAttributeValues"] = attributes
    return members
