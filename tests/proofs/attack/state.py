"""The state of AWS behind the service, read with plain boto3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from tests.lab.laptop.api import Api
from tests.lab.laptop.estate import INVENTORY, LOG
from tests.lab.snapshot import forward_weights

_plain = TypeDeserializer().deserialize
Key = tuple[str, str, str]  # part, application, name
# The kinds of operations that can change a part of an application.
_NON_PRODUCTION = {"create", "deploy", "update", "delete"}
_SLOT = {"create", "deploy-blue", "delete"}


def kinds_that_change(key: Key) -> set[str]:
    """Return the kinds of operations that can change a part of the state."""
    part, _, name = key
    production = name.startswith(("prod", "PROD"))
    if part == "service":
        return _SLOT if production else _NON_PRODUCTION
    if part == "row":
        return {*_SLOT, "swap"} if production else _NON_PRODUCTION
    if part == "listener" and production:
        return {"create", "swap", "delete"}
    if part == "stack" or production:
        return {"create", "delete"}
    # Specifications, and environments that an update adds or removes.
    return {"create", "update", "delete"}


@dataclass(frozen=True)
class State:
    """The parts of AWS and of the inventory by key, and the records of all operations by id.

    `revisions` has the revisions of each application, by name and number.
    """

    parts: Mapping[Key, Any]
    operations: Mapping[str, Mapping[str, Any]]
    teams: Mapping[str, str]
    rows: tuple[Mapping[str, Any], ...]
    revisions: Mapping[tuple[str, int], Mapping[str, Any]]

    @property
    def open(self) -> list[str]:
        """The ids of the operations in progress."""
        found = self.operations.items()
        return [key for key, record in found if record["status"] == "IN_PROGRESS"]


class Reader:
    """Reads the state; task definitions are immutable, so each is read once."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._ecs = api.client("ecs")
        self._balancers = api.client("elbv2")
        self._stacks = api.client("cloudformation")
        self._tables = api.client("dynamodb")
        self._images: dict[str, tuple[str, ...]] = {}
        self._seen: set[str] = set()

    def read(self) -> State:
        """Return the present state."""
        rows = tuple(row for table in INVENTORY for row in self._items(table))
        parts: dict[Key, Any] = {}
        for row in rows:
            name, environment = row["applicationName"], row["environment"]
            self._seen.add(name)
            members = ("version", "image", "digest")
            parts["row", name, environment] = tuple(row.get(each) for each in members)
            shared = ("technicalTeam", "email", "tags", "stackId", "repository", "url",
                      "productionListener", "testListener", "targetGroup")  # fmt: skip
            parts["application", name, environment] = repr([row.get(each) for each in shared])
        for key, stack in self._stack_ids():
            self._seen.add(key)
            parts["stack", key, ""] = stack
            parts |= self._services(key)
        parts |= self._listeners()
        revisions = {key: each for name in self._seen for key, each in self._revisions(name)}
        for (name, number), each in revisions.items():
            parts["revision", name, str(number)] = each["document"]
        for name in self._seen:
            parts |= self._specification(name)
        teams = {row["applicationName"]: row.get("technicalTeam", "") for row in rows}
        operations = {key: each for name in self._seen for key, each in self._operations(name)}
        return State(parts, operations, teams, rows, revisions)

    def log_items(self) -> list[dict[str, Any]]:
        """Return all items of the log table."""
        return self._items(LOG)

    def _items(self, table: str) -> list[dict[str, Any]]:
        return [{k: _plain(v) for k, v in item.items()} for item in self._api.items(table)]

    def _stack_ids(self) -> Iterator[tuple[str, str]]:
        """Yield the names and the ids of the stacks of applications."""
        for page in self._stacks.get_paginator("describe_stacks").paginate():
            for stack in page["Stacks"]:
                tags = {tag["Key"] for tag in stack.get("Tags", [])}
                if stack["StackStatus"] != "DELETE_COMPLETE" and "devops:service" not in tags:
                    yield stack["StackName"], stack["StackId"]

    def _services(self, application: str) -> dict[Key, Any]:
        try:
            arns = self._ecs.list_services(cluster=application)["serviceArns"]
            described = self._ecs.describe_services(cluster=application, services=arns or ["none"])
        except self._ecs.exceptions.ClusterNotFoundException:
            return {}  # during a create or a delete
        return {
            ("service", application, each["serviceName"]): self._image(each["taskDefinition"])
            for each in described["services"]
            if each["status"] == "ACTIVE"
        }

    def _image(self, definition: str) -> tuple[str, ...]:
        if definition not in self._images:
            found = self._ecs.describe_task_definition(taskDefinition=definition)
            containers = found["taskDefinition"]["containerDefinitions"]
            self._images[definition] = tuple(each["image"] for each in containers)
        return self._images[definition]

    def _listeners(self) -> dict[Key, Any]:
        found: dict[Key, Any] = {}
        for page in self._balancers.get_paginator("describe_load_balancers").paginate():
            for each in page["LoadBalancers"]:
                name = each["LoadBalancerName"]
                application, _, environment = name.removeprefix("internal-").rpartition("-")
                listeners = self._balancers.describe_listeners(
                    LoadBalancerArn=each["LoadBalancerArn"]
                )["Listeners"]
                for listener in listeners:
                    key = ("listener", application, f"{environment}:{listener['Port']}")
                    found[key] = forward_weights(listener["DefaultActions"])
        return found

    def _specification(self, application: str) -> dict[Key, Any]:
        """Return the present specification: the number of its revision and its document."""
        key = {"applicationName": {"S": application}, "entry": {"S": "APPLICATION"}}
        item = self._tables.get_item(TableName=LOG, Key=key).get("Item")
        if item is None:
            return {}
        found = _plain(item["current"]), _plain(item["document"])
        return {("specification", application, ""): found}

    def _revisions(self, application: str) -> Iterator[tuple[tuple[str, int], Mapping[str, Any]]]:
        for record in self._entries(application, "SPEC#"):
            yield (application, int(record["entry"].partition("#")[2])), record

    def _operations(self, application: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for record in self._entries(application, "OPERATION#"):
            yield record["entry"].partition("#")[2], record

    def _entries(self, application: str, start: str) -> Iterator[Mapping[str, Any]]:
        """Yield the items of an application in the log table whose sort key begins so."""
        pages = self._tables.get_paginator("query").paginate(
            TableName=LOG,
            KeyConditionExpression="applicationName = :name AND begins_with(entry, :start)",
            ExpressionAttributeValues={
                ":name": {"S": application}, ":start": {"S": start},
            },
        )  # fmt: skip
        for page in pages:
            for item in page["Items"]:
                yield {name: _plain(value) for name, value in item.items()}
