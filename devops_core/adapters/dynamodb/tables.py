"""The four DynamoDB tables: inventory rows, operation records, events, idempotency records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from devops_core.adapters.aws.errors import translated
from devops_core.adapters.dynamodb import items
from devops_core.adapters.dynamodb.attributes import encode
from devops_core.adapters.dynamodb.transactions import (
    ActionBuilder,
    FailedCondition,
    Subject,
    commit,
)
from devops_core.errors import AwsError, ChangedMeanwhileError, LostClaimError, ThrottledError
from devops_core.model.claims import AlreadyClaimedError
from devops_core.naming import PRODUCTION, Environment
from devops_core.settings import TableNames

if TYPE_CHECKING:
    from devops_core.adapters.dynamodb.attributes import Item
    from devops_core.model.claims import Claim, Closing, IdempotencyRecord
    from devops_core.model.inventory import Inventory
    from devops_core.model.listing import OpenOperation, Page
    from devops_core.model.operation import Event, Operation
    from devops_core.model.specification import ApplicationRecord, Revision

# Operations in one read of the index: about 120 KB. DynamoDB reads at most 1 MB for a page.
_OPEN_PAGE = 1000
# Revisions in one transaction, beside the record (DynamoDB API, TransactWriteItems: 100 actions).
_MAX_REMOVALS = 99
_CONFLICT = "another transaction uses the same items"


class DynamoTables:
    """`ports.tables.Tables` over DynamoDB.

    `now` is the time for the expiry of idempotency records.
    """

    def __init__(
        self,
        client: Any,
        names: TableNames,
        now: Callable[[], datetime],
        details_type: items.DetailsType,
    ) -> None:
        self._client = client
        self._details_type = details_type
        self._names = names
        self._actions = ActionBuilder(names)
        self._now = now

    def inventory(
        self, application: str, key: str | None = None, revision: int | None = None
    ) -> tuple[Inventory, IdempotencyRecord | None]:
        """Return all rows of an application and the record of an Idempotency-Key; consistent.

        Another revision of the specification than the present one requires a second call.
        """
        keys = items.row_keys(application, Environment, self._names)
        keys[self._names.log] = [items.record_key(application)]
        if key is not None:
            keys[self._names.log].append(items.idempotency_record_key(key))
        found = items.batch_get(self._client, keys)
        logged = found.pop(self._names.log, [])
        rows = [items.row_of(item) for some in found.values() for item in some]
        records = [items.record_of(item) for item in logged if items.is_record(item)]
        record = self._with_revision(application, next(iter(records), None), revision)
        stored = [items.idempotency_record_of(item) for item in logged if not items.is_record(item)]
        valid = [each for each in stored if each.expires_at >= self._epoch()]
        return items.inventory_of(rows, record), next(iter(valid), None)

    def _with_revision(
        self, application: str, record: ApplicationRecord | None, revision: int | None
    ) -> ApplicationRecord | None:
        """Return a record with a revision, None if the revision does not exist."""
        if record is None or revision in (None, record.current):
            return record
        found = self.revisions(application, [revision]).get(revision)
        return record._replace(specification=found.specification) if found else None

    def revisions(self, application: str, numbers: Sequence[int]) -> Mapping[int, Revision]:
        """Return stored revisions of a specification by number; consistent."""
        keys = [items.revision_key(application, number) for number in numbers]
        found = items.batch_get(self._client, {self._names.log: keys}).get(self._names.log, [])
        revisions = map(items.revision_of, found)
        return {each.specification.revision: each for each in revisions}

    def remove_revisions(self, application: str, operation_id: str) -> None:
        """Delete all stored revisions of a specification whose record an operation holds."""
        for keys in self._revision_keys(application):
            for start in range(0, len(keys), _MAX_REMOVALS):
                removals = keys[start : start + _MAX_REMOVALS]
                actions = self._actions.remove_revisions(application, removals, operation_id)
                failed = commit(self._client, actions)
                if any(each.conflict for each in failed):
                    raise ThrottledError(_CONFLICT)
                if failed:
                    return

    def _revision_keys(self, application: str) -> Iterator[list[Item]]:
        """Yield the keys of the stored revisions of a specification, page by page."""
        start: dict[str, Any] = {}
        while True:
            with translated():
                page = self._client.query(
                    TableName=self._names.log,
                    KeyConditionExpression=(
                        "#partition = :application AND begins_with(#entry, :spec)"
                    ),
                    ExpressionAttributeNames={"#partition": "applicationName", "#entry": "entry"},
                    ExpressionAttributeValues=encode(
                        {":application": application, ":spec": items.REVISION}
                    ),
                    ProjectionExpression="#partition, #entry",
                    ConsistentRead=True,
                    **start,
                )
            yield page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def claim(self, claim: Claim) -> None:
        """Accept an operation in one transaction; a repeat of the same claim succeeds too."""
        failed = commit(self._client, self._actions.claim_actions(claim, self._epoch()))
        if failed:
            from devops_core.adapters.dynamodb.refusals import refusal

            error = refusal(claim.operation, failed)
            if error:
                raise error

    @translated()
    def reserved(self, application: str) -> str | None:
        """Return the application that has a name, in any case, or None; consistent."""
        key = items.name_key(application)
        response = self._client.get_item(TableName=self._names.log, Key=key, ConsistentRead=True)
        return items.name_of(response["Item"]) if "Item" in response else None

    @translated()
    def operation(self, application: str, operation_id: str) -> Operation | None:
        """Return the current record of an operation, or None; consistent."""
        response = self._client.get_item(
            TableName=self._names.log,
            Key=items.operation_key(application, operation_id),
            ConsistentRead=True,
        )
        item = response.get("Item")
        return items.operation_of(item, self._details_type) if item else None

    def save(
        self,
        operation: Operation,
        events: Sequence[Event] = (),
        idempotency: IdempotencyRecord | None = None,
    ) -> Operation:
        """Write an operation and new events; LostClaimError if its stored revision is newer."""
        saved = replace(operation, revision=operation.revision + 1)
        write = uuid4().hex
        record = self._actions.update_operation(saved, write, seen=operation.revision)
        actions = [record, *self._actions.put_events(saved, events)]
        if idempotency:
            actions.append(self._actions.put_idempotency_record(idempotency, self._epoch()))
        if len(actions) > 1:
            _check_written(commit(self._client, actions), operation, write)
        else:
            self._put_record(record.request["Put"], operation, write)
        return saved

    def close(self, closing: Closing) -> None:
        """End an operation in one transaction; LostClaimError if its stored revision is newer."""
        operation = closing.operation
        ended = replace(operation, revision=operation.revision + 1, lease_until=None)
        write = uuid4().hex
        build = self._actions
        actions = [build.update_operation(ended, write, seen=operation.revision)]
        actions += [build.release_row(row, operation.id) for row in closing.kept]
        actions += [build.remove_row(row, operation.id) for row in closing.removed]
        if closing.ends_application:
            actions.append(build.release_name(operation.application))
            actions += build.remove_record(operation.application, operation.spec)
        elif closing.releases_record:
            actions.append(build.release_record(closing))
        actions += build.put_events(ended, (*closing.events, closing.event))
        _check_written(commit(self._client, actions), operation, write)

    def correct(self, closing: Closing) -> None:
        """Write an operation that ends at once; ChangedMeanwhileError if a row has changed."""
        operation, build = closing.operation, self._actions
        actions = [build.create_operation(operation), *map(build.correct_row, closing.kept)]
        if closing.freed:
            actions.append(build.free_record(operation.application, closing.freed))
        actions += build.put_events(operation, (*closing.events, closing.event))
        failed = commit(self._client, actions)
        # A stored record is our own: its response was lost and the SDK has sent the call again.
        if failed and all(each.action.subject is not Subject.OPERATION for each in failed):
            raise ChangedMeanwhileError(
                f"the inventory of {operation.application} changed at the same moment:"
                " repeat the call"
            )

    def count_refusal(self, event: Event) -> None:
        """Write the event of a refused call, or add its count to the stored event."""
        if commit(self._client, self._actions.count_refusal(event)):
            raise ThrottledError(_CONFLICT)

    @translated()
    def applications(self, limit: int) -> list[str]:
        """Return the next applications for the drift check; the log table stores the position."""
        cursor = encode(items.CURSOR)
        item = self._client.get_item(TableName=self._names.log, Key=cursor).get("Item", {})
        start = {"ExclusiveStartKey": item["after"]["M"]} if item else {}
        page = self._client.scan(
            TableName=self._names.production,
            ProjectionExpression="applicationName",
            Limit=limit * len(PRODUCTION),
            **start,
        )
        last = page.get("LastEvaluatedKey")
        if last:
            self._client.put_item(TableName=self._names.log, Item=cursor | {"after": {"M": last}})
        elif item:
            self._client.delete_item(TableName=self._names.log, Key=cursor)
        return list(dict.fromkeys(each["applicationName"]["S"] for each in page["Items"]))

    @translated()
    def open_operations(self, after: str | None = None) -> Page[OpenOperation]:
        """Return a page of the open operations, the oldest first; eventually consistent."""
        # Only the schedule needs this module.
        from devops_core.model.listing import Page

        start = {"ExclusiveStartKey": items.open_operation_key(after)} if after else {}
        response = self._client.query(
            TableName=self._names.log,
            IndexName=items.INDEX,
            # The index also has the notifications that are not sent (`outbox`).
            KeyConditionExpression="#open = :open AND begins_with(#entry, :operation)",
            ExpressionAttributeNames={"#open": "open", "#entry": "entry"},
            ExpressionAttributeValues=encode({":open": "1", ":operation": items.OPERATION}),
            Limit=_OPEN_PAGE,
            **start,
        )
        last = response.get("LastEvaluatedKey")
        found = tuple(map(items.open_operation_of, response["Items"]))
        return Page(found, items.open_operation_of(last).position if last else None)

    @translated()
    def sweep_position(self) -> str | None:
        """Return the stored position of the schedule; consistent."""
        response = self._client.get_item(
            TableName=self._names.log, Key=encode(items.SWEEP_POSITION), ConsistentRead=True
        )
        return items.sweep_position_of(response.get("Item", {}))

    @translated()
    def save_sweep_position(self, position: str) -> None:
        """Write the position of the schedule; the last one of simultaneous runs remains."""
        item = encode(items.SWEEP_POSITION | {"after": position})
        self._client.put_item(TableName=self._names.log, Item=item)

    @translated()
    def begin_wait(self) -> tuple[str, int]:
        """Count a call that begins to wait; return its window and the number of waiting calls."""
        number = self._epoch() // items.WAITING_SECONDS
        response = self._client.update_item(
            TableName=self._names.log,
            Key=items.waiting_key(number),
            UpdateExpression="SET expiresAt = :expiry ADD calls :one",
            ExpressionAttributeValues=encode(
                {":one": 1, ":expiry": self._epoch() + items.WAITING_KEPT_SECONDS}
            ),
            ReturnValues="UPDATED_NEW",
        )
        # Calls of the window before can still wait.
        earlier = self._client.get_item(
            TableName=self._names.log, Key=items.waiting_key(number - 1), ConsistentRead=True
        )
        waiting = map(items.waiting_calls, (response["Attributes"], earlier.get("Item", {})))
        return str(number), sum(waiting)

    @translated()
    def end_wait(self, window: str) -> None:
        """Count the end of a waiting call that began in a window."""
        self._client.update_item(
            TableName=self._names.log,
            Key=items.waiting_key(int(window)),
            UpdateExpression="ADD calls :less",
            # An expired item must not be created again.
            ConditionExpression="attribute_exists(calls)",
            ExpressionAttributeValues=encode({":less": -1}),
        )

    def check(self) -> Mapping[str, str]:
        """Return the error of each table that cannot be read, by table name."""
        absent = {"applicationName": "HEALTH#"}
        row, entry = encode(absent | {"environment": "-"}), encode(absent | {"entry": "-"})
        names = self._names
        problems = {}
        for table in (names.non_production, names.production, names.training_da, names.log):
            try:
                with translated():
                    key = entry if table == names.log else row
                    self._client.get_item(TableName=table, Key=key)
            except AwsError as error:
                problems[table] = error.message
        return problems

    @translated()
    def _put_record(self, request: Mapping[str, Any], operation: Operation, write: str) -> None:
        try:
            self._client.put_item(**request)
        except self._client.exceptions.ConditionalCheckFailedException as failed:
            # The stored record can be our own write: its response was lost and the SDK has sent
            # the call again.
            if not items.written_by(failed.response.get("Item", {}), write):
                raise LostClaimError(operation.id) from failed

    def _epoch(self) -> int:
        return int(self._now().timestamp())


def _check_written(failed: Sequence[FailedCondition], operation: Operation, write: str) -> None:
    """Raise an error unless this transaction has taken effect, now or in an earlier send.

    A used Idempotency-Key is AlreadyClaimedError, a newer revision LostClaimError.
    """
    if not failed:
        return
    if all(each.conflict for each in failed):
        raise ThrottledError(_CONFLICT)
    stored = (each.stored for each in failed if each.action.subject is Subject.OPERATION)
    if any(items.written_by(record, write) for record in stored):
        return
    for each in failed:
        if each.action.subject is Subject.IDEMPOTENCY_RECORD and each.stored:
            raise AlreadyClaimedError(items.idempotency_record_of(each.stored))
    raise LostClaimError(operation.id)
