"""Every operation ends: the decisions of each kind, applied to a small simulation of AWS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest

from devops_core.model.decisions import Act, Decision, Done, Fail, Wait
from devops_core.model.listeners import Listener
from devops_core.model.observed import Deployment, Observed, RunningService
from devops_core.model.operation import Operation
from devops_core.model.steps import (
    CreateStack,
    DeleteStack,
    Deregister,
    ReadTemplate,
    Register,
    RemoveRevisions,
    ScaleService,
    Switch,
    UpdateService,
)
from devops_core.model.swap_policy import ALL
from tests.lab.builders import (
    CONFIGURED,
    ID,
    NOW,
    START,
    TEMPLATE,
    decide,
    deployment,
    observed,
    operation,
    outputs,
    overdue,
    part,
    production,
    rolling,
    service,
    slot,
    stack,
    swapping,
)

MINUTE = timedelta(minutes=1)
# A create may take an hour, and its undo another one; a waiting operation is observed every minute.
MOST_DECISIONS = 150


class SimulatedAws:
    """The effects of the steps. `healthy` rollouts complete; AWS `moves` on its own."""

    def __init__(self, seen: Observed, *, healthy: bool = True, moves: bool = True) -> None:
        self.seen = seen
        self.healthy = healthy
        self.moves = moves
        self.switches: list[str] = []
        self.revisions = 1

    def execute(self, current: Operation, step: Any) -> Operation:
        """Execute a step and return the operation with its result."""
        effects: Mapping[type[Any], Callable[[Operation, Any], Operation]] = {
            ReadTemplate: self._read_template,
            CreateStack: self._create_stack,
            DeleteStack: self._delete_stack,
            RemoveRevisions: self._remove_revisions,
            Register: self._register,
            UpdateService: self._update_service,
            ScaleService: self._scale_service,
            Deregister: self._deregister,
            Switch: self._switch,
        }
        return effects[type(step)](current, step)

    def pass_time(self) -> None:
        """Advance everything that AWS does on its own by one state."""
        if not self.moves:
            return
        states = {"CREATE_IN_PROGRESS": "CREATE_COMPLETE", "DELETE_IN_PROGRESS": "DELETE_COMPLETE"}
        current = self.seen.stack
        if current and current.status in states:
            current = stack(states[current.status], outputs=outputs("dev"))
        services = {
            name: replace(
                each,
                running=each.desired,
                deployments=tuple(map(self._rolled_out, each.deployments)),
            )
            for name, each in self.seen.services.items()
            if each
        }
        self.seen = replace(self.seen, stack=current, services=services)

    def running(self, name: str) -> RunningService:
        """Return a service that exists."""
        found = self.seen.services[name]
        assert found is not None
        return found

    def _rolled_out(self, each: Deployment) -> Deployment:
        if each.state != "IN_PROGRESS":
            return each
        return replace(each, state="COMPLETED" if self.healthy else "FAILED")

    def _read_template(self, current: Operation, step: ReadTemplate) -> Operation:
        del step
        return current.with_details(template=TEMPLATE)

    def _create_stack(self, current: Operation, step: CreateStack) -> Operation:
        del step
        self.seen = replace(self.seen, stack=stack("CREATE_IN_PROGRESS"))
        return current

    def _delete_stack(self, current: Operation, step: DeleteStack) -> Operation:
        assert step.token in (ID, f"{ID}-undo")
        assert self.seen.stack is not None
        self.seen = replace(self.seen, stack=replace(self.seen.stack, status="DELETE_IN_PROGRESS"))
        return current

    def _remove_revisions(self, current: Operation, step: RemoveRevisions) -> Operation:
        del step
        assert not current.details.cleared
        self.revisions = 0
        return current.with_details(cleared=True)

    def _register(self, current: Operation, step: Register) -> Operation:
        return current.with_progress(step.service, target=f"{step.service}:2")

    def _update_service(self, current: Operation, step: UpdateService) -> Operation:
        running = self.running(step.service)
        deployments = running.deployments
        if step.task_definition:
            deployments = (deployment(step.task_definition, "IN_PROGRESS"),)
        desired = step.desired_count or running.desired
        self._change(replace(running, deployments=deployments, desired=desired))
        return current.with_progress(step.service, sent=True)

    def _scale_service(self, current: Operation, step: ScaleService) -> Operation:
        self._change(replace(self.running(step.service), desired=step.desired_count))
        return current

    def _change(self, changed: RunningService) -> None:
        self.seen = replace(self.seen, services={**self.seen.services, changed.name: changed})

    def _deregister(self, current: Operation, step: Deregister) -> Operation:
        return current.with_progress(step.service, deregistered=True)

    def _switch(self, current: Operation, step: Switch) -> Operation:
        if step.listener is Listener.TEST:
            self.seen = replace(self.seen, test=step.slot)
            return current
        self.switches.append(step.slot)
        self.seen = replace(self.seen, production=step.slot)
        weight = ALL if step.slot == current.details.live else 0
        return replace(current, details=current.details.with_shift(weight, NOW))


def end_of(start: Operation, aws: SimulatedAws, now: datetime) -> Decision:
    """Return the last decision of an operation; a waiting one is observed a minute later."""
    current = start
    for _ in range(MOST_DECISIONS):
        decision = decide(current, aws.seen, now)
        current = decision.operation
        if isinstance(decision, Done | Fail):
            return decision
        if isinstance(decision, Wait):
            now += MINUTE
            aws.pass_time()
            continue
        assert isinstance(decision, Act)
        for step in decision.steps:
            current = aws.execute(current, step)
    raise AssertionError(f"the operation does not end: {current}")


def dev() -> Observed:
    return observed(service(deployment("dev:1")))


STARTS: dict[str, Callable[[], tuple[Operation, Observed]]] = {
    "create": lambda: (operation("create"), dev()),
    "create with a task count": lambda: (
        operation("create", part(desired_count=2), configures=("dev",)), dev()
    ),
    "create with variables": lambda: (operation("create", **CONFIGURED), dev()),
    "undo of a create": lambda: (
        operation("create", undoing=True, reasons=("x",)), replace(dev(), stack=stack())
    ),
    "deploy": lambda: (operation("deploy", part(previous="dev:1", obsolete="dev:1")), dev()),
    "deploy in progress": lambda: (
        operation("deploy", rolling(target="dev:2", previous="dev:1")),
        observed(service(deployment("dev:2", "IN_PROGRESS"))),
    ),
    "deploy without deployment": lambda: (
        operation("deploy", rolling()), observed(service())
    ),
    "update": lambda: (
        operation("update", part(previous="dev:1", keeps_image=True, spec_hash="5e")), dev()
    ),
    "update of a task count": lambda: (
        operation(
            "update",
            part(previous="dev:1", target="dev:1", keeps_image=True, desired_count=3),
        ),
        dev(),
    ),
    "update without a rollout": lambda: (replace(operation("update"), progress=()), dev()),
    "promote": lambda: (
        operation("deploy-blue", part("prod-2", previous="td")), production("prod-1", "prod-2")
    ),
    "swap": lambda: (swapping(), production("prod-1", "prod-2")),
    "swap to a smaller slot": lambda: (
        swapping(), replace(production("prod-1", "prod-2"), services={
            "prod-1": slot("prod-1", 3), "prod-2": slot("prod-2"),
        }),
    ),
    "swap to an unhealthy slot": lambda: (
        swapping(), replace(production("prod-1", "prod-2"), healthy={})
    ),
    "swap after the switch": lambda: (
        swapping(weight=ALL, switched_at=NOW), production("prod-2", "prod-2")
    ),
    "delete": lambda: (
        operation("delete", part(obsolete="dev:7"), stack_id="s"), Observed(stack=stack())
    ),
}  # fmt: skip
CANNOT_SUCCEED = ("undo of a create", "deploy without deployment", "swap to an unhealthy slot")


@pytest.mark.parametrize("name", STARTS)
@pytest.mark.parametrize("late", [False, True], ids=["in time", "overdue"])
@pytest.mark.parametrize(
    ("healthy", "moves"),
    list(product((True, False), (True, False))),
    ids=["AWS works", "AWS does not move", "rollouts fail", "rollouts fail, AWS does not move"],
)
def test_every_operation_ends(name: str, late: bool, healthy: bool, moves: bool) -> None:
    start, seen = STARTS[name]()
    aws = SimulatedAws(seen, healthy=healthy, moves=moves)

    decision = end_of(start, aws, overdue(start.kind) if late else START)

    assert isinstance(decision, Done | Fail)
    assert len(aws.switches) <= 1


@pytest.mark.parametrize("name", STARTS)
def test_every_operation_succeeds_if_nothing_prevents_it(name: str) -> None:
    start, seen = STARTS[name]()

    decision = end_of(start, SimulatedAws(seen), START)

    assert isinstance(decision, Fail if name in CANNOT_SUCCEED else Done)


@pytest.mark.parametrize("name", ["create with variables", "deploy", "promote", "update"])
def test_an_operation_with_a_failed_rollout_fails(name: str) -> None:
    start, seen = STARTS[name]()

    assert isinstance(end_of(start, SimulatedAws(seen, healthy=False), START), Fail)


def test_a_failed_deploy_ends_with_the_previous_task_definition() -> None:
    start, seen = STARTS["deploy"]()
    aws = SimulatedAws(seen, healthy=False)

    end_of(start, aws, START)

    primary = aws.running("dev").primary
    assert primary is not None
    assert primary.task_definition == "dev:1"


def test_a_failed_create_ends_without_a_stack() -> None:
    start, seen = STARTS["create with variables"]()
    aws = SimulatedAws(seen, healthy=False)

    end_of(start, aws, START)

    assert aws.seen.stack is not None
    assert aws.seen.stack.status == "DELETE_COMPLETE"


@pytest.mark.parametrize("moves", [True, False])
def test_a_delete_removes_the_revisions_only_with_the_stack(moves: bool) -> None:
    start, seen = STARTS["delete"]()
    aws = SimulatedAws(seen, moves=moves)

    decision = end_of(start, aws, START)

    assert (type(decision), aws.revisions) == ((Done, 0) if moves else (Fail, 1))


def test_a_failed_swap_changes_no_listener() -> None:
    start, seen = STARTS["swap to an unhealthy slot"]()
    aws = SimulatedAws(seen)

    decision = end_of(start, aws, START)

    assert isinstance(decision, Fail)
    assert (aws.seen.production, aws.seen.test, aws.switches) == ("prod-1", "prod-2", [])
