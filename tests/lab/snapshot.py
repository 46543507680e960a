"""The state of an account at one moment, as the promises read it.

`Snapshot` is the interface. Three readers implement it: `tests.lab.memory.memory_snapshot` over the
fakes, `tests.lab.moto.moto_snapshot` over moto, and `tests.lab.laptop.estate` over a laptop cloud.
The first two read a member only when a promise needs it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Protocol

from devops_core.model.inventory import Row
from devops_core.model.operation import Event, Operation
from devops_core.model.specification import ApplicationRecord, Specification
from devops_core.naming import DEPLOYABLE, SLOTS, SPECIFICATION_TAG, service_name
from tools.laptop.forwards import forward_groups

Listener = Literal["production", "test"]
LISTENERS: tuple[Listener, ...] = ("production", "test")
SERVICES = (*map(service_name, DEPLOYABLE), *SLOTS)


@dataclass(frozen=True, slots=True)
class Service:
    """An ECS service with the task definition and the rolloutState of its primary deployment.

    `active` is False for a deleted service that ECS still describes. `digests` are those that its
    tasks report, empty if they were not read.
    """

    task_definition: str
    state: str
    running: int
    desired: int
    active: bool = True
    digests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskDefinition:
    """A task definition; `operation`, `stack` and `spec_hash` are the values of its tags.

    They are "" without a tag. `settings` has all members except the image of the application's
    container, "" if not read. `secrets` are the references of that container to secrets,
    `variables` its other variables, both by name. `command` is that of the container. `size` has
    the CPU units and the memory in MiB. `sidecars` has the images of the other containers by name.
    """

    image: str
    operation: str = ""
    stack: str = ""
    active: bool = True
    settings: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    size: tuple[str, str] = ("", "")
    spec_hash: str = ""
    sidecars: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Target:
    """A scalable target; `policies` has the values to keep, by member of a scaling."""

    minimum: int
    maximum: int
    scales_in: bool
    policies: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """A change set: its ExecutionStatus, and action, logical id and type of each change."""

    execution: str
    changes: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Stack:
    """A CloudFormation stack that is not deleted; `operation` is the value of its tag, or "".

    `parameters` are empty if they were not read. `change_sets` are by name.
    """

    id: str
    name: str
    operation: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    change_sets: Mapping[str, ChangeSet] = field(default_factory=dict)

    @property
    def environments(self) -> set[str] | None:
        """The names of its environments except production, None if they were not read."""
        names = self.parameters.get("Environments")
        return {*names.split(",")} if names else None

    def secrets(self, name: str) -> set[str]:
        """Return the ARNs of the secrets that the tasks of an environment can read."""
        return {*self.parameters.get(f"{name}SecretArns", "").split(",")}


class Snapshot(Protocol):
    """The state of an account.

    `unchecked` names promises that cannot be checked on this snapshot, each with the reason.
    `operations` are by id in the order of their acceptance, `events` by the id of their operation
    in the order of their keys.
    `records` are the records of applications by name, `specifications` the stored revisions by
    application and number.
    `listed` counts, for each event (operation, key), its entries in the listings by time.
    `outbox` has the ids of the notifications that are not sent, `sent` those of the sent ones.
    `services` and scalable `targets` are by cluster and name, `task_definitions` by ARN, and
    `pages` by URL.
    """

    @property
    def unchecked(self) -> Mapping[str, str]: ...
    @property
    def rows(self) -> Collection[Row]: ...
    @property
    def records(self) -> Mapping[str, ApplicationRecord]: ...
    @property
    def specifications(self) -> Mapping[tuple[str, int], Specification]: ...
    @property
    def operations(self) -> Mapping[str, Operation]: ...
    @property
    def events(self) -> Mapping[str, Sequence[Event]]: ...
    @property
    def listed(self) -> Counter[tuple[str, str]]: ...
    @property
    def outbox(self) -> Sequence[str]: ...
    @property
    def sent(self) -> Collection[str]: ...
    @property
    def services(self) -> Mapping[tuple[str, str], Service]: ...
    @property
    def task_definitions(self) -> Mapping[str, TaskDefinition]: ...
    @property
    def stacks(self) -> Collection[Stack]: ...
    @property
    def targets(self) -> Mapping[tuple[str, str], Target]: ...
    @property
    def pages(self) -> Mapping[str, Mapping[str, Any]]: ...

    def weights(self, application: str, listener: Listener) -> Mapping[str, int] | None:
        """Return the weight of each target group of a listener, None without the listener."""


def forward_weights(actions: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Return the weights of the target groups of described forward actions."""
    return {
        each["TargetGroupArn"]: int(each.get("Weight", 1))
        for action in actions
        for each in forward_groups(dict(action))
    }


