"""Abort: each kind restores the previous state if it can, and completes the operation if not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from devops_core.model.listeners import Listener
from devops_core.model.observed import Observed, RunningService
from devops_core.model.operation import Operation, Progress, Status
from devops_core.model.steps import DeleteStack, Deregister, Switch, UpdateService
from tests.lab.builders import (
    DONE,
    ID,
    NOW,
    STACK_ID,
    Summary,
    acts,
    decide,
    deployment,
    failed_deployment,
    fails,
    observed,
    operation,
    outputs,
    part,
    production,
    rolling,
    service,
    stack,
    statuses,
    summary,
    swapping,
    waits,
)

ABORTED = "aborted by alice"
UNSENT = rolling(sent=False, asked_at=None)
OLD = service(deployment("old"))
STARTING = service(deployment("new", "IN_PROGRESS"), deployment("old", primary=False), running=0)
ROLLING_BACK = service(deployment("old", "IN_PROGRESS"), deployment("new", primary=False))
UNHEALTHY = replace(production("prod-1", "prod-2"), healthy={})
UNDO = acts(DeleteStack(f"{ID}-undo"))


def aborted(running: Operation) -> Operation:
    return replace(running, aborted_by="alice")


def aborted_deploy(progress: Progress) -> Operation:
    return aborted(operation("deploy", progress))


DEPLOYS: list[tuple[str, Progress, RunningService, Summary, str | None]] = [
    ("nothing is registered: fail", part(version="1.1"), OLD,
     fails(f"{ABORTED}; DEV 1.1: the task definition was not registered before the abort"),
     "the task definition was not registered before the abort"),
    ("nothing was sent to ECS: deregister the unused target", UNSENT, OLD,
     acts(Deregister("dev", "new")), "the update was not sent to ECS before the abort"),
    ("the rollout is running: roll back", rolling(), STARTING,
     acts(UpdateService("dev", "old")), "the rollout did not complete before the abort"),
    ("the rollback is running: wait", rolling(reason="recorded"), ROLLING_BACK,
     waits("DEV: ECS rolling back to the previous version"), "recorded"),
    ("the rollback is complete: deregister the target", rolling(reason="recorded"), OLD,
     acts(Deregister("dev", "new")), "recorded"),
    ("the target is deregistered: fail", rolling(reason="recorded", deregistered=True), OLD,
     fails(f"{ABORTED}; DEV 1.1: recorded"), "recorded"),
    ("ECS lists no deployment: deregister the target", rolling(), service(),
     acts(Deregister("dev", "new")), "ECS started no deployment before the abort"),
    ("the rollout has failed by itself: keep its reason", rolling(),
     service(deployment("old"), failed_deployment()),
     acts(Deregister("dev", "new")), "tasks failed to start."),
    ("the rollout is complete: finish it", rolling(), service(deployment("new")),
     acts(Deregister("dev", "old")), None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("progress", "running", "expected", "reason"),
    [case[1:] for case in DEPLOYS],
    ids=[case[0] for case in DEPLOYS],
)
def test_an_aborted_deploy(
    progress: Progress, running: RunningService, expected: Summary, reason: str | None
) -> None:
    decision = decide(aborted_deploy(progress), observed(running), NOW)

    assert summary(decision) == expected
    assert decision.operation.progress[0].reason == reason


def test_an_aborted_deploy_that_is_complete_succeeds() -> None:
    complete = observed(service(deployment("new")))

    decision = decide(aborted_deploy(rolling(deregistered=True)), complete, NOW)

    assert summary(decision) == DONE
    assert statuses(decision) == [Status.SUCCEEDED]


CREATES: list[tuple[str, dict[str, Any], Observed, Summary]] = [
    ("nothing was sent: fail", {}, Observed(), fails(ABORTED)),
    ("the accepted stack is not visible yet: wait", {"stack_id": STACK_ID}, Observed(),
     waits("CloudFormation to show the stack")),
    ("the stack is in creation: delete it", {}, Observed(stack=stack("CREATE_IN_PROGRESS")), UNDO),
    ("the stack is complete: delete it", {}, Observed(stack=stack(outputs=outputs("dev"))), UNDO),
    ("the stack has another origin: leave it", {}, Observed(stack=stack(operation=None)),
     fails("another stack has the name of the application: choose another name")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("details", "seen", "expected"),
    [case[1:] for case in CREATES],
    ids=[case[0] for case in CREATES],
)
def test_an_aborted_create(details: dict[str, Any], seen: Observed, expected: Summary) -> None:
    decision = decide(aborted(operation("create", **details)), seen, NOW)

    assert summary(decision) == expected
    if expected == UNDO:
        assert decision.operation.details.undoing
        assert decision.operation.reasons == (ABORTED,)


SWAPS: list[tuple[str, Operation, Observed, Summary]] = [
    ("production is not switched: leave it", swapping(), production("prod-1", "prod-2"),
     fails(ABORTED)),
    ("the idle slot is unhealthy too: give both reasons", swapping(), UNHEALTHY,
     fails(f"{ABORTED}; the idle slot has no healthy target")),
    ("production is switched: all customers return", swapping(), production("prod-2", "prod-2"),
     acts(Switch(Listener.PRODUCTION, "prod-1"))),
    ("both listeners are switched: both return", swapping(), production("prod-2", "prod-1"),
     acts(Switch(Listener.PRODUCTION, "prod-1"), Switch(Listener.TEST, "prod-2"))),
    ("ELB shows the state before the switch: return anyway",
     swapping(weight=100, changed_at=NOW), production("prod-1", "prod-2"),
     acts(Switch(Listener.PRODUCTION, "prod-1"))),
    ("the customers returned: fail", swapping(returning=("worse",), returned_at=NOW),
     production("prod-1", "prod-2"), fails("worse")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("swap", "seen", "expected"), [case[1:] for case in SWAPS], ids=[case[0] for case in SWAPS]
)
def test_an_aborted_swap(swap: Operation, seen: Observed, expected: Summary) -> None:
    assert summary(decide(aborted(swap), seen, NOW)) == expected
