"""Model values as DynamoDB items and back.

An inventory row is laid out for a person who reads it in the console: what runs where comes first
and in plain words. Times are ISO 8601 in UTC. What is absent has no attribute.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from devops_core import model
from devops_core.adapters.attributes import Item, decode, encode, plain, typed
from devops_core.naming import Environment
from devops_core.settings import TableNames

if TYPE_CHECKING:
    from devops_core.model import Application, Event, Inventory, Operation, Row, Service
    from devops_core.ports import IdempotencyRecord

# Kinds of entries in the log table, whose key is applicationName and entry.
OPERATION = "OPERATION#"
EVENT = "EVENT#"
TIME = "TIME#"
_IDEMPOTENCY_ENTRY = "POINTER"
# Partitions that are no application's: "#" is in no name. One of DynamoDB takes 1000 writes in a
# second (DynamoDB Developer Guide, "Best practices for designing partition keys"), and ECS takes a
# handful of deployments in that time.
NAMES = "NAMES#"
EVENTS = "EVENTS#"
# Where the drift check goes on.
CURSOR = {"applicationName": "DRIFT#", "entry": "CURSOR"}


def table_of(environment: Environment, names: TableNames) -> str:
    """Return the inventory table that holds an environment's rows."""
    if environment.is_production:
        return names.production
    in_training = environment in (Environment.TRAINING, Environment.DA)
    return names.training_da if in_training else names.non_production


def row_keys(
    application: str, environments: Iterable[Environment], names: TableNames
) -> dict[str, list[Item]]:
    """Return the keys of an application's inventory rows by table."""
    keys: dict[str, list[Item]] = {}
    for environment in environments:
        key = row_key(application, environment)
        keys.setdefault(table_of(environment, names), []).append(key)
    return keys


def row_key(application: str, environment: Environment) -> Item:
    """Return the key of an inventory row."""
    return encode({"applicationName": application, "environment": environment.value})


def row_item(row: Row) -> Item:
    """Return a row as an item."""
    application, service = row.application, row.service
    return encode(
        {
            "applicationName": application.name,
            "environment": row.environment.value,
            "status": row.status.value,
            "claim": row.claim,
            "revision": row.revision,
            "url": row.url,
            "operation": row.operation,
            "updatedAt": plain(row.updated_at),
            "updatedBy": row.updated_by,
            "drift": row.drift,
            "technicalTeam": application.technical_team,
            "email": application.email,
            "description": application.description or None,
            "tags": application.tags,
            "stackId": application.stack_id,
            "repository": application.repository,
            "productionListener": application.production_listener,
            "testListener": application.test_listener,
            "warmup": application.warmup or None,
        }
        | (_service_values(service, row.environment) if service else {})
    )


def row_of(item: Mapping[str, Mapping[str, Any]]) -> Row:
    """Return the row that an item holds."""
    values = decode(item)
    return model.Row(
        application=_application(values),
        environment=Environment(values["environment"]),
        status=model.RowStatus(values["status"]),
        claim=values.get("claim"),
        revision=values["revision"],
        url=values.get("url"),
        service=_service(values) if "service" in values else None,
        operation=values.get("operation"),
        updated_at=typed(datetime, values.get("updatedAt")),
        updated_by=values.get("updatedBy"),
        drift=values.get("drift"),
    )


def inventory_of(rows: Iterable[Row]) -> Inventory:
    """Return the rows of an application as its inventory, in the order of the environments."""
    found = {row.environment: row for row in rows}
    return model.Inventory({name: found[name] for name in Environment if name in found})


def operation_key(application: str, operation_id: str) -> Item:
    """Return the key of an operation's record."""
    return encode({"applicationName": application, "entry": f"{OPERATION}{operation_id}"})


def operation_item(operation: Operation, write: str) -> Item:
    """Return an operation's record. `write` names this one write of it, see `written_by`.

    `open` puts it into the sparse index OpenOperations, as long as it is in progress.
    """
    values = plain(operation)
    del values["application"]
    key = operation_key(operation.application, operation.id)
    return key | encode(values | {"open": None if operation.ended else "1", "write": write})


def operation_of(item: Mapping[str, Mapping[str, Any]]) -> Operation:
    """Return the operation that a record holds."""
    values = decode(item)
    values["application"] = values["applicationName"]
    operation: Operation = typed(model.Operation, values)
    return operation


