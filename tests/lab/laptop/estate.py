"""The state of a laptop cloud, read once with plain boto3, and the check of its promises."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from devops_core.model.inventory import Row, RowStatus
from devops_core.naming import OPERATION_TAG
from tests.lab.laptop.api import Api
from tests.lab.moto.scaling import Registered, target_snapshots
from tests.lab.promises import Context, hold_at_rest
from tests.lab.snapshot import (
    LISTENERS,
    Service,
    Stack,
    StoredSnapshot,
    Target,
    TaskDefinition,
    forward_weights,
    settings_of,
)
from tests.lab.table_items import TableItems

INVENTORY = (
    "ECS_Inventory_NonProduction", "ECS_Inventory_Production", "ECS_Inventory_TrainingDA",
)  # fmt: skip
LOG = "DevOpsLogsTable"
_plain = TypeDeserializer().deserialize
_NO_WATCHER = "the state is read only once, after all operations have ended"
# The promises that cannot be checked from outside.
UNCHECKED: Mapping[str, str] = {
    "only_the_holder_of_a_claim_changes_aws": _NO_WATCHER,
    "customers_move_only_to_a_ready_slot": _NO_WATCHER,
    "only_a_promote_changes_the_idle_slot": _NO_WATCHER,
    "no_rollout_changes_the_live_slot": _NO_WATCHER,
    "each_event_for_people_has_one_notification": "no rule receives the events of the service",
    "an_operation_that_failed_before_its_switch_moved_no_customers": (
        "no watcher counts the switches; the events of an operation show them"
    ),
}


def hold_after_recovery(api: Api, untidy: Collection[str] = ()) -> None:
    """Check all promises on a laptop cloud after all operations have ended.

    `untidy` has the families of task definitions in which a registration can remain that the SDK
    has sent twice, until the application is deleted.
    """
    hold_at_rest(read(api), Context(untidy=untidy))


def rows(api: Api) -> list[dict[str, Any]]:
    """Return the inventory."""
    return [item for table in INVENTORY for item in _items(api, table)]


def operations(api: Api) -> list[dict[str, Any]]:
    """Return the records of all operations."""
    return _operations(_items(api, LOG))


def read(api: Api) -> StoredSnapshot:
    """Read the state of a laptop cloud, and the page of each environment."""
    tables = TableItems(api.items, INVENTORY, LOG)
    active = [row for row in tables.rows if row.status is RowStatus.ACTIVE]
    return StoredSnapshot(
        unchecked=UNCHECKED,
        rows=list(tables.rows),
        records=dict(tables.records),
        specifications=dict(tables.specifications),
        operations=dict(tables.operations),
        events={key: list(some) for key, some in tables.events.items()},
        listed=tables.listed,
        listeners=dict(_listeners(api, active)),
        services=dict(_services(api, active)),
        task_definitions=dict(_definitions(api)),
        stacks=list(_stacks(api)),
        targets=dict(_targets(api)),
        pages={row.url: api.fetch(row.url).body for row in active if row.url},
    )


def _operations(log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [item for item in log if item["entry"].startswith("OPERATION#")]


def _items(api: Api, table: str) -> list[dict[str, Any]]:
    return [{k: _plain(v) for k, v in item.items()} for item in api.items(table)]


def _listeners(api: Api, active: list[Row]) -> Iterable[tuple[tuple[str, str], dict[str, int]]]:
    client = api.client("elbv2")
    for application in {row.application.name: row.application for row in active}.values():
        arns = application.production_listener, application.test_listener
        for name, arn in zip(LISTENERS, arns, strict=True):
            (listener,) = client.describe_listeners(ListenerArns=[arn])["Listeners"]
            yield (application.name, name), forward_weights(listener["DefaultActions"])


def _services(api: Api, active: list[Row]) -> Iterable[tuple[tuple[str, str], Service]]:
    client = api.client("ecs")
    for application in {row.application.name for row in active}:
        arns = client.list_services(cluster=application)["serviceArns"]
        for each in client.describe_services(cluster=application, services=arns)["services"]:
            primary = next(one for one in each["deployments"] if one["status"] == "PRIMARY")
            counts = each["runningCount"], each["desiredCount"]
            definition, name = primary["taskDefinition"], each["serviceName"]
            digests = _digests(client, application, name, definition)
            state = primary["rolloutState"]
            yield (application, name), Service(definition, state, *counts, digests=digests)


def _digests(client: Any, cluster: str, service: str, definition: str) -> tuple[str, ...]:
    """Return the digests that the running tasks of a task definition report."""
    tasks = client.list_tasks(cluster=cluster, serviceName=service, desiredStatus="RUNNING")
    if not tasks["taskArns"]:
        return ()
    found = client.describe_tasks(cluster=cluster, tasks=tasks["taskArns"])["tasks"]
    reported = {
        each["containers"][0].get("imageDigest", "")
        for each in found
        if each["taskDefinitionArn"] == definition and each["lastStatus"] == "RUNNING"
    }
    return tuple(sorted(reported))


def _definitions(api: Api) -> Iterable[tuple[str, TaskDefinition]]:
    client = api.client("ecs")
    for page in client.get_paginator("list_task_definitions").paginate(status="ACTIVE"):
        for arn in page["taskDefinitionArns"]:
            found = client.describe_task_definition(taskDefinition=arn, include=["TAGS"])
            tags = {tag["key"]: tag["value"] for tag in found.get("tags", [])}
            # A rollout adds sidecars after the application's container.
            container = found["taskDefinition"]["containerDefinitions"][0]
            yield (
                arn,
                TaskDefinition(
                    container["image"],
                    tags.get(OPERATION_TAG, ""),
                    **settings_of(found["taskDefinition"], container, tags),
                ),
            )


def _stacks(api: Api) -> Iterable[Stack]:
    for page in api.client("cloudformation").get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            tags = {tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])}
            if stack["StackStatus"] != "DELETE_COMPLETE":
                yield Stack(stack["StackId"], stack["StackName"], tags.get(OPERATION_TAG, ""))


def _targets(api: Api) -> Iterable[tuple[tuple[str, str], Target]]:
    client = api.client("application-autoscaling")
    registered: dict[str, Registered] = {}
    for page in client.get_paginator("describe_scalable_targets").paginate(ServiceNamespace="ecs"):
        for each in page["ScalableTargets"]:
            limits = each["MinCapacity"], each["MaxCapacity"]
            registered[each["ResourceId"]] = Registered(*limits, each["SuspendedState"])
    for page in client.get_paginator("describe_scaling_policies").paginate(ServiceNamespace="ecs"):
        for each in page["ScalingPolicies"]:
            policies = registered[each["ResourceId"]].policies
            policies[each["PolicyName"]] = each["TargetTrackingScalingPolicyConfiguration"]
    return target_snapshots(registered)
