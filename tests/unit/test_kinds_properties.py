"""Properties of every decision, over all combinations of the observable states of AWS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from itertools import product
from typing import Any

import pytest

from devops_core.kinds.swap_readiness import unready
from devops_core.model.decisions import Act, Decision, Done, Fail
from devops_core.model.listeners import Listener
from devops_core.model.observed import Deployment, Observed, RunningService, Stack
from devops_core.model.operation import Operation, Status
from devops_core.model.steps import (
    CreateStack,
    DeleteStack,
    Deregister,
    RemoveRevisions,
    Step,
    Switch,
)
from tests.lab.builders import (
    BEFORE,
    CONFIGURED,
    ID,
    NOW,
    STACK_ID,
    START,
    TEMPLATE,
    decide,
    deployment,
    observed,
    operation,
    outputs,
    overdue,
    part,
    planned_delete,
    rolling,
    service,
    slot,
    stack,
    swapping,
)

# Every stack status that CloudFormation documents for a stack that is not imported.
STACK_STATUSES = (
    "CREATE_IN_PROGRESS", "CREATE_FAILED", "CREATE_COMPLETE", "ROLLBACK_IN_PROGRESS",
    "ROLLBACK_FAILED", "ROLLBACK_COMPLETE", "DELETE_IN_PROGRESS", "DELETE_FAILED",
    "DELETE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    "UPDATE_COMPLETE", "UPDATE_FAILED", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE",
    "REVIEW_IN_PROGRESS",
)  # fmt: skip
STATES = ("IN_PROGRESS", "COMPLETED", "FAILED")
# A create whose service dev has only another task count.
COUNTED: Mapping[str, Any] = {"configures": ("dev",)}
Case = tuple[Operation, Observed, datetime]


def times(kind: str) -> tuple[datetime, ...]:
    return NOW, overdue(kind), overdue(kind) + timedelta(hours=1)


def stacks() -> Iterator[Stack | None]:
    yield None
    for status, owner, known in product(
        STACK_STATUSES, (ID, None, "another"), ({}, outputs("dev"))
    ):
        yield stack(status, operation=owner, outputs=known)


def services() -> Iterator[RunningService | None]:
    yield None
    yield service(active=False)
    yield service()
    for primary, state, other, (desired, running), changed in product(
        ("old", "new", "third"), STATES, (None, *STATES), ((1, 1), (2, 1), (0, 0)), (None, BEFORE)
    ):
        leaving: list[Deployment] = []
        if other:
            leaving = [deployment("old" if primary == "new" else "new", other, primary=False)]
        yield service(
            deployment(primary, state, updated_at=changed),
            *leaving,
            desired=desired,
            running=running,
        )


def creates() -> Iterator[Case]:
    variants = product(
        ({}, COUNTED, CONFIGURED),
        (None, STACK_ID),
        (False, True),
        (part(), part(target="dev:2"), part(desired_count=2, start_seconds=9)),
        (None, TEMPLATE),
    )
    for (configured, known, undoing, progress, template), seen, failures, now in product(
        variants, stacks(), ((), ("it broke",)), times("create")
    ):
        details = {"stack_id": known, "undoing": undoing, "template": template}
        start = operation("create", progress, **details, **configured)
        yield start, Observed(stack=seen, stack_failures=failures, services={"dev": None}), now


def deploys() -> Iterator[Case]:
    parts = (
        part(version="1.1"), rolling(sent=False), rolling(), rolling(previous=None),
        rolling(reason="recorded"), rolling(desired_count=2), rolling(target="old"),
        *(rolling(status=status) for status in Status),
    )  # fmt: skip
    for progress, running, now in product(parts, services(), times("deploy")):
        yield operation("deploy", progress), Observed(services={"dev": running}), now
    for progress in parts[:3]:
        yield operation("deploy", progress), Observed(), NOW
        yield operation("deploy-blue", progress), Observed(), NOW


def slots(name: str) -> Iterator[RunningService | None]:
    yield None
    yield slot(name, 0, active=False)
    for (desired, running), state in product(((0, 0), (1, 1), (2, 1), (2, 2)), STATES):
        yield slot(name, desired, deployment("td", state), running=running)


def swaps() -> Iterator[Case]:
    for green, blue, production, test, healthy, switched, now in product(
        (None, slot("prod-1"), slot("prod-1", 2)), slots("prod-2"), ("prod-1", "prod-2", None),
        ("prod-1", "prod-2"), ((0, 0), (1, 1), (2, 1), (2, 2)), (None, NOW), times("swap"),
    ):  # fmt: skip
        seen = observed(
            *(each for each in (green, blue) if each),
            production=production,
            test=test,
            healthy={"prod-1": healthy[0], "prod-2": healthy[1]},
        )
        details = {"weight": 100, "changed_at": switched, "switched_at": switched}
        # Without a record of its shift, the worker of a switched swap was lost.
        lost = None if switched or production != "prod-2" else START
        yield replace(swapping(**details if switched else {}), lease_until=lost), seen, now


def deletes() -> Iterator[Case]:
    for known, sent, cleared, now in product(
        (None, STACK_ID), (False, True), (False, True), times("delete")
    ):
        details = {"stack_id": known, "sent": sent, "cleared": cleared}
        start = operation("delete", part(obsolete="dev:7"), **details)
        yield start, planned_delete(known).observed, now
        # Failures are those of the operation's own delete: it has none before it is sent.
        for seen, failures in product(stacks(), ((), ("it remains",)) if sent else ((),)):
            yield start, Observed(stack=seen, stack_failures=failures), now


GENERATORS = {
    "create": creates,
    "deploy": deploys,
    "swap": swaps,
    "delete": deletes,
}
KINDS = pytest.mark.parametrize("kind", GENERATORS)


@cache
def decided(kind: str) -> list[tuple[Case, Decision]]:
    return [(case, decide(*case)) for case in GENERATORS[kind]()]


def with_types(decision: Decision) -> tuple[Any, ...]:
    """Return a decision with the types of its tuples, because tuples of two types can be equal."""
    return type(decision), decision, [type(step) for step in steps(decision)]


def steps(decision: Decision) -> tuple[Step, ...]:
    return decision.steps if isinstance(decision, Act) else ()


@KINDS
def test_a_repeated_decision_is_the_same(kind: str) -> None:
    for (start, seen, now), decision in decided(kind):
        assert with_types(decide(start, seen, now)) == with_types(decision)
        assert with_types(decide(decision.operation, seen, now)) == with_types(decision)


@KINDS
def test_a_decision_keeps_the_identity_and_the_status_of_the_operation(kind: str) -> None:
    for (start, _, _), decision in decided(kind):
        after = decision.operation
        assert (after.id, after.kind, after.status) == (start.id, start.kind, Status.IN_PROGRESS)


@KINDS
def test_an_end_leaves_no_service_in_progress_and_a_failure_has_reasons(kind: str) -> None:
    for _, decision in decided(kind):
        after = decision.operation
        if isinstance(decision, Done):
            assert {each.status for each in after.progress} == {Status.SUCCEEDED}
        if isinstance(decision, Fail):
            assert Status.IN_PROGRESS not in {each.status for each in after.progress}
            assert after.reasons or after.details.undoing


@KINDS
def test_an_act_has_steps(kind: str) -> None:
    acts = [decision for _, decision in decided(kind) if isinstance(decision, Act)]

    assert acts
    assert all(act.steps for act in acts)


def test_production_is_switched_only_to_a_slot_that_is_ready_and_as_large() -> None:
    switched = 0
    for (_, seen, _), decision in decided("swap"):
        if Switch(Listener.PRODUCTION, "prod-2") not in steps(decision):
            continue
        switched += 1
        assert unready(seen, "prod-2") == ()
        green, blue = seen.services.get("prod-1"), seen.services["prod-2"]
        assert blue is not None
        size = green.desired if green and green.active else None
        for blue_has, green_has in (
            (blue.running, green.running if green else 0),
            (seen.healthy["prod-2"], seen.healthy["prod-1"]),
        ):
            assert blue_has >= (green_has if size is None else min(green_has, size))
    assert switched


def test_a_swap_switches_each_listener_only_to_its_slot() -> None:
    forward = {Switch(Listener.PRODUCTION, "prod-2"), Switch(Listener.TEST, "prod-1")}
    back = {Switch(Listener.TEST, "prod-2")}
    returned = 0
    for (_, seen, _), decision in decided("swap"):
        switches = {step for step in steps(decision) if isinstance(step, Switch)}
        assert switches <= forward or switches == back
        if switches == back:
            returned += 1
            assert seen.production != "prod-2"
            assert seen.test == "prod-1"
    assert returned


def test_a_swap_neither_fails_nor_waits_after_the_switch() -> None:
    for (_, seen, _), decision in decided("swap"):
        if seen.production == "prod-2":
            assert isinstance(decision, Act | Done)


def test_a_stack_is_created_only_if_none_exists() -> None:
    created = 0
    for (start, seen, _), decision in decided("create"):
        if any(isinstance(step, CreateStack) for step in steps(decision)):
            created += 1
            assert seen.stack is None or seen.stack.status == "DELETE_COMPLETE"
            assert start.details.stack_id is None
            assert start.details.template is not None
            assert not start.details.undoing
    assert created


def test_a_create_deletes_only_its_own_stack() -> None:
    deleted = 0
    for (start, seen, _), decision in decided("create"):
        if any(isinstance(step, DeleteStack) for step in steps(decision)):
            deleted += 1
            assert seen.stack is not None
            assert seen.stack.operation == start.id
            assert decision.operation.details.stack_id == seen.stack.id
            assert decision.operation.details.undoing
    assert deleted


def test_an_undo_never_succeeds_and_never_ends_before_the_operation() -> None:
    for (start, _, _), decision in decided("create"):
        if start.details.undoing:
            assert not isinstance(decision, Done)
            assert decision.operation.details.undoing


def test_a_delete_succeeds_only_without_a_stack() -> None:
    for (_, seen, _), decision in decided("delete"):
        if isinstance(decision, Done):
            assert seen.stack is None or seen.stack.status == "DELETE_COMPLETE"


def test_a_delete_removes_the_revisions_once_after_the_stack_and_before_its_end() -> None:
    removed = 0
    for (start, seen, _), decision in decided("delete"):
        if RemoveRevisions() in steps(decision):
            removed += 1
            assert seen.stack is None or seen.stack.status == "DELETE_COMPLETE"
            assert not start.details.cleared
        if isinstance(decision, Done):
            assert start.details.cleared
    assert removed


def test_a_deploy_succeeds_only_if_the_target_runs() -> None:
    for (start, seen, _), decision in decided("deploy"):
        if isinstance(decision, Done) and start.progress[0].status is Status.IN_PROGRESS:
            running = seen.services["dev"]
            assert running is not None
            assert running.primary is not None
            assert (running.primary.task_definition, running.primary.state) == (
                decision.operation.progress[0].target, "COMPLETED",
            )  # fmt: skip


def test_a_task_definition_in_use_is_never_deregistered() -> None:
    deregistered = 0
    for _, decision in decided("deploy"):
        progress = decision.operation.progress[0]
        used = progress.target if progress.status is Status.SUCCEEDED else progress.previous
        for step in steps(decision):
            if isinstance(step, Deregister):
                deregistered += 1
                assert step.task_definition != used
    assert deregistered
