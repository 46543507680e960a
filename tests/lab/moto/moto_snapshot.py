"""The state of an account in moto, for the promises; it is read independently of the service.

A watcher reads it at each outgoing write. Tables, listeners, task definitions and stacks are read
from moto's memory, because a call takes 3 ms.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar

from devops_core.adapters.dynamodb import items
from devops_core.adapters.dynamodb.attributes import Item
from devops_core.model.inventory import RowStatus
from devops_core.model.notification import notifications
from devops_core.model.operation import Operation
from devops_core.naming import OPERATION_TAG
from tests.lab.moto.account import Account
from tests.lab.moto.backends import backend
from tests.lab.moto.change_sets import parameters_of
from tests.lab.moto.scaling import target_snapshots
from tests.lab.moto.transport import Call
from tests.lab.snapshot import (
    SCALING_ACTIONS,
    STACK_ACTIONS,
    Action,
    Change,
    ChangeSet,
    Listener,
    Service,
    Stack,
    Target,
    TaskDefinition,
    family_of,
    forward_weights,
    settings_of,
    split_name,
)
from tests.lab.table_items import TableItems

_FAULTS_REMAIN = (
    "a manual change, and a fault that lasts until an operation has ended, leave rows with drift,"
    " stacks that cannot be deleted, and services without tasks or without a complete rollout"
)


class MotoSnapshot(TableItems):
    """The state of an account with one application, see `tests.lab.snapshot.Snapshot`."""

    unchecked: ClassVar[Mapping[str, str]] = {
        "each_claim_is_that_of_an_operation": "one account starts with an unknown claim",
        "production_has_two_rows": _FAULTS_REMAIN,
        "each_environment_is_in_service": _FAULTS_REMAIN,
        "rows_have_the_digest_of_the_running_tasks": "moto runs no tasks",
        "pages_are_those_of_the_release": "moto runs no tasks and returns no pages",
    }
    pages: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def __init__(self, account: Account) -> None:
        names = account.settings.tables
        inventory = (names.non_production, names.production, names.training_da)
        super().__init__(_items, inventory, names.log)
        self._account = account

    @property
    def open(self) -> list[Operation]:
        """The operations in progress."""
        return [operation for operation in self.operations.values() if not operation.ended]

    @property
    def over(self) -> Iterator[Item]:
        """The keys of the records and events of ended operations."""
        for operation in self.operations.values():
            if operation.ended:
                yield items.operation_key(operation.application, operation.id)
                for event in self.events[operation.id]:
                    yield from map(_key, items.event_items(event))
                for notification in notifications(operation, self.events[operation.id]):
                    yield _key(items.notification_item(notification))

    @property
    def sent(self) -> Collection[str]:
        """The ids of the notifications that EventBridge has accepted."""
        return self._account.completion.sent

    @cached_property
    def services(self) -> Mapping[tuple[str, str], Service]:
        """The services of active rows, by cluster and name; moto's hooks complete the response."""
        active = [row for row in self.rows if row.service and row.status is RowStatus.ACTIVE]
        if not active:
            return {}
        cluster = active[0].application.name
        names = [row.service.name for row in active if row.service]
        ecs = self._account.plain("ecs")
        found = ecs.describe_services(cluster=cluster, services=names)["services"]
        return {(cluster, each["serviceName"]): _service(each) for each in found}

    @cached_property
    def task_definitions(self) -> Mapping[str, TaskDefinition]:
        """The task definitions by ARN."""
        families = backend("ecs").task_definitions.values()
        found = [each for family in families for each in family.values()]
        return {each.arn: _task_definition(each) for each in found}

    @property
    def stacks(self) -> Collection[Stack]:
        """The stacks that are not deleted."""
        found = backend("cloudformation").stacks.values()
        change_sets = self._account.completion.change_sets
        return [
            Stack(
                each.stack_id,
                each.name,
                each.tags.get(OPERATION_TAG, ""),
                parameters_of(each),
                {
                    name: ChangeSet(
                        one.execution,
                        tuple((item.action, item.logical_id, item.type) for item in one.effects),
                    )
                    for name, one in change_sets.of_stack(each.stack_id).items()
                },
            )
            for each in found
        ]

    @property
    def targets(self) -> Mapping[tuple[str, str], Target]:
        """The scalable targets by cluster and service."""
        return dict(target_snapshots(self._account.completion.scaling))

    def weights(self, application: str, listener: Listener) -> Mapping[str, int] | None:
        """Return the weight of each target group of a listener, None without the listener."""
        (known, *_) = (
            each.application for each in self.rows if each.application.name == application
        )
        arn = known.production_listener if listener == "production" else known.test_listener
        for balancer in backend("elbv2").load_balancers.values():
            if arn in balancer.listeners:
                actions = balancer.listeners[arn].default_actions
                return forward_weights([action.data for action in actions])
        return None

    @property
    def now(self) -> datetime:
        """The time of the clock of the account."""
        return self._account.clock.now()

    def healthy(self, target_group: str) -> int:
        """Return the number of healthy targets."""
        elb = self._account.plain("elbv2")
        found = elb.describe_target_health(TargetGroupArn=target_group)["TargetHealthDescriptions"]
        return sum(each["TargetHealth"]["State"] == "healthy" for each in found)

    def change(self, call: Call) -> Change:
        """Return the change of a call of the SDK."""
        params, action = call.params, Action(call.operation)
        application = next(iter(self.rows)).application
        name = application.name
        if action in STACK_ACTIONS:
            return Change(call.number, action, name)
        if action is Action.UPDATE_SERVICE:
            definition, count = params.get("taskDefinition"), params.get("desiredCount")
            return Change(call.number, action, name, params["service"], definition, count=count)
        if action in SCALING_ACTIONS:
            suspended = params.get("SuspendedState", {}).get("DynamicScalingInSuspended")
            return Change(
                call.number,
                action,
                name,
                params["ResourceId"].rpartition("/")[2],
                minimum=params.get("MinCapacity"),
                scales_in=None if suspended is None else not suspended,
            )
        if action is Action.MODIFY_LISTENER:
            production = params["ListenerArn"] == application.production_listener
            listener: Listener = "production" if production else "test"
            weights = forward_weights(params["DefaultActions"])
            return Change(call.number, action, name, listener=listener, weights=weights)
        family = params.get("family") or family_of(params["taskDefinition"])
        return Change(call.number, action, name, split_name(family)[1])


def _service(described: Mapping[str, Any]) -> Service:
    return Service(
        described["taskDefinition"],
        described["deployments"][0]["rolloutState"],
        described["runningCount"],
        described["desiredCount"],
    )


def _task_definition(definition: Any) -> TaskDefinition:
    tags = {tag["key"]: tag["value"] for tag in definition.tags}
    containers = definition.container_definitions
    container = containers[0]
    described = {
        "cpu": definition.cpu,
        "memory": definition.memory,
        "containerDefinitions": containers,
    }
    return TaskDefinition(
        container["image"],
        tags.get(OPERATION_TAG, ""),
        active=definition.status == "ACTIVE",
        **settings_of(described, container, tags),
    )


def _key(item: Item) -> Item:
    return {name: item[name] for name in ("applicationName", "entry")}


def _items(table: str) -> Iterator[Item]:
    for item in backend("dynamodb").tables[table].all_items():
        yield item.to_json()["Attributes"]
