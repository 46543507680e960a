"""The state of a laptop cloud, read once with plain boto3: tables, listeners, services."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from devops_core.naming import OPERATION_TAG
from tests.lab.laptop.api import Api

INVENTORY = (
    "ECS_Inventory_NonProduction", "ECS_Inventory_Production", "ECS_Inventory_TrainingDA",
)  # fmt: skip
LOG = "DevOpsLogsTable"
_plain = TypeDeserializer().deserialize


@dataclass(frozen=True)
class Running:
    """An ECS service: its task definition and the state of its newest deployment."""

    definition: str
    state: str
    running: int
    desired: int


@dataclass(frozen=True)
class Definition:
    """An ACTIVE task definition; `operation` is "" for one of a stack."""

    image: str
    operation: str = ""


@dataclass
class Estate:
    """The state that the promises concern. Items of the tables are plain dictionaries.

    `services` by cluster and name, `listeners` give the target groups they forward to,
    `stacks` the operation they are tagged with, `served` the page behind a URL.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    log: list[dict[str, Any]] = field(default_factory=list)
    listeners: dict[str, list[str]] = field(default_factory=dict)
    services: dict[tuple[str, str], Running] = field(default_factory=dict)
    definitions: dict[str, Definition] = field(default_factory=dict)
    stacks: dict[str, str] = field(default_factory=dict)
    served: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def operations(self) -> list[dict[str, Any]]:
        """The records of all operations."""
        return _operations(self.log)

    def events(self, operation: str) -> list[dict[str, Any]]:
        """Return the events of an operation in their order."""
        prefix = f"EVENT#{operation}#"
        found = [item for item in self.log if item["entry"].startswith(prefix)]
        return sorted(found, key=lambda item: str(item["entry"]))

    def production(self, application: str) -> dict[str, dict[str, Any]]:
        """Return the rows of an application's production by role."""
        return {
            row["environment"]: row
            for row in self.rows
            if row["applicationName"] == application and row["environment"].startswith("PROD-")
        }

    def only(self, applications: Collection[str]) -> Estate:
        """Return the part of some applications."""
        return replace(
            self,
            rows=[row for row in self.rows if row["applicationName"] in applications],
            log=[item for item in self.log if item["applicationName"] in applications],
            definitions={
                arn: each
                for arn, each in self.definitions.items()
                if family(arn).partition("-")[0] in applications
            },
            stacks={name: by for name, by in self.stacks.items() if name in applications},
        )


def family(definition: str) -> str:
    """Return the family of a task definition's ARN."""
    return definition.rpartition("/")[2].partition(":")[0]


def rows(api: Api) -> list[dict[str, Any]]:
    """Return the inventory."""
    return [item for table in INVENTORY for item in _items(api, table)]


def operations(api: Api) -> list[dict[str, Any]]:
    """Return the records of all operations."""
    return _operations(_items(api, LOG))


def read(api: Api) -> Estate:
    """Read the state of a laptop cloud, and the page of each environment."""
    known = rows(api)
    active = [row for row in known if row["status"] == "ACTIVE"]
    arns = {row[key] for row in active for key in ("productionListener", "testListener")}
    return Estate(
        rows=known,
        log=_items(api, LOG),
        listeners=dict(_listeners(api, sorted(arns))),
        services=dict(_services(api, active)),
        definitions=dict(_definitions(api)),
        stacks=dict(_stacks(api)),
        served={row["url"]: api.fetch(row["url"]).body for row in active},
    )


def _operations(log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [item for item in log if item["entry"].startswith("OPERATION#")]


def _items(api: Api, table: str) -> list[dict[str, Any]]:
    return [{k: _plain(v) for k, v in item.items()} for item in api.items(table)]


def _listeners(api: Api, arns: list[str]) -> Iterable[tuple[str, list[str]]]:
    client = api.client("elbv2")
    for arn in arns:
        (listener,) = client.describe_listeners(ListenerArns=[arn])["Listeners"]
        yield arn, [action["TargetGroupArn"] for action in listener["DefaultActions"]]


def _services(api: Api, active: list[dict[str, Any]]) -> Iterable[tuple[tuple[str, str], Running]]:
    client = api.client("ecs")
    for application in {row["applicationName"] for row in active}:
        arns = client.list_services(cluster=application)["serviceArns"]
        for each in client.describe_services(cluster=application, services=arns)["services"]:
            primary = next(one for one in each["deployments"] if one["status"] == "PRIMARY")
            counts = each["runningCount"], each["desiredCount"]
            running = Running(primary["taskDefinition"], primary["rolloutState"], *counts)
            yield (application, each["serviceName"]), running


def _definitions(api: Api) -> Iterable[tuple[str, Definition]]:
    client = api.client("ecs")
    for page in client.get_paginator("list_task_definitions").paginate(status="ACTIVE"):
        for arn in page["taskDefinitionArns"]:
            found = client.describe_task_definition(taskDefinition=arn, include=["TAGS"])
            tags = {tag["key"]: tag["value"] for tag in found.get("tags", [])}
            (container,) = found["taskDefinition"]["containerDefinitions"]
            yield arn, Definition(container["image"], tags.get(OPERATION_TAG, ""))


def _stacks(api: Api) -> Iterable[tuple[str, str]]:
    for page in api.client("cloudformation").get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            tags = {tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])}
            if stack["StackStatus"] != "DELETE_COMPLETE" and OPERATION_TAG in tags:
                yield stack["StackName"], tags[OPERATION_TAG]