def receiving(weights: Mapping[str, int]) -> list[str]:
    """Return the target groups with a weight above 0."""
    return [group for group, weight in weights.items() if weight > 0]


def service_of(application: str, target_group: str) -> str:
    """Return the service of a target group; the name in its ARN contains it ("Shop-prod-1")."""
    name = target_group.split("/")[1] if "/" in target_group else ""
    return name.removeprefix(f"{application}-")


class Action(StrEnum):
    """An action of AWS, beside those of the tables, that changes the account."""

    CREATE_STACK = "CreateStack"
    UNPROTECT_STACK = "UpdateTerminationProtection"
    DELETE_STACK = "DeleteStack"
    CREATE_CHANGE_SET = "CreateChangeSet"
    EXECUTE_CHANGE_SET = "ExecuteChangeSet"
    DELETE_CHANGE_SET = "DeleteChangeSet"
    CONTINUE_ROLLBACK = "ContinueUpdateRollback"
    REGISTER = "RegisterTaskDefinition"
    DEREGISTER = "DeregisterTaskDefinition"
    UPDATE_SERVICE = "UpdateService"
    MODIFY_LISTENER = "ModifyListener"
    REGISTER_TARGET = "RegisterScalableTarget"
    DEREGISTER_TARGET = "DeregisterScalableTarget"
    PUT_POLICY = "PutScalingPolicy"
    DELETE_POLICY = "DeleteScalingPolicy"
    PUT_SCHEDULE = "PutScheduledAction"
    DELETE_SCHEDULE = "DeleteScheduledAction"


# The actions whose target is a stack.
STACK_ACTIONS = frozenset(
    {
        Action.CREATE_STACK, Action.UNPROTECT_STACK, Action.DELETE_STACK, Action.CREATE_CHANGE_SET,
        Action.EXECUTE_CHANGE_SET, Action.DELETE_CHANGE_SET, Action.CONTINUE_ROLLBACK,
    }
)  # fmt: skip


