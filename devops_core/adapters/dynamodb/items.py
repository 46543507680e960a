"""Model values as DynamoDB items and back, the keys of items, and reads of many keys.

An inventory row is readable in the AWS console: it has plain attributes for the running version,
its image and its URL. Times are ISO 8601 in UTC. A member that is None has no attribute.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from devops_core.adapters.aws.errors import translated
from devops_core.adapters.dynamodb.attributes import Item, decode, encode, plain, typed
from devops_core.errors import ThrottledError
from devops_core.naming import Environment
from devops_core.settings import TableNames

if TYPE_CHECKING:
    from devops_core.model.claims import IdempotencyRecord
    from devops_core.model.inventory import Application, Inventory, Row
    from devops_core.model.listing import OpenOperation
    from devops_core.model.notification import Notification, OutboxKey
    from devops_core.model.operation import Event, Operation
    from devops_core.model.specification import ApplicationRecord, Revision, Specification

# Returns the class of `Operation.details` for a kind, None for a kind without details.
DetailsType = Callable[[str], type[Any] | None]

# The sparse index of items with the attribute `open`.
INDEX = "OpenOperations"
# Prefixes of `entry`, the sort key of the log table.
OPERATION = "OPERATION#"
EVENT = "EVENT#"
TIME = "TIME#"
REVISION = "SPEC#"
DUE = "DUE#"
# The entry of the record of an application.
RECORD = "APPLICATION"
# Partitions of the log table for all applications; application names have no "#". A partition
# takes 1,000 writes a second (DynamoDB Developer Guide, "Best practices for designing partition
# keys"), far more than the deployments that ECS accepts in that time.
NAMES = "NAMES#"
EVENTS = "EVENTS#"
# The key of the drift check's position.
CURSOR = {"applicationName": "DRIFT#", "entry": "CURSOR"}
# The key of the schedule's position in the index of open operations.
SWEEP_POSITION = {"applicationName": "SCHEDULE#", "entry": "CURSOR"}
# The partition of the counters of waiting calls. Each counter has the calls that began in a window
# of time. A function of the API runs for at most 29 s. So only the last two counters matter, and
# the calls of crashed functions are forgotten after a minute.
WAITING = "WAITING#"
WAITING_SECONDS = 30
# Then DynamoDB removes a counter (TTL).
WAITING_KEPT_SECONDS = 3600
_FOR_CALLS = (
    "name", "arn", "targetGroup", "container", "taskDefinition", "registered", "wasLive",
    "liveDefinition",
)  # fmt: skip
# Keys in one call (DynamoDB API, BatchGetItem).
MAX_KEYS = 100
# Calls for the keys that DynamoDB returns as unprocessed.
_MAX_ATTEMPTS = 4


@translated()
def batch_get(client: Any, keys: Mapping[str, Sequence[Item]]) -> dict[str, list[Item]]:
    """Return the items of at most 100 keys by table, with consistent reads.

    A key without an item is missing. Raises ThrottledError if DynamoDB leaves keys unprocessed in
    four calls.
    """
    unread = {table: {"Keys": some, "ConsistentRead": True} for table, some in keys.items()}
    found: dict[str, list[Item]] = {}
    for _ in range(_MAX_ATTEMPTS):
        response = client.batch_get_item(RequestItems=unread)
        for table, items in response["Responses"].items():
            found.setdefault(table, []).extend(items)
        unread = response.get("UnprocessedKeys")
        if not unread:
            return found
    raise ThrottledError("AWS throttles BatchGetItem")


def table_of(environment: Environment, names: TableNames) -> str:
    """Return the inventory table for an environment."""
    if environment.is_production:
        return names.production
    in_training = environment in (Environment.TRAINING, Environment.DA)
    return names.training_da if in_training else names.non_production


def row_keys(
    application: str, environments: Iterable[Environment], names: TableNames
) -> dict[str, list[Item]]:
    """Return the keys of an application's inventory rows, by table."""
    keys: dict[str, list[Item]] = {}
    for environment in environments:
        key = row_key(application, environment)
        keys.setdefault(table_of(environment, names), []).append(key)
    return keys


def row_key(application: str, environment: Environment) -> Item:
    """Return the key of an inventory row."""
    return encode({"applicationName": application, "environment": environment.value})


def row_item(row: Row) -> Item:
    """Return a row as an item; the values of its application and service are attributes too."""
    values, service = plain(row), row.service
    application = values.pop("application")
    application["applicationName"] = application.pop("name")
    values |= application
    if service:
        attributes = values.pop("service")
        # The values for AWS calls are in one map, so that they do not hide the values for people.
        values["service"] = {name: attributes.pop(name, None) for name in _FOR_CALLS}
        # As JSON text, because ECS defines its content: it can have floats and nulls.
        attributes["blueprint"] = json.dumps(service.blueprint, sort_keys=True)
        attributes["slot"] = service.name if row.environment.is_production else None
        values |= attributes
    return encode(values)


