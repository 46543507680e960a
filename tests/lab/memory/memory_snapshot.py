"""The state of an account in memory, for the promises.

A watcher reads it at each outgoing call, so it converts only the members that a promise needs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cached_property, partial
from operator import attrgetter
from typing import Any, ClassVar

from devops_core.model.inventory import Row, container_of
from devops_core.model.operation import Event
from devops_core.model.specification import ApplicationRecord, Specification
from devops_core.naming import OPERATION_TAG
from tests.lab.fakes import Call, FakeCloud
from tests.lab.promises import Watch
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
    settings_of,
    split_name,
)

_ACTIONS = {
    "stacks.create": Action.CREATE_STACK,
    "stacks.unprotect": Action.UNPROTECT_STACK,
    "stacks.delete": Action.DELETE_STACK,
    "stacks.create_change_set": Action.CREATE_CHANGE_SET,
    "stacks.execute_change_set": Action.EXECUTE_CHANGE_SET,
    "stacks.delete_change_set": Action.DELETE_CHANGE_SET,
    "stacks.continue_rollback": Action.CONTINUE_ROLLBACK,
    "containers.register": Action.REGISTER,
    "containers.deregister": Action.DEREGISTER,
    "containers.update": Action.UPDATE_SERVICE,
    "load_balancer.switch": Action.MODIFY_LISTENER,
    "scaling.apply": Action.REGISTER_TARGET,
    "scaling.remove": Action.DEREGISTER_TARGET,
    "scaling.set_minimum": Action.PUT_SCHEDULE,
    "scaling.allow_scale_in": Action.REGISTER_TARGET,
}
_FAULTS_REMAIN = (
    "a manual change, and a fault that lasts until an operation has ended, leave rows with drift,"
    " stacks that cannot be deleted, and services without tasks or without a complete rollout"
)


class MemorySnapshot:
    """The state of a `FakeCloud`, see `tests.lab.snapshot.Snapshot`."""

    unchecked: ClassVar[Mapping[str, str]] = {
        "each_event_is_listed": "the fake tables derive the listings from the events",
        "production_has_two_rows": _FAULTS_REMAIN,
        "each_environment_is_in_service": _FAULTS_REMAIN,
        "pages_are_those_of_the_release": "the tasks of the fakes serve no page",
    }
    listed: ClassVar[Counter[tuple[str, str]]] = Counter()
    pages: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def __init__(self, cloud: FakeCloud) -> None:
        self._cloud = cloud
        tables = cloud.tables
        self.rows: Collection[Row] = tables.rows.values()
        self.records: Mapping[str, ApplicationRecord] = tables.records
        # The promises that hold at any moment need these.
        self.operations = {key[1]: each for key, each in tables.operations.items()}
        self.events: dict[str, list[Event]] = {}
        self.outbox = [each.id for each in tables.outbox.values()]
        self.sent = {each.detail["id"] for each in cloud.notifications.sent}
        for event in tables.events.values():
            self.events.setdefault(event.operation, []).append(event)
        for events in self.events.values():
            events.sort(key=attrgetter("key"))

    @property
    def specifications(self) -> Mapping[tuple[str, int], Specification]:
        """The stored revisions by application and number."""
        return {
            (application, number): each.specification
            for application, revisions in self._cloud.tables.stored_revisions.items()
            for number, each in revisions.items()
        }

    @property
    def services(self) -> Mapping[tuple[str, str], Service]:
        """The services by cluster and name."""
        containers = self._cloud.containers
        return {
            key: Service(
                each.primary.task_definition,
                each.primary.state,
                each.running,
                each.desired,
                each.active,
                containers.reported(each.primary.task_definition) if each.running else (),
            )
            for key, each in containers.services_.items()
        }

    @cached_property
    def task_definitions(self) -> Mapping[str, TaskDefinition]:
        """The task definitions by ARN."""
        return {
            arn: TaskDefinition(
                each.image,
                each.tags.get(OPERATION_TAG, ""),
                each.tags.get("aws:cloudformation:stack-name", ""),
                each.active,
                each.settings,
                **settings_of(each.request, container_of(each.request, each.container), each.tags),
            )
            for arn, each in self._cloud.containers.task_definitions.items()
        }

    @property
    def stacks(self) -> Collection[Stack]:
        """The stacks that are not deleted."""
        return [
            Stack(
                each.id,
                each.name,
                each.operation or "",
                dict(each.parameters),
                {
                    name: ChangeSet(
                        one.execution,
                        tuple((each.action, each.logical_id, each.type) for each in one.effects),
                    )
                    for name, one in each.change_sets.items()
                },
            )
            for each in self._cloud.stacks.stacks.values()
            if each.status != "DELETE_COMPLETE"
        ]

    @property
    def targets(self) -> Mapping[tuple[str, str], Target]:
        """The scalable targets by cluster and service."""
        return {
            key: Target(
                each.limits.minimum, each.limits.maximum, each.limits.scales_in, each.policies
            )
            for key, each in self._cloud.scaling.targets_.items()
        }

    def weights(self, application: str, listener: Listener) -> Mapping[str, int] | None:
        """Return the weight of each target group of a listener, None without the listener."""
        arn = self._cloud.stacks.estate.listener(application, listener)
        return self._cloud.load_balancer.weights(arn)

    @property
    def now(self) -> datetime:
        """The time of the clock of the workers."""
        return self._cloud.clock.now()

    def healthy(self, target_group: str) -> int:
        """Return the number of healthy targets."""
        return self._cloud.containers.healthy(target_group)

    def change(self, call: Call) -> Change:
        """Return the change of a call on the wire of the fakes."""
        first, *others = call.args
        action = _ACTIONS[call.name]
        if action is Action.CREATE_STACK:
            return Change(call.number, action, first["StackName"])
        if action in STACK_ACTIONS:
            stack_id = first["StackName"] if action is Action.CREATE_CHANGE_SET else first
            return Change(call.number, action, self._cloud.stacks.stacks[stack_id].name)
        if action is Action.UPDATE_SERVICE:
            service, definition, count, *_ = others
            return Change(call.number, action, first, service, definition, count=count)
        if action in SCALING_ACTIONS:
            limits = _limits(call)
            return Change(call.number, action, first, others[0], **limits)
        if action is Action.MODIFY_LISTENER:
            return self._switch(call.number, first, others[1])
        family = first["family"] if action is Action.REGISTER else family_of(first)
        application, service = split_name(family)
        return Change(call.number, action, application, service)

    def _switch(self, number: int, arn: str, weights: Mapping[str, int]) -> Change:
        application = arn.split("/app/")[1].partition("/")[0].removesuffix("-prod")
        production = self._cloud.stacks.estate.listener(application, "production")
        listener: Listener = "production" if arn == production else "test"
        action = Action.MODIFY_LISTENER
        return Change(number, action, application, listener=listener, weights=weights)


def _limits(call: Call) -> dict[str, Any]:
    """Return the limits of a scalable target that a call changes, as members of `Change`."""
    arguments = call.args[2:]
    if call.name == "scaling.apply":
        scaling, _, scales_in = arguments
        return {"minimum": scaling["min"], "scales_in": scales_in}
    if call.name == "scaling.set_minimum":
        return {"minimum": arguments[1]}
    return {"scales_in": arguments[0]} if call.name == "scaling.allow_scale_in" else {}


def watch(cloud: FakeCloud) -> Watch:
    """Check the promises at every outgoing call from now on."""
    return Watch(cloud.wire, partial(MemorySnapshot, cloud))