# The actions whose target is the scalable target of a service.
SCALING_ACTIONS = frozenset(
    {
        Action.REGISTER_TARGET, Action.DEREGISTER_TARGET, Action.PUT_POLICY, Action.DELETE_POLICY,
        Action.PUT_SCHEDULE, Action.DELETE_SCHEDULE,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """A call that changes AWS.

    `number` is that of its call. `task_definition` and `count` are the new ones of UpdateService,
    None for no change; `listener` and the `weights` by target group are those of ModifyListener.
    `minimum` and `scales_in` are those of a scalable target, None for no change.
    """

    number: int
    action: Action
    application: str
    service: str | None = None
    task_definition: str | None = None
    listener: Listener | None = None
    weights: Mapping[str, int] = field(default_factory=dict)
    count: int | None = None
    minimum: int | None = None
    scales_in: bool | None = None


class ActiveSnapshot(Snapshot, Protocol):
    """The state of an account just before an outgoing call; `now` is the time of its clock."""

    @property
    def now(self) -> datetime: ...

    def healthy(self, target_group: str) -> int:
        """Return the number of healthy targets."""

    def change(self, call: Any) -> Change:
        """Return the change of a call on the wire of the account."""


@dataclass(slots=True)
class StoredSnapshot:
    """A snapshot that is read as a whole; `listeners` are by application and listener."""

    unchecked: Mapping[str, str] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    records: dict[str, ApplicationRecord] = field(default_factory=dict)
    specifications: dict[tuple[str, int], Specification] = field(default_factory=dict)
    operations: dict[str, Operation] = field(default_factory=dict)
    events: dict[str, list[Event]] = field(default_factory=dict)
    listed: Counter[tuple[str, str]] = field(default_factory=Counter)
    outbox: list[str] = field(default_factory=list)
    sent: set[str] = field(default_factory=set)
    listeners: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)
    services: dict[tuple[str, str], Service] = field(default_factory=dict)
    task_definitions: dict[str, TaskDefinition] = field(default_factory=dict)
    stacks: list[Stack] = field(default_factory=list)
    targets: dict[tuple[str, str], Target] = field(default_factory=dict)
    pages: dict[str, dict[str, Any]] = field(default_factory=dict)

    def weights(self, application: str, listener: Listener) -> Mapping[str, int] | None:
        """Return the weight of each target group of a listener, None without the listener."""
        return self.listeners.get((application, listener))

    def only(self, applications: Collection[str]) -> StoredSnapshot:
        """Return the part of some applications."""
        events = {
            identifier: some
            for identifier, some in self.events.items()
            if some[0].application in applications
        }
        return replace(
            self,
            rows=[row for row in self.rows if row.application.name in applications],
            records={name: each for name, each in self.records.items() if name in applications},
            specifications={
                key: each for key, each in self.specifications.items() if key[0] in applications
            },
            operations={
                identifier: operation
                for identifier, operation in self.operations.items()
                if operation.application in applications
            },
            events=events,
            listed=Counter({key: self.listed[key] for key in self.listed if key[0] in events}),
            outbox=[each for each in self.outbox if each.partition("-")[0] in events],
            task_definitions={
                arn: each
                for arn, each in self.task_definitions.items()
                if split_name(family_of(arn))[0] in applications
            },
            stacks=[stack for stack in self.stacks if stack.name in applications],
            targets={key: each for key, each in self.targets.items() if key[0] in applications},
        )


def settings_of(
    definition: Mapping[str, Any], container: Mapping[str, Any], tags: Mapping[str, str]
) -> dict[str, Any]:
    """Return the settings of a described task definition, as members of `TaskDefinition`."""
    return {
        "secrets": secrets_of(container),
        "variables": variables_of(container),
        "command": tuple(container.get("command") or ()),
        "size": (str(definition.get("cpu") or ""), str(definition.get("memory") or "")),
        "spec_hash": tags.get(SPECIFICATION_TAG, ""),
        "sidecars": {
            each["name"]: each["image"]
            for each in definition["containerDefinitions"]
            if each["name"] != container["name"]
        },
    }


def secrets_of(container: Mapping[str, Any]) -> dict[str, str]:
    """Return the references of a described container to secrets, by variable."""
    return {each["name"]: each["valueFrom"] for each in container.get("secrets", ())}


def variables_of(container: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables of a described container that are not secrets, by name."""
    # The stacks of moto have numbers.
    return {each["name"]: str(each["value"]) for each in container.get("environment", ())}


def family_of(task_definition: str) -> str:
    """Return the family in the ARN of a task definition."""
    return task_definition.rpartition("/")[2].partition(":")[0]


def split_name(name: str) -> tuple[str, str]:
    """Return application and service of a family or target group ("my-shop-prod-1").

    The service is empty if the name belongs to no application.
    """
    for service in SERVICES:
        if name.endswith(f"-{service}"):
            return name.removesuffix(f"-{service}"), service
    return name, ""
