"""What every decision holds to, over all combinations of what AWS can be seen to be."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from itertools import product

import pytest

from devops_core.kinds.swap import unready
from devops_core.model.decisions import Act, Decision, Done, Fail
from devops_core.model.observed import Deployment, Observed, RunningService, Stack
from devops_core.model.operation import Operation, Status
from devops_core.model.steps import CreateStack, DeleteStack, Listener, Switch
from tests.unit.builders import (
    BEFORE,
    CONFIGURED,
    NOW,
    STACK_ID,
    TEMPLATE,
    decide,
    deployment,
    observed,
    operation,
    outputs,
    overdue,
    part,
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
Case = tuple[Operation, Observed, datetime]


def times(kind: str) -> tuple[datetime, ...]:
    return NOW, overdue(kind), overdue(kind) + timedelta(hours=1)


def stacks() -> Iterator[Stack | None]:
    yield None
    for status, owner, made in product(
        STACK_STATUSES, (operation().id, None, "another"), ({}, outputs("dev"))
    ):
        yield stack(status, operation=owner, outputs=made)


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
        (None, CONFIGURED),
        (None, STACK_ID),
        (False, True),
        (part(), part(target="dev:2")),
        (None, TEMPLATE),
    )
    for (spec, known, doomed, now_part, template), seen, failures, now in product(
        variants, stacks(), ((), ("it broke",)), times("create")
    ):
        facts = {"service": spec, "stack_id": known, "doomed": doomed, "template": template}
        start = operation("create", now_part, **facts)
        yield start, Observed(stack=seen, stack_failures=failures), now


def deploys() -> Iterator[Case]:
    parts = (
        part(version="1.1"), rolling(sent=False), rolling(), rolling(previous=None),
        rolling(reason="noted"), rolling(desired_count=2), rolling(target="old"),
        *(rolling(status=status) for status in Status),
    )  # fmt: skip
    for now_part, running, now in product(parts, services(), times("deploy")):
        seen = observed(running) if running else observed()
        yield operation("deploy", now_part), seen, now
    for now_part in parts[:3]:
        yield operation("deploy-blue", now_part), Observed(), NOW


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
        yield swapping(switched_at=switched), seen, now


def deletes() -> Iterator[Case]:
    for known, doomed, seen, failures, looked, now in product(
        (None, STACK_ID), (False, True), stacks(), ((), ("it stays",)), (True, False),
        times("delete"),
    ):  # fmt: skip
        # Failures are those of the operation's own delete: there are none before it is sent.
        if failures and not doomed:
            continue
        start = operation("delete", part(obsolete="dev:7"), stack_id=known, doomed=doomed)
        yield start, Observed(stack=seen, stack_failures=failures, looked=looked), now


GENERATORS = {
    "create": creates,
    "deploy": deploys,
    "swap": swaps,
    "delete": deletes,
}
KINDS = pytest.mark.parametrize("kind", GENERATORS, ids=lambda kind: str(kind.value))


@cache
def decided(kind: str) -> list[tuple[Case, Decision]]:
    return [(case, decide(*case)) for case in GENERATORS[kind]()]


@KINDS
def test_deciding_again_gives_the_same(kind: str) -> None:
    for (start, seen, now), decision in decided(kind):
        assert decide(start, seen, now) == decision
        assert decide(decision.operation, seen, now) == decision


@KINDS
def test_only_an_operation_in_progress_is_returned_and_it_stays_itself(kind: str) -> None:
    for (start, _, _), decision in decided(kind):
        kept = {"id": start.id, "kind": kind, "status": Status.IN_PROGRESS}
        assert {name: getattr(decision.operation, name) for name in kept} == {
            **kept, "kind": start.kind,
        }  # fmt: skip


@KINDS
def test_the_end_leaves_no_part_open_and_a_failure_says_why(kind: str) -> None:
    for _, decision in decided(kind):
        open_parts = [
            each for each in decision.operation.progress if each.status is Status.IN_PROGRESS
        ]
        if isinstance(decision, Done):
            assert {each.status for each in decision.operation.progress} == {Status.SUCCEEDED}
        if isinstance(decision, Fail):
            assert not open_parts
            assert decision.operation.reasons or decision.operation.doomed


@KINDS
def test_an_act_has_steps(kind: str) -> None:
    acts = [decision for _, decision in decided(kind) if isinstance(decision, Act)]

    assert acts
    assert all(act.steps for act in acts)


def test_production_is_switched_only_to_a_slot_that_is_ready_and_as_large() -> None:
    switched = 0
    for (_, seen, _), decision in decided("swap"):
        if not isinstance(decision, Act) or Switch(Listener.PRODUCTION, "prod-2") not in (
            decision.steps
        ):
            continue
        switched += 1
        assert unready(seen, "prod-2") == ()
        green = seen.services.get("prod-1")
        assert seen.services["prod-2"].running >= (green.running if green else 0)
        assert seen.healthy["prod-2"] >= seen.healthy["prod-1"]
    assert switched


def test_a_swap_only_ever_switches_to_what_it_leads_to() -> None:
    allowed = {Switch(Listener.PRODUCTION, "prod-2"), Switch(Listener.TEST, "prod-1")}
    for _, decision in decided("swap"):
        if isinstance(decision, Act):
            assert {step for step in decision.steps if isinstance(step, Switch)} <= allowed


def test_a_swap_never_fails_after_the_switch_and_goes_on_at_once() -> None:
    for (_, seen, _), decision in decided("swap"):
        if seen.production == "prod-2":
            assert isinstance(decision, Act | Done)


def test_no_stack_is_created_where_one_is() -> None:
    for (start, seen, _), decision in decided("create"):
        if isinstance(decision, Act) and CreateStack() in decision.steps:
            assert seen.stack is None or seen.stack.status == "DELETE_COMPLETE"
            assert start.stack_id is None
            assert start.template is not None
            assert not start.doomed


def test_a_create_deletes_only_its_own_stack() -> None:
    deleted = 0
    for (start, seen, _), decision in decided("create"):
        if isinstance(decision, Act) and DeleteStack() in decision.steps:
            deleted += 1
            assert seen.stack is not None
            assert seen.stack.operation == start.id
            assert decision.operation.stack_id == seen.stack.id
            assert decision.operation.doomed
    assert deleted


def test_a_doomed_create_is_never_done_and_stays_doomed() -> None:
    for (start, _, _), decision in decided("create"):
        if start.doomed:
            assert not isinstance(decision, Done)
            assert decision.operation.doomed


def test_a_delete_is_done_only_when_the_stack_is_gone() -> None:
    for (_, seen, _), decision in decided("delete"):
        if isinstance(decision, Done):
            assert seen.stack is None or seen.stack.status == "DELETE_COMPLETE"


def test_a_deploy_is_done_only_when_the_wanted_version_runs() -> None:
    for (start, seen, _), decision in decided("deploy"):
        if isinstance(decision, Done) and start.progress[0].status is Status.IN_PROGRESS:
            primary = seen.services["dev"].primary
            assert primary is not None
            assert (primary.task_definition, primary.state) == (
                decision.operation.progress[0].target, "COMPLETED",
            )  # fmt: skip


def test_nothing_is_retired_that_ecs_still_moves_to_or_that_is_to_stay() -> None:
    for _, decision in decided("deploy"):
        now_part = decision.operation.progress[0]
        stays = now_part.target if now_part.status is Status.SUCCEEDED else now_part.previous
        retired = [
            getattr(step, "task_definition", None)
            for step in getattr(decision, "steps", ())
            if type(step).__name__ == "Deregister"
        ]
        assert stays not in retired