def row_of(item: Mapping[str, Mapping[str, Any]]) -> Row:
    """Return the row in an item."""
    values = decode(item)
    application = values | {"name": values["applicationName"]}
    members = values | {"application": application}
    if "service" in values:
        blueprint = json.loads(values["blueprint"])
        members["service"] = values | values["service"] | {"blueprint": blueprint}
    from devops_core.model.inventory import Row

    row: Row = typed(Row, members)
    return row


def inventory_of(rows: Iterable[Row], record: ApplicationRecord | None) -> Inventory:
    """Return the inventory of one application's rows, in the order of the environments."""
    found = {row.environment: row for row in rows}
    from devops_core.model.inventory import Inventory

    return Inventory({name: found[name] for name in Environment if name in found}, record)


def record_key(application: str) -> Item:
    """Return the key of the record of an application."""
    return encode({"applicationName": application, "entry": RECORD})


def is_record(item: Mapping[str, Mapping[str, Any]]) -> bool:
    """Return whether an item of the log table is the record of an application."""
    return bool(item["entry"]["S"] == RECORD)


def application_of(item: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the application of an item."""
    name: str = item["applicationName"]["S"]
    return name


def record_item(application: str, record: ApplicationRecord) -> Item:
    """Return the record of an application as an item.

    The document is JSON text: DynamoDB would not keep a null and an empty name of a member.
    """
    values = plain(record)
    del values["specification"]
    return record_key(application) | encode(values | document(record.specification))


def document(specification: Specification) -> dict[str, str]:
    """Return the attributes of a document, of the digests of its images and of its authors."""
    return {
        "document": json.dumps(specification.document, sort_keys=True),
        "digests": json.dumps(dict(specification.digests), sort_keys=True),
        "authors": json.dumps(dict(specification.authors), sort_keys=True),
    }


def _specification(number: int, values: Mapping[str, Any]) -> Specification:
    from devops_core.model.specification import Specification

    document, digests = (json.loads(values[name]) for name in ("document", "digests"))
    # Items of the previous version have no authors.
    return Specification(number, document, digests, json.loads(values.get("authors", "{}")))


def record_of(item: Mapping[str, Mapping[str, Any]]) -> ApplicationRecord:
    """Return the record of an application in an item, with its present revision."""
    from devops_core.model.specification import ApplicationRecord, FixedSettings, StackRecord

    values = decode(item)
    current = values["current"]
    return ApplicationRecord(
        _specification(current, values),
        current,
        fixed=typed(FixedSettings, values["fixed"]),
        claim=values.get("claim"),
        stack=typed(StackRecord, values.get("stack")),
        latest=values.get("latest"),
    )


def revision_key(application: str, number: int) -> Item:
    """Return the key of a revision; the keys have the order of the numbers."""
    return encode({"applicationName": application, "entry": f"{REVISION}{number:08d}"})


def revision_item(application: str, revision: Revision) -> Item:
    """Return a revision as an item."""
    specification = revision.specification
    values = plain(revision) | {"revision": specification.revision}
    del values["specification"]
    key = revision_key(application, specification.revision)
    return key | encode(values | document(specification))


def revision_of(item: Mapping[str, Mapping[str, Any]]) -> Revision:
    """Return the revision in an item."""
    from devops_core.model.specification import Revision

    values = decode(item)
    return Revision(
        _specification(values["revision"], values),
        operation=values["operation"],
        caller=values["caller"],
        time=datetime.fromisoformat(values["time"]),
    )


def operation_key(application: str, operation_id: str) -> Item:
    """Return the key of an operation's record."""
    return encode({"applicationName": application, "entry": f"{OPERATION}{operation_id}"})


def operation_item(operation: Operation, write: str) -> Item:
    """Return an operation's record; `write` is the unique id of this write, see `written_by`.

    The attribute `open` puts an operation in progress into the sparse index OpenOperations.
    """
    values = plain(operation)
    del values["application"]
    key = operation_key(operation.application, operation.id)
    return key | encode(values | {"open": None if operation.ended else "1", "write": write})


def operation_of(item: Mapping[str, Mapping[str, Any]], details_type: DetailsType) -> Operation:
    """Return the operation in a record, without details if its kind is unknown."""
    values = decode(item)
    values["application"] = values["applicationName"]
    from devops_core.model.operation import Operation

    operation: Operation = typed(Operation, values)
    if operation.details is None:
        return operation
    made = details_type(operation.kind)
    return replace(operation, details=typed(made, operation.details) if made else None)


def open_operation_of(item: Mapping[str, Mapping[str, Any]]) -> OpenOperation:
    """Return the operation of an entry in the index of open operations."""
    values = decode(item)
    deadline = None
    with suppress(KeyError, TypeError, ValueError):
        deadline = datetime.fromisoformat(values["deadline"])
    entry: str = values["entry"]
    from devops_core.model.listing import OpenOperation

    return OpenOperation(values["applicationName"], entry.removeprefix(OPERATION), deadline)


def open_operation_key(position: str) -> Item:
    """Return the key of an entry in the index of open operations."""
    operation_id, _, application = position.partition(" ")
    return operation_key(application, operation_id) | encode({"open": "1"})


def sweep_position_of(item: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return the position in the schedule's item; None if the item is missing or damaged."""
    return item.get("after", {}).get("S")


def waiting_key(window: int) -> Item:
    """Return the key of the counter of the calls that began to wait in a window."""
    return encode({"applicationName": WAITING, "entry": str(window)})


def waiting_calls(item: Mapping[str, Mapping[str, Any]]) -> int:
    """Return the calls of a counter that still wait; 0 without a counter."""
    return int(decode(item).get("calls", 0))


def written_by(item: Mapping[str, Mapping[str, Any]], write: str) -> bool:
    """Whether a stored record was written by the write with this id.

    The revision does not identify a write: two workers that read the same revision write the same
    next one.
    """
    return decode(item).get("write") == write


def event_items(event: Event) -> list[Item]:
    """Return the three items of an event.

    The key of the first contains the operation and the event's key, so a repeated write does not
    duplicate the event. The other two list events by time, for its application and for all
    applications. An index cannot replace them, because its reads are not consistent.
    """
    values = plain(event)
    del values["application"]
    own, time = f"{event.operation}#{event.key}", values["time"]
    keys = (
        {"applicationName": event.application, "entry": f"{EVENT}{own}"},
        {"applicationName": event.application, "entry": f"{TIME}{time}#{own}"},
        {"applicationName": EVENTS, "entry": f"{TIME}{time}#{own}", "of": event.application},
    )
    return [encode(key | values) for key in keys]


def event_of(item: Mapping[str, Mapping[str, Any]]) -> Event:
    """Return the event in any of its three items."""
    values = decode(item)
    values["application"] = values.get("of") or values["applicationName"]
    from devops_core.model.operation import Event

    event: Event = typed(Event, values)
    return event


def notification_item(notification: Notification) -> Item:
    """Return a notification that is not sent; `open` puts it into the index OpenOperations.

    Its key begins with the time at which it is due.
    """
    values = plain(notification)
    application, time = values.pop("application"), values["time"]
    key = {"applicationName": application, "entry": f"{DUE}{time}#{notification.id}"}
    return encode(key | values | {"open": "1"})


def notification_of(item: Mapping[str, Mapping[str, Any]]) -> Notification:
    """Return the notification in an item."""
    values = decode(item)
    values["application"] = values["applicationName"]
    from devops_core.model.notification import Notification

    notification: Notification = typed(Notification, values)
    return notification


def outbox_key_of(item: Mapping[str, Mapping[str, Any]]) -> OutboxKey:
    """Return the key of a notification in the index of open operations."""
    from devops_core.model.notification import OutboxKey

    return OutboxKey(item["applicationName"]["S"], item["entry"]["S"])


def idempotency_record_key(key: str) -> Item:
    """Return the key of the record of an Idempotency-Key."""
    return encode({"applicationName": f"IDEMPOTENCY#{key}", "entry": "POINTER"})


def idempotency_record_item(record: IdempotencyRecord) -> Item:
    """Return an idempotency record as an item; DynamoDB removes it after `expiresAt` (TTL)."""
    return idempotency_record_key(record.key) | encode(plain(record))


def idempotency_record_of(item: Mapping[str, Mapping[str, Any]]) -> IdempotencyRecord:
    """Return the idempotency record in an item."""
    from devops_core.model.claims import IdempotencyRecord

    record: IdempotencyRecord = typed(IdempotencyRecord, decode(item))
    return record


def name_key(application: str) -> Item:
    """Return the key of an application name's reservation, in lower case.

    ECR repository names are lower case, so two applications whose names differ only in case would
    share a repository.
    """
    return encode({"applicationName": NAMES, "entry": application.lower()})


def name_item(application: Application) -> Item:
    """Return the reservation of an application's name; the reservations list all applications."""
    values = {"name": application.name, "technicalTeam": application.technical_team}
    return name_key(application.name) | encode(values)


def name_of(item: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the application name in a reservation."""
    name: str = decode(item)["name"]
    return name
