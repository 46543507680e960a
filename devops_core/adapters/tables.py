"""The four DynamoDB tables: inventory rows, operation records, events, idempotency records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from devops_core.adapters import records
from devops_core.adapters.attributes import encode
from devops_core.adapters.batches import read
from devops_core.adapters.parts import Parts
from devops_core.adapters.transactions import About, Broken, commit
from devops_core.adapters.translate import translated
from devops_core.errors import AwsError, ChangedMeanwhileError, LostClaimError, ThrottledError
from devops_core.naming import PRODUCTION, Environment
from devops_core.settings import TableNames

if TYPE_CHECKING:
    from devops_core.model import Event, Inventory, Operation
    from devops_core.ports import Claim, Closing, IdempotencyRecord

_INDEX = "OpenOperations"
# How many operations one look at the index gives: what one run of the schedule can look after.
_MAX_OPEN = 200
_CONFLICT = "another transaction is on the same items"


class DynamoTables:
    """`ports.Tables` over DynamoDB; `now` gives the time that idempotency records end by."""

    def __init__(self, client: Any, names: TableNames, now: Callable[[], datetime]) -> None:
        self._client = client
        self._names = names
        self._parts = Parts(names)
        self._now = now

    def inventory(
        self, application: str, key: str | None = None
    ) -> tuple[Inventory, IdempotencyRecord | None]:
        """Return all rows of an application and what an Idempotency-Key stands for; consistent."""
        keys = records.row_keys(application, Environment, self._names)
        if key is not None:
            keys.setdefault(self._names.log, []).append(records.idempotency_record_key(key))
        found = read(self._client, keys)
        stored = [records.idempotency_record_of(item) for item in found.pop(self._names.log, [])]
        rows = [records.row_of(item) for items in found.values() for item in items]
        valid = [record for record in stored if record.expires_at >= self._epoch()]
        return records.inventory_of(rows), next(iter(valid), None)

    def claim(self, claim: Claim) -> None:
        """Accept an operation in one transaction; a repeat of the same claim is accepted too."""
        broken = commit(self._client, self._parts.claim(claim, self._epoch()))
        if broken:
            from devops_core.adapters.claims import refusal

            error = refusal(claim.operation, broken)
            if error:
                raise error

    @translated()
    def reserved(self, application: str) -> str | None:
        """Return the application that has a name, in whatever case, or None; consistent."""
        key = records.name_key(application)
        answer = self._client.get_item(TableName=self._names.log, Key=key, ConsistentRead=True)
        return records.name_of(answer["Item"]) if "Item" in answer else None

    @translated()
    def operation(self, application: str, operation_id: str) -> Operation | None:
        """Return an operation as it stands, or None."""
        answer = self._client.get_item(
            TableName=self._names.log,
            Key=records.operation_key(application, operation_id),
            ConsistentRead=True,
        )
        return records.operation_of(answer["Item"]) if "Item" in answer else None

    def save(self, operation: Operation, events: Sequence[Event] = ()) -> Operation:
        """Write an operation and new events; LostClaimError when somebody wrote it meanwhile."""
        saved = replace(operation, revision=operation.revision + 1)
        write = uuid4().hex
        record = self._parts.record(saved, write, seen=operation.revision)
        if events:
            broken = commit(self._client, [record, *self._parts.events(events)])
            _check_landed(broken, operation, write)
        else:
            self._put(record.action["Put"], operation, write)
        return saved

    def close(self, closing: Closing) -> None:
        """End an operation in one transaction; LostClaimError when it has moved on."""
        operation = closing.operation
        ended = replace(operation, revision=operation.revision + 1, lease_until=None)
        write = uuid4().hex
        make = self._parts
        parts = [make.record(ended, write, seen=operation.revision)]
        parts += [make.kept(row, operation.id) for row in closing.kept]
        parts += [make.removed(row, operation.id) for row in closing.removed]
        if closing.removed and not closing.kept:
            parts.append(make.name_given_back(operation.application))
        parts += make.events((*closing.events, closing.event))
        _check_landed(commit(self._client, parts), operation, write)

    def correct(self, closing: Closing) -> None:
        """Write an operation that is over at once; ChangedMeanwhileError when a row has changed."""
        operation = closing.operation
        parts = [self._parts.new_record(operation), *map(self._parts.corrected, closing.kept)]
        parts += self._parts.events((*closing.events, closing.event))
        broken = commit(self._client, parts)
        # A record that is there is our own: its answer was lost and the SDK has sent it again.
        if broken and all(one.part.about is not About.OPERATION for one in broken):
            raise ChangedMeanwhileError(f"the inventory of {operation.application} has changed")

    def note(self, event: Event) -> None:
        """Write an event that belongs to no operation; sent twice, it is one."""
        if commit(self._client, self._parts.events([event])):
            raise ThrottledError(_CONFLICT)

    @translated()
    def applications(self, limit: int) -> list[str]:
        """Return the applications whose turn it is; where to go on is kept in the log table."""
        cursor = encode(records.CURSOR)
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
    def open_operations(self) -> list[tuple[str, str]]:
        """Return `(application, operation id)` of at most 200 open operations, oldest first."""
        found: list[Mapping[str, Any]] = []
        start: dict[str, Any] = {}
        while len(found) < _MAX_OPEN:
            page = self._client.query(
                TableName=self._names.log,
                IndexName=_INDEX,
                KeyConditionExpression="#open = :open",
                ExpressionAttributeNames={"#open": "open"},
                ExpressionAttributeValues=encode({":open": "1"}),
                Limit=_MAX_OPEN - len(found),
                **start,
            )
            found += page["Items"]
            if "LastEvaluatedKey" not in page:
                break
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        return [records.operation_id_of(item) for item in found]

    def check(self) -> Mapping[str, str]:
        """Return what is wrong with each table that cannot be read, by table name."""
        nothing = {"applicationName": "HEALTH#"}
        row, entry = encode(nothing | {"environment": "-"}), encode(nothing | {"entry": "-"})
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
    def _put(self, action: Mapping[str, Any], operation: Operation, write: str) -> None:
        try:
            self._client.put_item(**action)
        except self._client.exceptions.ConditionalCheckFailedException as failed:
            # Our own write, when its answer was lost and the SDK has sent it again.
            if not records.written_by(failed.response.get("Item", {}), write):
                raise LostClaimError(operation.id) from failed

    def _epoch(self) -> int:
        return int(self._now().timestamp())


def _check_landed(broken: Sequence[Broken], operation: Operation, write: str) -> None:
    """Raise LostClaimError unless the transaction is done, now or by an earlier send of it."""
    if not broken:
        return
    if all(one.conflict for one in broken):
        raise ThrottledError(_CONFLICT)
    records_found = (one.found for one in broken if one.part.about is About.OPERATION)
    if not any(records.written_by(found, write) for found in records_found):
        raise LostClaimError(operation.id)
