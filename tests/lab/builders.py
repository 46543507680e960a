"""Builders of operations, observations and decisions, so that a test case fits on one line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from devops_core import kinds
from devops_core.details import details_type
from devops_core.model.decisions import Act, Decision, Fail, Plan, Wait
from devops_core.model.inventory import Application, Inventory, Row, RowStatus
from devops_core.model.listeners import Listener, ListenerRules
from devops_core.model.observed import Deployment, Observed, RunningService, Stack
from devops_core.model.operation import Operation, Progress, Status
from devops_core.model.specification import ApplicationRecord
from devops_core.model.steps import Step
from devops_core.model.template import Template
from devops_core.naming import Environment

START = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
NOW = START + timedelta(minutes=2)
BEFORE = START - timedelta(days=1)
ID = "01KG8Z0000000000000000TEST"
STACK_ID = "stack/MyApp/1"
TEMPLATE = Template(url="s3://bucket/key", version="v1", sha256="ab")
# Members of a create whose service dev has variables.
CONFIGURED: Mapping[str, Any] = {"registers": ("dev",), "configures": ("dev",)}
# The members of a kind's details without a default.
_DETAILS: Mapping[str, Mapping[str, Any]] = {
    "swap": {"live": "prod-2", "idle": "prod-1"},
    "update": {"previous": 1},
}


class Summary(NamedTuple):
    """A decision without its operation, for comparisons.

    `decision` is the name of its type. Each step begins with the name of its type, because steps
    of two types can be equal tuples. `text` is the condition that a wait names, or the reasons of a
    failure.
    """

    decision: str
    steps: tuple[tuple[Any, ...], ...] = ()
    text: str = ""
    keep_rows: bool = False


def summary(decision: Decision) -> Summary:
    """Return the summary of a decision."""
    name, current = type(decision).__name__, decision.operation
    if isinstance(decision, Act):
        return acts(*decision.steps)
    if isinstance(decision, Wait):
        return waits(current.waiting_for or "")
    if isinstance(decision, Fail):
        return fails("; ".join(current.reasons), keep_rows=decision.keep_rows)
    return Summary(name)


def acts(*steps: Step) -> Summary:
    """Return the summary of an `Act` with these steps."""
    return Summary("Act", tuple(map(typed, steps)))


def typed(step: Step) -> tuple[Any, ...]:
    """Return a step with the name of its type."""
    return (type(step).__name__, *step)


def waits(condition: str) -> Summary:
    """Return the summary of a `Wait` for a condition."""
    return Summary("Wait", text=condition)


def fails(reasons: str, *, keep_rows: bool = False) -> Summary:
    """Return the summary of a `Fail` with reasons."""
    return Summary("Fail", text=reasons, keep_rows=keep_rows)


DONE = Summary("Done")


DIGEST = "sha256:" + "d" * 64


def part(service: str = "dev", **changes: Any) -> Progress:
    """Return the progress in a service; the service's name determines the environment."""
    roles = {"prod-1": Environment.PROD_GREEN, "prod-2": Environment.PROD_BLUE}
    environment = roles.get(service) or Environment(service.upper())
    return replace(Progress(environment=environment, service=service), **changes)


def rolling(service: str = "dev", **changes: Any) -> Progress:
    """Return the progress of a deploy of 1.1 over 1.0, registered and accepted by ECS."""
    facts: dict[str, Any] = {
        "target": "new", "previous": "old", "obsolete": "old", "version": "1.1",
        "image": "repo:1.1", "digest": DIGEST, "previous_version": "1.0", "asked_at": NOW,
        "sent": True,
    }  # fmt: skip
    return part(service, **(facts | changes))


def operation(kind: str = "deploy", *parts: Progress, **changes: Any) -> Operation:
    """Return an operation that was requested at START; `parts` default to one in dev.

    `changes` are members of the operation or of its kind's details.
    """
    rules, make = kinds.load(kind), details_type(kind)
    own = {name: changes.pop(name) for name in getattr(make, "_fields", ()) if name in changes}
    details = make and make(**{**_DETAILS.get(kind, {}), **own})
    base = Operation(
        id=ID,
        kind=kind,
        application="MyApp",
        caller="someone",
        requested_at=START,
        deadline=START + rules.limit,
        progress=parts or (part(),),
        details=details,
    )
    return replace(base, **changes)


