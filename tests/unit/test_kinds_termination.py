"""Every operation comes to an end: decisions are acted on in a small simulated AWS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest

from devops_core.model.decisions import Act, Decision, Done, Fail, Wait
from devops_core.model.observed import Deployment, Observed
from devops_core.model.operation import Operation
from devops_core.model.steps import (
    CreateStack,
    DeleteStack,
    Deregister,
    Listener,
    ReadTemplate,
    Register,
    Switch,
    UpdateService,
)
from tests.unit.builders import (
    CONFIGURED,
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
# A create may take an hour, and as long again to be undone; a wait is looked at every minute.
MOST_TURNS = 150


class Cloud:
    """What steps lead to. `healthy` says whether a rollout ever completes."""

    def __init__(self, seen: Observed, *, healthy: bool = True, moves: bool = True) -> None:
        self.seen = seen
        self.healthy = healthy
        self.moves = moves
        self.switches: list[str] = []

    def read(self, now: Operation, step: ReadTemplate) -> Operation:
        del step
        return replace(now, template=TEMPLATE)

    def create(self, now: Operation, step: CreateStack) -> Operation:
        del step
        self.seen = replace(self.seen, stack=stack("CREATE_IN_PROGRESS"))
        return now

    def delete(self, now: Operation, step: DeleteStack) -> Operation:
        del step
        assert self.seen.stack is not None
        self.seen = replace(self.seen, stack=replace(self.seen.stack, status="DELETE_IN_PROGRESS"))
        return now

    def register(self, now: Operation, step: Register) -> Operation:
        return self._noted(now, step.service, target=f"{step.service}:2")

    def update(self, now: Operation, step: UpdateService) -> Operation:
        running = self.seen.services[step.service]
        deployments = running.deployments
        if step.task_definition:
            deployments = (deployment(step.task_definition, "IN_PROGRESS"),)
        changed = replace(
            running, deployments=deployments, desired=step.desired_count or running.desired
        )
        self.seen = replace(self.seen, services={**self.seen.services, step.service: changed})
        return now if now.kind == "swap" else self._noted(now, step.service, sent=True)

    def deregister(self, now: Operation, step: Deregister) -> Operation:
        return self._noted(now, step.service, deregistered=True)

    def switch(self, now: Operation, step: Switch) -> Operation:
        if step.listener is Listener.TEST:
            self.seen = replace(self.seen, test=step.slot)
            return now
        self.switches.append(step.slot)
        self.seen = replace(self.seen, production=step.slot)
        return now

    def pass_time(self) -> None:
        """Let AWS come one step further on its own."""
        if not self.moves:
            return
        steps = {"CREATE_IN_PROGRESS": "CREATE_COMPLETE", "DELETE_IN_PROGRESS": "DELETE_COMPLETE"}
        now_stack = self.seen.stack
        if now_stack and now_stack.status in steps:
            now_stack = stack(steps[now_stack.status], outputs=outputs("dev"))
        services = {
            name: replace(
                each,
                running=each.desired,
                deployments=tuple(self._rolled(one) for one in each.deployments),
            )
            for name, each in self.seen.services.items()
        }
        self.seen = replace(self.seen, stack=now_stack, services=services)

    def _rolled(self, one: Deployment) -> Deployment:
        if one.state != "IN_PROGRESS":
            return one
        return replace(one, state="COMPLETED" if self.healthy else "FAILED")

    def _noted(self, now: Operation, name: str, **changes: Any) -> Operation:
        (old,) = (each for each in now.progress if each.service == name)
        return now.with_progress(replace(old, **changes))


def run(start: Operation, cloud: Cloud, now: datetime) -> Decision:
    """Return how an operation ends; what it waits for is looked at a minute later."""
    doing: dict[type[Any], Callable[[Operation, Any], Operation]] = {
        ReadTemplate: cloud.read, CreateStack: cloud.create, DeleteStack: cloud.delete,
        Register: cloud.register, UpdateService: cloud.update, Deregister: cloud.retire,
        Switch: cloud.switch,
    }  # fmt: skip
    current = start
    for _ in range(MOST_TURNS):
        decision = decide(current, cloud.seen, now)
        current = decision.operation
        if isinstance(decision, Done | Fail):
            return decision
        if isinstance(decision, Wait):
            now += MINUTE
            cloud.pass_time()
            continue
        assert isinstance(decision, Act)
        for step in decision.steps:
            current = doing[type(step)](current, step)
    raise AssertionError(f"no end: {current}")


def dev() -> Observed:
    return observed(service(deployment("dev:1")))


STARTS: dict[str, Callable[[], tuple[Operation, Observed]]] = {
    "create": lambda: (operation("create"), dev()),
    "create with variables": lambda: (operation("create", service=CONFIGURED), dev()),
    "doomed create": lambda: (
        operation("create", doomed=True, reasons=("x",)), replace(dev(), stack=stack())
    ),
    "deploy": lambda: (operation("deploy", part(previous="dev:1", obsolete="dev:1")), dev()),
    "deploy under way": lambda: (
        operation("deploy", rolling(target="dev:2", previous="dev:1")),
        observed(service(deployment("dev:2", "IN_PROGRESS"))),
    ),
    "deploy without deployment": lambda: (
        operation("deploy", rolling()), observed(service())
    ),
    "deploy to blue": lambda: (
        operation("deploy-blue", part("prod-2", previous="td")), production("prod-1", "prod-2")
    ),
    "swap": lambda: (swapping(), production("prod-1", "prod-2")),
    "swap to a smaller blue": lambda: (
        swapping(), replace(production("prod-1", "prod-2"), services={
            "prod-1": slot("prod-1", 3), "prod-2": slot("prod-2"),
        }),
    ),
    "swap to a sick blue": lambda: (
        swapping(), replace(production("prod-1", "prod-2"), healthy={})
    ),
    "swap halfway": lambda: (swapping(switched_at=NOW), production("prod-2", "prod-2")),
    "delete": lambda: (
        operation("delete", part(obsolete="dev:7"), stack_id="s"), Observed(stack=stack())
    ),
}  # fmt: skip
STUCK = ("deploy without deployment", "swap to a sick blue")


@pytest.mark.parametrize("name", STARTS)
@pytest.mark.parametrize("late", [False, True], ids=["in time", "overdue"])
@pytest.mark.parametrize(
    ("healthy", "moves"),
    list(product((True, False), (True, False))),
    ids=["all well", "AWS stands still", "rollouts fail", "nothing works"],
)
def test_every_operation_ends(name: str, late: bool, healthy: bool, moves: bool) -> None:
    start, seen = STARTS[name]()
    cloud = Cloud(seen, healthy=healthy, moves=moves)

    decision = run(start, cloud, overdue(start.kind) if late else START)

    assert isinstance(decision, Done | Fail)
    assert len(cloud.switches) <= 1


@pytest.mark.parametrize("name", [name for name in STARTS if name not in STUCK])
def test_what_can_succeed_does(name: str) -> None:
    start, seen = STARTS[name]()

    decision = run(start, Cloud(seen), START)

    assert isinstance(decision, Fail if start.doomed else Done)


@pytest.mark.parametrize("name", ["create with variables", "deploy", "deploy to blue"])
def test_a_rollout_that_fails_is_a_failure(name: str) -> None:
    start, seen = STARTS[name]()

    assert isinstance(run(start, Cloud(seen, healthy=False), START), Fail)


def test_a_failed_rollout_ends_on_the_version_before() -> None:
    start, seen = STARTS["deploy"]()
    cloud = Cloud(seen, healthy=False)

    run(start, cloud, START)

    primary = cloud.seen.services["dev"].primary
    assert primary is not None
    assert primary.task_definition == "dev:1"


def test_a_failed_create_leaves_no_stack() -> None:
    start, seen = STARTS["create with variables"]()
    cloud = Cloud(seen, healthy=False)

    run(start, cloud, START)

    assert cloud.seen.stack is not None
    assert cloud.seen.stack.status == "DELETE_COMPLETE"


def test_a_swap_that_failed_left_production_where_it_was() -> None:
    start, seen = STARTS["swap to a sick blue"]()
    cloud = Cloud(seen)

    assert isinstance(run(start, cloud, START), Fail)
    assert (cloud.seen.production, cloud.seen.test, cloud.switches) == ("prod-1", "prod-2", [])
