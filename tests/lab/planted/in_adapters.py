"""Bugs in the adapters, which only the half of the matrix on moto can find."""

# ruff: noqa: ARG001 - a faulty function has the parameters of the original function

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from devops_core.adapters.dynamodb import transactions
from devops_core.adapters.dynamodb.attributes import Item
from devops_core.adapters.dynamodb.transactions import (
    ActionBuilder,
    FailedCondition,
    Subject,
    WriteAction,
)
from devops_core.adapters.ecs import EcsContainers
from tests.lab.planted import Bug, bugs_among, in_matrix, planted_in

# Conditions that always hold. They have the names and values of the conditions that they replace,
# because DynamoDB refuses names and values that a condition does not use.
_ANY_ROW = "attribute_exists(#revision) OR #revision = :seen"
_ANY_HOLDER = "attribute_not_exists(#claim) OR #claim <> :operation OR #claim = :operation"
_ANY_RECORD = f"{_ANY_ROW} OR #status = :open"
# A condition of a record in progress that holds for other revisions too.
_ANY_REVISION = "#revision <> :seen OR #status = :open"


def _bug(
    function: str, *, why: str, kind: str | None = None, story: str = "deploy-one"
) -> Callable[[Callable[..., Any]], Bug]:
    return planted_in(function, why=why, arguments=in_matrix("adapters", [story], kind))


@_bug(
    "devops_core.adapters.dynamodb.transactions:commit",
    why="a crash between the steps leaves an ended operation that still holds its rows",
)
def end_is_written_in_two_steps(
    original: Callable[..., list[FailedCondition]], client: Any, actions: Sequence[WriteAction]
) -> list[FailedCondition]:
    first, *others = actions
    ends = first.subject is Subject.OPERATION and Subject.ROW in {each.subject for each in others}
    failed = original(client, [first] if ends else actions)
    if ends and not failed:
        original(client, others)
    return failed


@_bug(
    "devops_core.adapters.dynamodb.transactions:commit",
    why="a crash between both writes loses the notification about the end of an operation",
)
def notification_is_written_after_its_event(
    original: Callable[..., list[FailedCondition]], client: Any, actions: Sequence[WriteAction]
) -> list[FailedCondition]:
    outbox = [each for each in actions if each.subject is Subject.NOTIFICATION]
    failed = original(client, [each for each in actions if each not in outbox])
    if outbox and not failed:
        original(client, outbox)
    return failed


@_bug(
    "devops_core.adapters.dynamodb.transactions:_conditional",
    why="an operation starts from outdated rows",
    kind="SECOND_CALLER",
)
def claim_does_not_check_that_its_rows_are_unchanged(
    original: Callable[..., dict[str, Any]],
    condition: str,
    values: Mapping[str, Any],
    change: str = "",
) -> dict[str, Any]:
    faulty = {transactions._FREE_AS_SEEN: _ANY_ROW}
    return original(faulty.get(condition, condition), values, change)


@_bug(
    "devops_core.adapters.dynamodb.transactions:_conditional",
    why="a delayed end releases the rows of another operation",
    kind="LATE_OPERATION",
)
def operation_ends_although_another_one_holds_its_rows(
    original: Callable[..., dict[str, Any]],
    condition: str,
    values: Mapping[str, Any],
    change: str = "",
) -> dict[str, Any]:
    faulty = {
        transactions._HELD: _ANY_HOLDER,
        transactions._IN_PROGRESS_AS_SEEN: _ANY_RECORD,
    }
    return original(faulty.get(condition, condition), values, change)


@_bug(
    "devops_core.adapters.dynamodb.transactions:_conditional",
    why="two workers save the same revision, and the first write is lost",
    kind="SECOND_WORKER",
)
def save_overwrites_any_stored_record(
    original: Callable[..., dict[str, Any]],
    condition: str,
    values: Mapping[str, Any],
    change: str = "",
) -> dict[str, Any]:
    faulty = {transactions._IN_PROGRESS_AS_SEEN: _ANY_REVISION}
    return original(faulty.get(condition, condition), values, change)


@_bug(
    "devops_core.adapters.ecs:EcsContainers._registering_operation",
    why="a task definition that was registered before a crash is not found and registered again",
    kind="CRASH_AFTER",
)
def task_definition_is_read_without_its_tags(
    original: Callable[..., None], self: EcsContainers, task_definition: str
) -> None:
    self._client.describe_task_definition(taskDefinition=task_definition)


@_bug(
    "devops_core.adapters.elbv2:_sent",
    why="ELB stops the health checks of the previous release, so a swap back is refused",
    story="swap",
)
def listener_loses_the_target_group_with_weight_0(
    original: Callable[..., dict[str, Any]],
    action: Mapping[str, Any],
    weights: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    sent = original(action, weights)
    if "ForwardConfig" in sent:
        groups = sent["ForwardConfig"]["TargetGroups"]
        sent["ForwardConfig"]["TargetGroups"] = [each for each in groups if each["Weight"]]
    return sent


@_bug(
    "devops_core.adapters.dynamodb.transactions:ActionBuilder.remove_revisions",
    why="a delayed removal deletes the revisions of the next application of the same name",
    kind="LATE_OPERATION",
    story="delete-revisions",
)
def revisions_are_removed_without_a_claim(
    original: Callable[..., list[WriteAction]],
    self: ActionBuilder,
    application: str,
    keys: Iterable[Item],
    operation_id: str,
) -> list[WriteAction]:
    _, *removals = original(self, application, keys, operation_id)
    return removals


BUGS = bugs_among(list(globals().values()))