def decide(operation: Operation, observed: Observed, now: datetime) -> Decision:
    """Return the next decision of the operation's kind."""
    return kinds.load(operation.kind).decide(operation, observed, now)


def overdue(kind: str) -> datetime:
    """Return the deadline of an operation of a kind."""
    return START + kinds.load(kind).limit


def stack(status: str = "CREATE_COMPLETE", **changes: Any) -> Stack:
    """Return the stack that the operation created."""
    return replace(Stack(id=STACK_ID, status=status, operation=ID), **changes)


def outputs(*services: str) -> dict[str, str]:
    """Return the outputs of a complete stack; the task definition of "dev" is "dev:1"."""
    shared = ("RepositoryUri", "ProductionListenerArn", "TestListenerArn", "ProductionUrl")
    keys = dict.fromkeys((*shared, "TestUrl"), "x")
    for service in services:
        prefix = service.replace("-", "")
        keys |= {f"{prefix}ServiceArn": service, f"{prefix}TargetGroupArn": service}
        keys |= {f"{prefix}TaskDefinitionArn": f"{service}:1", f"{prefix}Url": f"http://{service}"}
    return keys


def deployment(task_definition: str, state: str = "COMPLETED", **changes: Any) -> Deployment:
    """Return a deployment; it is the primary one without `primary=False`."""
    return replace(
        Deployment(task_definition=task_definition, primary=True, state=state), **changes
    )


def failed_deployment(
    task_definition: str = "new", reason: str = "tasks failed to start."
) -> Deployment:
    """Return a failed deployment that ECS still lists."""
    return deployment(task_definition, "FAILED", primary=False, reason=reason)


def service(
    *deployments: Deployment, name: str = "dev", desired: int = 1, **changes: Any
) -> RunningService:
    """Return an active service whose desired tasks all run."""
    running = RunningService(
        name=name, active=True, desired=desired, running=desired, pending=0, deployments=deployments
    )
    return replace(running, **changes)


def observed(*services: RunningService, **changes: Any) -> Observed:
    """Return an observation of services, with other members as `changes`.

    Their previous task definitions are ACTIVE.
    """
    names = {each.name: each for each in services}
    active = dict.fromkeys(names, True)
    return replace(Observed(services=names, previous_active=active), **changes)


def slot(name: str, desired: int = 1, *deployments: Deployment, **changes: Any) -> RunningService:
    """Return a production service with a complete rollout."""
    return service(*(deployments or (deployment("td"),)), name=name, desired=desired, **changes)


def production(live: str | None, test: str | None = None, **changes: Any) -> Observed:
    """Return production with two healthy slots; `live` and `test` are behind the listeners."""
    both = observed(
        slot("prod-1"),
        slot("prod-2"),
        production=live,
        test=test,
        listeners=dict.fromkeys(Listener, ListenerRules(forwards=True)),
        healthy={"prod-1": 1, "prod-2": 1},
    )
    return replace(both, **changes)


def swapping(**changes: Any) -> Operation:
    """Return a swap that makes prod-2 live."""
    parts = (part("prod-1"), part("prod-2"))
    return operation("swap", *parts, **changes)


def planned_delete(stack_id: str | None, record: ApplicationRecord | None = None) -> Plan:
    """Return the plan of a delete; `stack_id` is the stack in the inventory."""
    application = Application(name="MyApp", technical_team="Core", stack_id=stack_id)
    row = Row(application=application, environment=Environment.DEV, status=RowStatus.ACTIVE)
    inventory = Inventory({row.environment: row}, record)
    return kinds.load("delete").plan(None, inventory, Observed(), operation("delete"))


def statuses(decision: Decision) -> list[Status]:
    """Return the status of the decision's operation in each service."""
    return [each.status for each in decision.operation.progress]
