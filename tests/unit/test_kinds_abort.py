"""Abort: back to what was, as far as there is a way; never halfway, and never without saying so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from devops_core.model.observed import Observed, RunningService
from devops_core.model.operation import Operation, Progress, Status
from devops_core.model.steps import DeleteStack, Deregister, Listener, Switch, UpdateService
from tests.unit.builders import (
    NOW,
    STACK_ID,
    Seen,
    decide,
    deployment,
    failed,
    observed,
    operation,
    outputs,
    part,
    production,
    rolling,
    seen,
    service,
    stack,
    statuses,
    swapping,
)

ABORTED = "aborted by alice"
UNSENT = rolling(sent=False, asked_at=None)
OLD = service(deployment("old"))
ON_ITS_WAY = service(deployment("new", "IN_PROGRESS"), deployment("old", primary=False), running=0)
GOING_BACK = service(deployment("old", "IN_PROGRESS"), deployment("new", primary=False))
UNREADY = replace(production("prod-1", "prod-2"), healthy={})


def aborted(now: Operation) -> Operation:
    return replace(now, aborted_by="alice")


def deploying(now_part: Progress) -> Operation:
    return aborted(operation("deploy", now_part))


DEPLOYS: list[tuple[str, Progress, RunningService, Seen, str | None]] = [
    ("nothing is registered: fail", part(version="1.1"), OLD,
     Seen("Fail", (), f"{ABORTED}; DEV 1.1: was not registered before the abort"),
     "was not registered before the abort"),
    ("nothing is given to ECS: retire it unused", UNSENT, OLD,
     Seen("Act", (Deregister("dev", "new"),)), "was not sent to ECS before the abort"),
    ("it is on its way: go back", rolling(), ON_ITS_WAY,
     Seen("Act", (UpdateService("dev", "old"),)), "the rollout did not complete before the abort"),
    ("it goes back: wait", rolling(reason="noted"), GOING_BACK,
     Seen("Wait", (), "DEV: ECS rolling back to the previous version"), "noted"),
    ("it has gone back: retire the new one", rolling(reason="noted"), OLD,
     Seen("Act", (Deregister("dev", "new"),)), "noted"),
    ("it has gone back and nothing is left: fail", rolling(reason="noted", deregistered=True), OLD,
     Seen("Fail", (), f"{ABORTED}; DEV 1.1: noted"), "noted"),
    ("ECS lists no deployment: retire the new one", rolling(), service(),
     Seen("Act", (Deregister("dev", "new"),)), "has had no deployment before the abort"),
    ("it has failed by itself: say why", rolling(), service(deployment("old"), failed()),
     Seen("Act", (Deregister("dev", "new"),)), "tasks failed to start."),
    ("it is complete: finish it", rolling(), service(deployment("new")),
     Seen("Act", (Deregister("dev", "old"),)), None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("now_part", "running", "expected", "reason"),
    [case[1:] for case in DEPLOYS],
    ids=[case[0] for case in DEPLOYS],
)
def test_a_deploy(
    now_part: Progress, running: RunningService, expected: Seen, reason: str | None
) -> None:
    decision = decide(deploying(now_part), observed(running), NOW)

    assert seen(decision) == expected
    assert decision.operation.progress[0].reason == reason


def test_a_deploy_that_is_complete_succeeds() -> None:
    decision = decide(
        deploying(rolling(deregistered=True)), observed(service(deployment("new"))), NOW
    )

    assert seen(decision) == Seen("Done")
    assert statuses(decision) == [Status.SUCCEEDED]


CREATES: list[tuple[str, dict[str, Any], Observed, Seen]] = [
    ("nothing was sent: fail", {}, Observed(), Seen("Fail", (), ABORTED)),
    ("the stack does not show yet: wait for it", {"stack_id": STACK_ID}, Observed(),
     Seen("Wait", (), "CloudFormation to show the stack")),
    ("the stack is being made: delete it", {}, Observed(stack=stack("CREATE_IN_PROGRESS")),
     Seen("Act", (DeleteStack(),))),
    ("the stack is complete: delete it all the same", {},
     Observed(stack=stack(outputs=outputs("dev"))), Seen("Act", (DeleteStack(),))),
    ("the stack is somebody else's: leave it alone", {}, Observed(stack=stack(operation=None)),
     Seen("Fail", (), "a stack of this name exists that this service did not create")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "what", "expected"),
    [case[1:] for case in CREATES],
    ids=[case[0] for case in CREATES],
)
def test_a_create(changes: dict[str, Any], what: Observed, expected: Seen) -> None:
    decision = decide(aborted(operation("create", **changes)), what, NOW)

    assert seen(decision) == expected
    if expected.kind == "Act":
        assert decision.operation.details.undoing
        assert decision.operation.reasons == (ABORTED,)


SWAPS: list[tuple[str, Operation, Observed, Seen]] = [
    ("production is not switched: leave it alone", swapping(), production("prod-1", "prod-2"),
     Seen("Fail", (), ABORTED)),
    ("blue is not ready either: say both", swapping(), UNREADY,
     Seen("Fail", (), f"{ABORTED}; blue has no healthy target")),
    ("production is switched: finish it", swapping(), production("prod-2", "prod-2"),
     Seen("Act", (Switch(Listener.TEST, "prod-1"),))),
    ("it was switched and seen as it was before: switch again", swapping(switched_at=NOW),
     production("prod-1", "prod-2"), Seen("Act", (Switch(Listener.PRODUCTION, "prod-2"),))),
    ("it was switched and turned back on a broken blue: fail", swapping(switched_at=NOW), UNREADY,
     Seen("Fail", (), f"{ABORTED}; blue has no healthy target")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("swap", "what", "expected"), [case[1:] for case in SWAPS], ids=[case[0] for case in SWAPS]
)
def test_a_swap(swap: Operation, what: Observed, expected: Seen) -> None:
    assert seen(decide(aborted(swap), what, NOW)) == expected