def operation_id_of(item: Mapping[str, Mapping[str, Any]]) -> tuple[str, str]:
    """Return `(application, operation id)` from the key of a record."""
    values = decode(item)
    return values["applicationName"], values["entry"].removeprefix(OPERATION)


def written_by(item: Mapping[str, Mapping[str, Any]], write: str) -> bool:
    """Whether a stored record is what that one write left behind.

    Revision alone cannot tell: two workers that have seen the same one write the same next one.
    """
    return decode(item).get("write") == write


def event_items(event: Event) -> list[Item]:
    """Return an event as the items that it is written as.

    The first is the event's own: its key follows from the operation, so that there is one,
    however often it is written. The others are what is read in the order of time, of its
    application and of all. An index would be without what was just written.
    """
    values = plain(event)
    del values["application"]
    own, when = f"{event.operation}#{event.key}", values["time"]
    keys = (
        {"applicationName": event.application, "entry": f"{EVENT}{own}"},
        {"applicationName": event.application, "entry": f"{TIME}{when}#{own}"},
        {"applicationName": EVENTS, "entry": f"{TIME}{when}#{own}", "of": event.application},
    )
    return [encode(key | values) for key in keys]


def event_of(item: Mapping[str, Mapping[str, Any]]) -> Event:
    """Return the event that any of its items holds."""
    values = decode(item)
    values["application"] = values.get("of") or values["applicationName"]
    event: Event = typed(model.Event, values)
    return event


def idempotency_record_key(key: str) -> Item:
    """Return the key of what an Idempotency-Key stands for."""
    return encode({"applicationName": f"IDEMPOTENCY#{key}", "entry": _IDEMPOTENCY_ENTRY})


def idempotency_record_item(record: IdempotencyRecord) -> Item:
    """Return a record as an item; DynamoDB removes it some time after `expiresAt` (TTL)."""
    return idempotency_record_key(record.key) | encode(plain(record))


def idempotency_record_of(item: Mapping[str, Mapping[str, Any]]) -> IdempotencyRecord:
    """Return the record that an item holds."""
    from devops_core.ports import IdempotencyRecord

    record: IdempotencyRecord = typed(IdempotencyRecord, decode(item))
    return record


def name_key(application: str) -> Item:
    """Return the key of an application name's reservation.

    ECR repository names are lower case, so that two applications whose names differ only in case
    would share one.
    """
    return encode({"applicationName": NAMES, "entry": application.lower()})


def name_item(application: Application) -> Item:
    """Return the reservation of an application's name. All of them list the applications."""
    values = {"name": application.name, "technicalTeam": application.technical_team}
    return name_key(application.name) | encode(values)


def name_of(item: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the application that a reservation is for."""
    name: str = decode(item)["name"]
    return name


def _application(values: Mapping[str, Any]) -> Application:
    return model.Application(
        name=values["applicationName"],
        technical_team=values["technicalTeam"],
        email=values["email"],
        description=values.get("description", ""),
        tags=values.get("tags", {}),
        stack_id=values.get("stackId"),
        repository=values.get("repository"),
        production_listener=values.get("productionListener"),
        test_listener=values.get("testListener"),
        warmup=tuple(values.get("warmup", ())),
    )


def _service_values(service: Service, environment: Environment) -> dict[str, Any]:
    return {
        "version": service.version,
        "image": service.image,
        "digest": service.digest,
        "slot": service.name if environment.is_production else None,
        "deployedAt": plain(service.deployed_at),
        "deployedBy": service.deployed_by,
        "service": {
            "name": service.name,
            "arn": service.arn,
            "targetGroup": service.target_group,
            "taskDefinition": service.task_definition,
            "registered": service.registered,
            "wasLive": service.was_live,
        },
        # As text, because it is ECS's to say what is in it: floats, say, are no int.
        "blueprint": json.dumps(service.blueprint, sort_keys=True),
    }


def _service(values: Mapping[str, Any]) -> Service:
    known = values["service"]
    return model.Service(
        name=known["name"],
        arn=known["arn"],
        target_group=known["targetGroup"],
        task_definition=known["taskDefinition"],
        registered=known.get("registered"),
        blueprint=json.loads(values["blueprint"]),
        image=values["image"],
        digest=values.get("digest"),
        version=values.get("version"),
        deployed_at=typed(datetime, values.get("deployedAt")),
        deployed_by=values.get("deployedBy"),
        was_live=known["wasLive"],
    )
